#include "lib/policy/assertion_file.h"

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
                 {"says", "purpose", "facts", "allow", "deny", "human", "ways", "turns", "then"});
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
    for (const YAML::Node& node : reader_.List(root, "turns")) out.turns.push_back(ReadTurn(node, step));
    for (const YAML::Node& node : reader_.List(root, "then")) {
      step.lines.clear();
      ReadChange(node, step);
      out.steps.push_back(step);
    }
    bool any = !out.turns.empty() ||
               std::any_of(out.steps.begin(), out.steps.end(), [](const Step& s) { return !s.lines.empty(); });
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
      Reader who;
      if (entry.second.IsMap()) {
        reader_.Keys(entry.second, "recipient", {"kind"}, {"role", "assurance", "is"});
      }
      const std::string kind = entry.second.IsMap()      ? reader_.Text(entry.second, "kind")
                               : entry.second.IsScalar() ? entry.second.Scalar()
                                                         : "";
      auto agency = AgencyFromName(kind);
      if (name.empty() || !agency) {
        reader_.Fault(entry.first, "recipients: unknown kind of service " + Quoted(kind));
        return;
      }
      who.agency = *agency;
      // A person has logged in as itself, at the highest level, unless the file says otherwise.
      if (IsPerson(*agency)) {
        who.role = Role::kSubj;
        who.assurance = Assurance::kHigh;
      }
      if (entry.second.IsMap()) {
        Attest(entry.second, who);
        if (reader_.Child(entry.second, "is").IsDefined()) ReadIs(reader_.Child(entry.second, "is"), who.is);
      }
      if (!step.recipients.emplace(name, who).second) {
        reader_.Fault(entry.first, "recipients: " + Quoted(name) + " stands twice");
        return;
      }
    }
  }

  void Attest(const YAML::Node& map, Reader& who) {
    if (reader_.Child(map, "role").IsDefined()) {
      auto role = RoleFromName(reader_.Text(map, "role"));
      if (!role) Fault(map, "role", "role: unknown");
      who.role = role.value_or(Role::kNone);
    }
    if (reader_.Child(map, "assurance").IsDefined()) {
      auto assurance = AssuranceFromName(reader_.Text(map, "assurance"));
      if (!assurance) Fault(map, "assurance", "assurance: unknown");
      who.assurance = assurance.value_or(Assurance::kNone);
    }
  }

  // {location-shield: yes, party: unknown}
  void ReadIs(const YAML::Node& node, Known& is) {
    if (!reader_.Ok()) return;
    if (!node.IsMap()) {
      reader_.Fault(node, "is: facts, each yes, no or unknown");
      return;
    }
    for (const auto& entry : node) {
      auto fact = FactFromName(entry.first.IsScalar() ? entry.first.Scalar() : "");
      auto truth = TruthFromName(entry.second.IsScalar() ? entry.second.Scalar() : "");
      if (!fact || !truth || Derived().Has(*fact)) {
        reader_.Fault(entry.first,
                      fact && truth ? "this fact is worked out, not said" : "a fact is yes, no or unknown");
        return;
      }
      is = is.With(*fact, *truth);
    }
  }

  std::optional<int> Age(const YAML::Node& map) {
    std::string text = reader_.Text(map, "age");
    if (text == "unknown") return std::nullopt;
    if (text.empty() || text.size() > 3 || text.find_first_not_of("0123456789") != std::string::npos) {
      Fault(map, "age", "age: whole years, or unknown");
      return std::nullopt;
    }
    return std::stoi(text);
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
    reader_.Keys(node, "facts", {}, {"known", "gated", "consents", "age", "is", "refusals"});
    step.known = reader_.Flag(node, "known", true);
    step.gated = Set(node, "gated");
    if (reader_.Child(node, "age").IsDefined()) step.age = Age(node);
    if (reader_.Child(node, "is").IsDefined()) ReadIs(reader_.Child(node, "is"), step.is);
    for (const YAML::Node& consent : reader_.List(node, "consents")) AddConsent(consent, step);
    for (const YAML::Node& refusal : reader_.List(node, "refusals")) AddRefusal(refusal, step);
  }

  void AddRefusal(const YAML::Node& node, Step& step) {
    reader_.Keys(node, "refusal", {"kind", "categories"}, {"recipient"});
    No no;
    const std::string kind = reader_.Text(node, "kind");
    if (kind != "objection" && kind != "exclusion") Fault(node, "kind", "kind: objection or exclusion");
    if (kind == "exclusion") no.kind = Refusal::Kind::kExclusion;
    no.categories = Set(node, "categories");
    if (reader_.Child(node, "recipient").IsDefined()) no.recipient = Recipient(node, "recipient", step);
    step.refusals.push_back(std::move(no));
  }

  void AddConsent(const YAML::Node& node, Step& step) {
    reader_.Keys(node, "consent", {"id", "recipient", "categories", "from", "until"},
                 {"purpose", "withdrawn", "subject", "by"});
    Grant grant;
    grant.id = reader_.Text(node, "id");
    grant.recipient = Recipient(node, "recipient", step);
    grant.categories = Set(node, "categories");
    grant.purpose = reader_.Child(node, "purpose").IsDefined() ? reader_.Text(node, "purpose") : step.purpose;
    if (auto from = reader_.When(node, "from")) grant.from = *from;
    if (auto until = reader_.When(node, "until")) grant.until = *until;
    grant.withdrawn = reader_.Flag(node, "withdrawn", false);
    grant.subject = reader_.Text(node, "subject");
    const std::string by = reader_.Text(node, "by");
    if (!by.empty() && by != "parents" && by != "self") Fault(node, "by", "by: parents or self");
    if (by == "self") grant.by = ConsentBy::kSelf;
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
                 {"at", "grant", "withdraw", "gate", "suspend", "known", "age", "is", "of", "refuse", "allow", "deny",
                  "human", "ways"});
    step.says = reader_.Text(node, "says");
    Change(node, step);
    ReadLines(node, step);
    if (step.lines.empty()) reader_.Fault(node, "step: it asserts nothing");
  }

  void Change(const YAML::Node& node, Step& step) {
    auto has = [&](std::string_view key) { return reader_.Child(node, key).IsDefined(); };
    if (auto at = reader_.When(node, "at")) {
      if (*at < step.at) Fault(node, "at", "at: earlier than the step before");
      step.at = *at;
    }
    if (has("grant")) AddConsent(reader_.Child(node, "grant"), step);
    if (has("refuse")) AddRefusal(reader_.Child(node, "refuse"), step);
    if (has("age")) step.age = Age(node);
    if (has("is")) ReadIs(reader_.Child(node, "is"), step.is);
    if (has("of")) ReadOf(reader_.Child(node, "of"), step);
    if (has("withdraw")) {
      std::string id = reader_.Text(node, "withdraw");
      Grant* grant = FindConsent(step, id);
      if (grant == nullptr) {
        Fault(node, "withdraw", "withdraw: there is no consent " + Quoted(id));
      } else {
        grant->withdrawn = true;
      }
    }
    step.gated = step.gated.Or(Set(node, "gate"));
    if (has("suspend")) {
      auto found = step.recipients.find(Recipient(node, "suspend", step));
      if (found != step.recipients.end()) found->second.active = false;
    }
    step.known = reader_.Flag(node, "known", step.known);
  }

  // of: {mother: {location-shield: yes}}
  void ReadOf(const YAML::Node& node, Step& step) {
    if (!reader_.Ok()) return;
    if (!node.IsMap()) {
      reader_.Fault(node, "of: a recipient, and facts about it");
      return;
    }
    for (const auto& entry : node) {
      auto who = step.recipients.find(entry.first.IsScalar() ? entry.first.Scalar() : "");
      if (who == step.recipients.end()) {
        reader_.Fault(entry.first, "of: not among the recipients");
        return;
      }
      ReadIs(entry.second, who->second.is);
    }
  }

  // A row, a line that it answers, and the one fact that turns the answer.
  Turn ReadTurn(const YAML::Node& node, const Step& step) {
    Turn out;
    out.given = step;
    out.given.lines.clear();
    reader_.Keys(node, "turn", {"row"}, {"allow", "deny", "human", "way", "deny_if", "allow_if", "says"});
    if (!reader_.Ok()) return out;
    out.line = node.Mark().line + 1;
    out.row = reader_.Text(node, "row");
    int lines = 0;
    auto read = [&](std::string_view key, Expect expect) {
      YAML::Node line = reader_.Child(node, key);
      if (!line.IsDefined()) return;
      ++lines;
      out.before = ReadLine(line, expect, step);
    };
    read("allow", Expect::kAllow);
    read("deny", Expect::kDeny);
    read("human", Expect::kHuman);
    read("way", Expect::kWay);
    const bool closed = out.before.expect == Expect::kDeny;
    const YAML::Node change = reader_.Child(node, closed ? "allow_if" : "deny_if");
    if (reader_.Ok() && (lines != 1 || !change.IsDefined() || !change.IsMap() || change.size() != 1)) {
      reader_.Fault(node, "turn: one of allow, human, way with deny_if, or deny with allow_if; and one change");
    }
    if (!reader_.Ok()) return out;
    out.changed = out.given;
    out.after = out.before;
    out.after.expect = closed ? Expect::kAllow : Expect::kDeny;
    reader_.Keys(change, "change", {},
                 {"at", "grant", "withdraw", "gate", "suspend", "known", "age", "is", "of", "refuse", "line", "role",
                  "assurance", "verified"});
    YAML::Emitter emitter;
    emitter << YAML::Flow << change;
    out.fact = emitter.c_str();
    CheckOneFact(change, "is");
    if (reader_.Child(change, "of").IsDefined() && reader_.Ok()) {
      YAML::Node of = reader_.Child(change, "of");
      if (!of.IsMap() || of.size() != 1 || !of.begin()->second.IsMap() || of.begin()->second.size() != 1) {
        reader_.Fault(change, "turn: one fact of one reader");
      }
    }
    if (reader_.Child(change, "line").IsDefined()) {
      out.after = ReadLine(reader_.Child(change, "line"), out.after.expect, step);
      CheckOneWord(change, out.before.text, out.after.text);
    }
    out.verified = reader_.Flag(change, "verified", false);
    Attest(change, out.changed.recipients[out.before.recipient]);
    Change(change, out.changed);
    return out;
  }

  void CheckOneFact(const YAML::Node& change, std::string_view key) {
    YAML::Node facts = reader_.Child(change, key);
    if (facts.IsDefined() && (!facts.IsMap() || facts.size() != 1)) reader_.Fault(change, "turn: one fact");
  }

  // Both lines are the same but for one word.
  void CheckOneWord(const YAML::Node& at, const std::string& before, const std::string& after) {
    std::istringstream a(before), b(after);
    std::string one, other;
    int differ = 0;
    while (true) {
      const bool more_a = static_cast<bool>(a >> one);
      const bool more_b = static_cast<bool>(b >> other);
      if (!more_a && !more_b) break;
      if (more_a != more_b) differ = 2;
      if (more_a && more_b && one != other) ++differ;
      if (differ > 1) break;
    }
    if (differ != 1) reader_.Fault(at, "turn: the lines must differ in one word");
  }

  void ReadLines(const YAML::Node& map, Step& step) {
    ReadList(map, "allow", Expect::kAllow, step);
    ReadList(map, "deny", Expect::kDeny, step);
    ReadList(map, "human", Expect::kHuman, step);
    ReadList(map, "ways", Expect::kWay, step);
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
        out.giver = named->second.agency;
        out.giver_recipient = value;
        return true;
      }
      out.giver = AgencyFromName(value).value_or(Agency::kUnknown);
      return out.giver != Agency::kUnknown;
    }
    if (word == "for") {
      out.purpose = value;
      return true;
    }
    if (word == "describes") {
      std::istringstream names(value);
      for (std::string name; std::getline(names, name, '|');) out.describes.push_back(name);
      return !out.describes.empty();
    }
    if (word == "placed") {
      auto placed = value == "nothing" ? std::optional(CategorySet{}) : Categories(value);
      if (placed) out.placed = *placed;
      return placed.has_value();
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
      for (int i = 0; i < kMissingCount; ++i) {
        if (Name(static_cast<Missing>(i)) == value) return true;
      }
    }
    return false;
  }

  std::string source_;
  yaml::Reader reader_;
};

}  // namespace

Result<AssertionFile> Parse(std::string_view text, std::string source) {
  return FileReader(std::move(source)).Read(text);
}

}  // namespace stafett::policy::files
