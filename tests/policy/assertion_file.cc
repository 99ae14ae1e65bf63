#include "assertion_file.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "lib/policy/file.h"
#include "lib/policy/strict_yaml.h"

namespace stafett::policy::files {
namespace {

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::optional<CategorySet> Categories(std::string_view text) {
  CategorySet out;
  while (true) {
    auto bar = text.find('|');
    auto one = CategorySetFromName(text.substr(0, bar));
    if (!one) return std::nullopt;
    out = out.Or(*one);
    if (bar == std::string_view::npos) return out;
    text.remove_prefix(bar + 1);
  }
}

class FileReader {
 public:
  explicit FileReader(std::string source) : source_(source), reader_(source, "ASSERTION_FILE") {}

  Result<AssertionFile> Read(std::string_view text) {
    AssertionFile out;
    YAML::Node root = reader_.Parse(text);
    reader_.Keys(root, "the file", {"law", "at", "recipients"},
                 {"says", "purpose", "facts", "allow", "deny", "human", "then"});
    out.source = source_;
    out.law = reader_.Text(root, "law");
    out.says = reader_.Text(root, "says");
    Step step;
    if (auto at = reader_.When(root, "at")) step.at = *at;
    step.purpose = reader_.Child(root, "purpose").IsDefined() ? reader_.Text(root, "purpose") : "follow-up";
    ReadRecipients(reader_.Child(root, "recipients"), step);
    if (reader_.Child(root, "facts").IsDefined()) ReadFacts(reader_.Child(root, "facts"), step);
    ReadLines(root, step);
    out.steps.push_back(step);
    for (const YAML::Node& node : reader_.List(root, "then")) {
      step.lines.clear();
      ReadChange(node, step);
      out.steps.push_back(step);
    }
    bool any = std::any_of(out.steps.begin(), out.steps.end(), [](const Step& s) { return !s.lines.empty(); });
    if (!any) reader_.Fault(root, "the file asserts nothing");
    if (!reader_.Ok()) return tl::unexpected(reader_.error());
    return out;
  }

 private:
  void Fault(const YAML::Node& map, std::string_view key, const std::string& message) {
    reader_.Fault(reader_.KeyOf(map, key), message);
  }

  void ReadRecipients(const YAML::Node& node, Step& step) {
    if (!reader_.Ok()) return;
    if (!node.IsMap()) {
      reader_.Fault(node, "recipients: a name and its kind of service each");
      return;
    }
    for (const auto& entry : node) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const std::string kind = entry.second.IsScalar() ? entry.second.Scalar() : "";
      auto agency = AgencyFromName(kind);
      if (name.empty() || !agency) {
        reader_.Fault(entry.first, "recipients: unknown kind of service " + Quoted(kind));
        return;
      }
      if (!step.recipients.emplace(name, std::pair(*agency, true)).second) {
        reader_.Fault(entry.first, "recipients: " + Quoted(name) + " stands twice");
        return;
      }
    }
  }

  CategorySet Set(const YAML::Node& map, std::string_view key) {
    CategorySet out;
    for (const std::string& name : reader_.Texts(map, key)) {
      auto one = CategorySetFromName(name);
      if (!one) Fault(map, key, std::string(key) + ": unknown category " + Quoted(name));
      out = out.Or(one.value_or(CategorySet{}));
    }
    return out;
  }

  void ReadFacts(const YAML::Node& node, Step& step) {
    reader_.Keys(node, "facts", {}, {"known", "gated", "consents"});
    step.known = reader_.Flag(node, "known", true);
    step.gated = Set(node, "gated");
    for (const YAML::Node& consent : reader_.List(node, "consents")) AddConsent(consent, step);
  }

  void AddConsent(const YAML::Node& node, Step& step) {
    reader_.Keys(node, "consent", {"id", "recipient", "categories", "from", "until"}, {"purpose", "withdrawn"});
    Grant grant;
    grant.id = reader_.Text(node, "id");
    grant.recipient = Recipient(node, "recipient", step);
    grant.categories = Set(node, "categories");
    grant.purpose = reader_.Child(node, "purpose").IsDefined() ? reader_.Text(node, "purpose") : step.purpose;
    if (auto from = reader_.When(node, "from")) grant.from = *from;
    if (auto until = reader_.When(node, "until")) grant.until = *until;
    grant.withdrawn = reader_.Flag(node, "withdrawn", false);
    if (FindConsent(step, grant.id) != nullptr) {
      Fault(node, "id", "consent " + Quoted(grant.id) + " stands twice");
    }
    step.consents.push_back(std::move(grant));
  }

  std::string Recipient(const YAML::Node& map, std::string_view key, const Step& step) {
    std::string name = reader_.Text(map, key);
    if (step.recipients.find(name) == step.recipients.end()) {
      Fault(map, key, std::string(key) + ": " + Quoted(name) + " is not among the recipients");
    }
    return name;
  }

  static Grant* FindConsent(Step& step, std::string_view id) {
    for (Grant& grant : step.consents) {
      if (grant.id == id) return &grant;
    }
    return nullptr;
  }

  // What is different from the step before.
  void ReadChange(const YAML::Node& node, Step& step) {
    reader_.Keys(node, "step", {"says"},
                 {"at", "grant", "withdraw", "gate", "suspend", "known", "allow", "deny", "human"});
    step.says = reader_.Text(node, "says");
    if (auto at = reader_.When(node, "at")) {
      if (*at < step.at) Fault(node, "at", "at: earlier than the step before");
      step.at = *at;
    }
    if (reader_.Child(node, "grant").IsDefined()) AddConsent(reader_.Child(node, "grant"), step);
    if (reader_.Child(node, "withdraw").IsDefined()) {
      std::string id = reader_.Text(node, "withdraw");
      Grant* grant = FindConsent(step, id);
      if (grant == nullptr) {
        Fault(node, "withdraw", "withdraw: there is no consent " + Quoted(id));
      } else {
        grant->withdrawn = true;
      }
    }
    step.gated = step.gated.Or(Set(node, "gate"));
    if (reader_.Child(node, "suspend").IsDefined()) {
      auto found = step.recipients.find(Recipient(node, "suspend", step));
      if (found != step.recipients.end()) found->second.second = false;
    }
    step.known = reader_.Flag(node, "known", step.known);
    ReadLines(node, step);
    if (step.lines.empty()) reader_.Fault(node, "step: it asserts nothing");
  }

  void ReadLines(const YAML::Node& map, Step& step) {
    ReadList(map, "allow", Expect::kAllow, step);
    ReadList(map, "deny", Expect::kDeny, step);
    ReadList(map, "human", Expect::kHuman, step);
  }

  void ReadList(const YAML::Node& map, std::string_view key, Expect expect, Step& step) {
    for (const YAML::Node& node : reader_.List(map, key)) {
      if (!node.IsScalar()) {
        reader_.Fault(node, std::string(key) + ": a line of text is expected");
        return;
      }
      step.lines.push_back(ReadLine(node, expect, step));
    }
  }

  Line ReadLine(const YAML::Node& node, Expect expect, const Step& step) {
    Line out;
    out.line = node.Mark().line + 1;
    out.text = node.Scalar();
    out.expect = expect;
    std::istringstream words(out.text);
    std::string learns, categories;
    words >> out.recipient >> learns >> categories;
    auto fault = [&](const std::string& message) { reader_.Fault(node, message + ", in: " + out.text); };
    if (learns != "learns") {
      fault("expected \"<recipient> learns <CATEGORIES> from <SERVICE>\"");
      return out;
    }
    if (step.recipients.find(out.recipient) == step.recipients.end()) {
      fault(Quoted(out.recipient) + " is not among the recipients");
    }
    auto shown = Categories(categories);
    if (!shown) fault("unknown category in " + Quoted(categories));
    out.learns = out.item = shown.value_or(CategorySet{});
    for (std::string word, value; words >> word;) {
      if (!(words >> value)) {
        fault("nothing follows " + Quoted(word));
        return out;
      }
      if (!ReadClause(word, value, step, out)) {
        fault("cannot read " + Quoted(word + " " + value));
        return out;
      }
    }
    if (out.giver == Agency::kUnknown) fault("\"from\" is missing");
    if (!out.learns.Minus(out.item).Empty()) fault("learns more than the item holds");
    if (expect == Expect::kHuman && out.start) fault("a person is asked on request only");
    return out;
  }

  static bool ReadClause(const std::string& word, const std::string& value, const Step& step, Line& out) {
    if (word == "of") {
      auto item = Categories(value);
      if (item) out.item = *item;
      return item.has_value();
    }
    if (word == "from") {
      // Either a kind of service, or one of the recipients by name.
      auto named = step.recipients.find(value);
      if (named != step.recipients.end()) {
        out.giver = named->second.first;
        out.giver_recipient = value;
        return true;
      }
      out.giver = AgencyFromName(value).value_or(Agency::kUnknown);
      return out.giver != Agency::kUnknown;
    }
    if (word == "on") {
      out.start = StartFromName(value);
      return out.start == Start::kPush || out.start == Start::kRequest;
    }
    if (word == "by") {
      out.rule = value;
      return true;
    }
    if (word == "because") {
      out.because = value;
      for (int i = 0; i <= static_cast<int>(Missing::kHumanDecision); ++i) {
        if (Name(static_cast<Missing>(i)) == value) return true;
      }
    }
    return false;
  }

  std::string source_;
  yaml::Reader reader_;
};

constexpr CategorySet kCarried = CategorySet{}.With(Category::kExist).With(Category::kIdent);

bool Holds(const Line& line, Start start, const Decision& decision) {
  switch (line.expect) {
    case Expect::kAllow: {
      // Exactly what the line says: one category too many is a leak, and must not pass as
      // "allowed".
      CategorySet gate_free = decision.fields.Minus(kCarried);
      return decision.verdict == Verdict::kDisclose && gate_free == line.learns.Minus(kCarried) &&
             line.learns.Minus(decision.fields).Empty();
    }
    case Expect::kDeny:
      // "Learns X of X|Y" denied: X is not shown, Y may be. Of X alone: nothing at all, and nobody
      // is asked.
      return decision.fields.And(line.learns).Empty() &&
             (!(line.item == line.learns) || decision.verdict == Verdict::kWithhold);
    case Expect::kHuman:
      return start == Start::kPush ? decision.verdict == Verdict::kWithhold : decision.verdict == Verdict::kHuman;
  }
  return false;
}

std::string Describe(const Explanation& e, CategorySet fields) {
  return e.verdict + " " + (fields.Empty() ? std::string("nothing") : Join(fields)) + ", rule " + e.rule +
         ", missing " + e.missing;
}

void CheckLine(const RuleSet& rules, const AssertionFile& file, const Step& step, const Line& line, Start start,
               std::vector<std::string>& failures) {
  std::vector<Consent> consents;
  for (const Grant& grant : step.consents) {
    consents.push_back(
        {grant.id, grant.recipient, grant.categories, grant.purpose, grant.from, grant.until, grant.withdrawn});
  }
  const auto& [agency, active] = step.recipients.at(line.recipient);
  const Item item{line.giver, line.giver_recipient, line.item, step.purpose};
  const Recipient to{line.recipient, agency, active};
  const Facts facts{step.known, consents, step.gated};
  const Decision decision = Decide(rules, item, to, facts, start, step.at);
  const Explanation words = Explain(rules, item, to, facts, start, step.at);
  // A human row is asserted for the read; on a push it must only stay silent.
  const bool silent = line.expect == Expect::kHuman && start == Start::kPush;
  bool ok = Holds(line, start, decision) && (silent || line.rule.empty() || line.rule == words.rule) &&
            (silent || line.because.empty() || line.because == words.missing);
  if (ok) return;
  failures.push_back(file.source + ":" + std::to_string(line.line) + ": does not hold on " + std::string(Name(start)) +
                     ": " + line.text + (step.says.empty() ? "" : " (after: " + step.says + ")") +
                     "; came: " + Describe(words, decision.fields) + "; law: " + file.law);
}

}  // namespace

Result<AssertionFile> Parse(std::string_view text, std::string source) {
  return FileReader(std::move(source)).Read(text);
}

std::vector<std::string> Check(const RuleSet& rules, const AssertionFile& file) {
  std::vector<std::string> failures;
  for (const Step& step : file.steps) {
    for (const Line& line : step.lines) {
      for (Start start : {Start::kPush, Start::kRequest}) {
        if (line.start && *line.start != start) continue;
        CheckLine(rules, file, step, line, start, failures);
      }
    }
  }
  return failures;
}

}  // namespace stafett::policy::files
