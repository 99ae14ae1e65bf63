// The whole file: its acts, its facts, its rows together; and what a controller changes in it.
#include "lib/policy/file.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lib/policy/row.h"
#include "lib/seal/seal.h"

namespace stafett::policy {
namespace {

using internal::Allows;
using internal::Laws;
using internal::Subset;
using internal::Validity;

// The whole catalogue of law.md has 60 rows; more than this is a generated mistake, and Decide
// scans them all.
constexpr std::size_t kMostRules = 500;

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

constexpr Time kNotInForce{std::numeric_limits<std::int64_t>::max()};

bool Overlap(const Rule& a, const Rule& b) {
  if (a.valid_from == kNotInForce || b.valid_from == kNotInForce) return false;
  return (!a.valid_to || b.valid_from < *a.valid_to) && (!b.valid_to || a.valid_from < *b.valid_to);
}

// Whether whatever `rule` would show is taken out by the gate on every day and whatever the facts are.
bool NeverShows(const Rule& rule, const Rule& gate) {
  return gate.effect == Effect::kDeny && gate.only == Only::kEverything && gate.when.Empty() &&
         Subset(rule.givers, gate.givers) && Subset(rule.receivers, gate.receivers) &&
         rule.categories.Minus(gate.categories).Empty() && gate.valid_from <= rule.valid_from &&
         (!gate.valid_to || (rule.valid_to && *rule.valid_to <= *gate.valid_to));
}

// Across rows: an id names one row on any one day, one row closes, no row contradicts another.
void CheckSet(yaml::Reader& reader, const std::vector<Rule>& rules, const std::vector<YAML::Node>& rows) {
  const Rule* closing = nullptr;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto fault = [&](const std::string& message) { reader.Fault(rows[i], "rule " + rules[i].id + ": " + message); };
    for (std::size_t j = 0; j < i; ++j) {
      if (rules[i].id == rules[j].id && Overlap(rules[i], rules[j])) fault("this id stands twice for the same days");
    }
    if (rules[i].effect == Effect::kDefault) {
      if (closing != nullptr) fault("there is a DEFAULT row already");
      closing = &rules[i];
    }
    if (!Allows(rules[i].effect) && rules[i].effect != Effect::kHuman) continue;
    for (const Rule& gate : rules) {
      if (NeverShows(rules[i], gate)) fault("contradicts " + gate.id + ", which takes out all that it would show");
    }
  }
}

// What no file may be without, nor hold in a looser form (law.md §9.8).
void CheckFloors(yaml::Reader& reader, const YAML::Node& root, const std::vector<Rule>& rules) {
  for (const std::string& id : reader.Texts(root, "floors")) {
    auto at = std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) { return rule.id == id; });
    auto fault = [&](const std::string& why) { reader.Fault(reader.KeyOf(root, "floors"), "floors: " + id + why); };
    if (at == rules.end()) {
      fault(" is missing");
    } else if (at->loosen == "YES") {
      fault(" may not be loosened by anybody");
    } else if (at->effect != Effect::kDeny && at->effect != Effect::kDuty && at->effect != Effect::kDefault) {
      fault(" must be a gate, a duty or the closing row");
    }
  }
}

Laws ReadLaws(yaml::Reader& reader, const YAML::Node& root) {
  Laws out;
  for (const YAML::Node& node : reader.List(root, "laws")) {
    reader.Keys(node, "law", {"id", "act"}, {"from", "to"});
    std::string id = reader.Text(node, "id");
    reader.Text(node, "act");
    // An act that is not in force has no first day yet.
    Validity law{reader.When(node, "from").value_or(kNotInForce), reader.When(node, "to")};
    if (law.to && *law.to <= law.from) reader.Fault(reader.KeyOf(node, "to"), "law " + id + ": \"to\" before \"from\"");
    if (!out.emplace(id, law).second) reader.Fault(node, "law " + id + " stands twice");
  }
  return out;
}

FactSet ReadFacts(yaml::Reader& reader, const YAML::Node& root) {
  FactSet named, recorded;
  for (const YAML::Node& node : reader.List(root, "facts")) {
    reader.Keys(node, "fact", {"id", "means"}, {"recorded"});
    std::string id = reader.Text(node, "id");
    reader.Text(node, "means");
    auto fact = FactFromName(id);
    if (!fact || named.Has(*fact)) {
      reader.Fault(reader.KeyOf(node, "id"), fact ? "fact " + id + " stands twice" : "unknown fact " + Quoted(id));
      return {};
    }
    named = named.With(*fact);
    if (!reader.Flag(node, "recorded", false)) continue;
    if (Derived().Has(*fact))
      reader.Fault(reader.KeyOf(node, "recorded"), "fact " + id + " is worked out, not recorded");
    recorded = recorded.With(*fact);
  }
  return recorded;
}

// A file as it stands, rows beside the nodes they came from.
struct Parsed {
  std::vector<YAML::Node> nodes;
  std::vector<Rule> rules;
  Laws laws;
  FactSet recorded;
};

Parsed ParseWhole(yaml::Reader& reader, std::string_view text) {
  Parsed out;
  YAML::Node root = reader.Parse(text);
  reader.Keys(root, "the file", {"policy", "rules"}, {"facts", "laws", "floors"});
  if (reader.Text(root, "policy") != "1") {
    reader.Fault(root, "policy: only version 1 is known");
  }
  out.nodes = reader.List(root, "rules");
  if (out.nodes.empty()) reader.Fault(root, "rules: the list is empty");
  if (out.nodes.size() > kMostRules) reader.Fault(root, "rules: too many rows");
  out.recorded = ReadFacts(reader, root);
  out.laws = ReadLaws(reader, root);
  for (const YAML::Node& row : out.nodes) {
    if (!reader.Ok()) break;
    out.rules.push_back(internal::ReadRow(reader, row, out.laws));
  }
  if (reader.Ok()) CheckSet(reader, out.rules, out.nodes);
  if (reader.Ok()) CheckFloors(reader, root, out.rules);
  return out;
}

// ---- What a controller changes ------------------------------------------------------------------------------------

int Strictness(Effect effect) {
  switch (effect) {
    case Effect::kAllow: return 0;
    case Effect::kAllowUnlessObjected: return 1;
    case Effect::kAllowWithConsent: return 2;
    case Effect::kHuman: return 3;
    case Effect::kDeny:
    case Effect::kDuty:
    case Effect::kDefault:
    case Effect::kNeitherNor: return 4;
  }
  return 0;
}

// What of the change lets somebody learn more than the row did; empty: nothing. A gate is the other way round.
std::string Looser(const Rule& was, const Rule& is) {
  const bool gate = was.effect == Effect::kDeny;
  const Rule& wide = gate ? is : was;
  const Rule& narrow = gate ? was : is;
  if (!Subset(narrow.givers, wide.givers)) return "givers";
  if (!Subset(narrow.receivers, wide.receivers)) return "receivers";
  if (!narrow.categories.Minus(wide.categories).Empty()) return "categories";
  if (gate) return is.effect == was.effect && is.only == was.only ? "" : "effect";
  if (Strictness(is.effect) < Strictness(was.effect)) return "effect";
  if (is.start < was.start) return "start";
  if (!Includes(is.reader, was.reader)) return "reader";
  if (is.assurance < was.assurance) return "assurance";
  return "";
}

constexpr CategorySet kNeverOpened =
    CategorySet{}.With(Category::kHealthd).With(Category::kWelfare).With(Category::kCrime);

class Overrider {
 public:
  Overrider(yaml::Reader& reader, Parsed& base, std::string base_name)
      : reader_(reader), base_(base), base_name_(std::move(base_name)) {}

  void Take(const YAML::Node& node) {
    reader_.Keys(node, "override", {"id", "reason", "approved_by"},
                 {"effect", "givers", "receivers", "categories", "start", "role", "reader", "assurance", "off"});
    if (!reader_.Ok()) return;
    id_ = reader_.Text(node, "id");
    reader_.Text(node, "reason");
    const std::vector<std::string> approved_by = reader_.Texts(node, "approved_by");
    const bool twice = approved_by.size() == 2 && approved_by[0] == approved_by[1];
    if (approved_by.empty() || twice) Fault(node, "approved_by", "approved by nobody, or twice by one person");
    bool found = false;
    for (std::size_t i = 0; i < base_.rules.size() && reader_.Ok(); ++i) {
      if (base_.rules[i].id != id_) continue;
      found = true;
      Change(node, i, approved_by.size());
    }
    if (!found) Fault(node, "id", "there is no such row");
  }

 private:
  void Fault(const YAML::Node& node, std::string_view key, const std::string& message) {
    reader_.Fault(reader_.KeyOf(node, key), "override of " + id_ + ": " + message);
  }

  void Change(const YAML::Node& node, std::size_t index, std::size_t approvers) {
    Rule& was = base_.rules[index];
    if (was.loosen == "FIXED") return Fault(node, "id", "this row is FIXED: nobody changes it");
    if (reader_.Flag(node, "off", false)) {
      if (!Allows(was.effect) && was.effect != Effect::kHuman) {
        return Fault(node, "off", "only a row that may show something can be switched off");
      }
      was.valid_to = was.valid_from;  // holds on no day
      return;
    }
    YAML::Node row = YAML::Clone(base_.nodes[index]);
    for (const char* key : {"effect", "givers", "receivers", "categories", "start", "role", "reader", "assurance"}) {
      if (reader_.Child(node, key).IsDefined()) row[key] = reader_.Child(node, key);
    }
    yaml::Reader changed(base_name_, "POLICY_FILE");
    const Rule is = internal::ReadRow(changed, row, base_.laws);
    if (!changed.Ok()) return Fault(node, "id", "the row as changed is refused: " + changed.error().message);
    const std::string looser = Looser(was, is);
    if (!looser.empty() && was.loosen != "YES") {
      return Fault(node, looser, "looser than the row in \"" + looser + "\", and it may only be tightened");
    }
    if (was.effect == Effect::kHuman && Allows(is.effect)) {
      if (approvers < 2) return Fault(node, "approved_by", "what a person decided needs two to be opened to a machine");
      if (!is.categories.And(kNeverOpened).Empty()) {
        return Fault(node, "categories", "a machine is never given " + Join(is.categories.And(kNeverOpened)));
      }
    }
    was = is;
  }

  yaml::Reader& reader_;
  Parsed& base_;
  std::string base_name_;
  std::string id_;
};

}  // namespace

Result<RuleSet> LoadRules(std::string_view text, std::string source_name) {
  yaml::Reader reader(std::move(source_name), "POLICY_FILE");
  Parsed parsed = ParseWhole(reader, text);
  if (!reader.Ok()) return tl::unexpected(reader.error());
  return RuleSet(std::move(parsed.rules), seal::Sha256(text), parsed.recorded);
}

Result<RuleSet> LoadRulesFile(const std::string& path) {
  STAFETT_TRY(std::string text, yaml::ReadFile(path, "POLICY_FILE"));
  return LoadRules(text, path);
}

std::vector<std::string> FloorsOf(std::string_view text) {
  if (!LoadRules(text, "")) return {};
  yaml::Reader reader("", "POLICY_FILE");
  return reader.Texts(reader.Parse(text), "floors");
}

Result<std::shared_ptr<const LoadedRules>> LoadWithText(std::string text, std::string source_name) {
  STAFETT_TRY(auto rules, LoadRules(text, std::move(source_name)));
  return std::make_shared<const LoadedRules>(LoadedRules{std::move(text), std::move(rules)});
}

Result<RuleSet> LoadOverridden(std::string_view text, std::string source_name, std::string_view overrides,
                               std::string overrides_name) {
  yaml::Reader reader(source_name, "POLICY_FILE");
  Parsed parsed = ParseWhole(reader, text);
  if (!reader.Ok()) return tl::unexpected(reader.error());
  yaml::Reader changes(std::move(overrides_name), "POLICY_FILE");
  YAML::Node root = changes.Parse(overrides);
  changes.Keys(root, "the file", {"policy", "rules", "overrides"});
  if (changes.Text(root, "policy") != "1") changes.Fault(root, "policy: only version 1 is known");
  // Written for these rules and no others: what it loosens would mean something else in another version.
  if (changes.Ok() && changes.Text(root, "rules") != seal::Sha256(text)) {
    changes.Fault(changes.KeyOf(root, "rules"), "rules: written for another version of the rule file");
  }
  Overrider overrider(changes, parsed, std::move(source_name));
  for (const YAML::Node& node : changes.List(root, "overrides")) {
    if (changes.Ok()) overrider.Take(node);
  }
  if (changes.Ok()) CheckSet(changes, parsed.rules, parsed.nodes);
  if (!changes.Ok()) return tl::unexpected(changes.error());
  const std::string both = seal::Sha256(text) + seal::Sha256(overrides);
  return RuleSet(std::move(parsed.rules), seal::Sha256(both), parsed.recorded);
}

}  // namespace stafett::policy
