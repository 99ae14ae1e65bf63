#include "lib/policy/file.h"

#include <algorithm>
#include <set>
#include <utility>

#include "lib/policy/strict_yaml.h"
#include "lib/seal/seal.h"

namespace stafett::policy {
namespace {

// The whole catalogue of law.md has 60 rows; more than this is a generated mistake, and Decide
// scans them all.
constexpr std::size_t kMostRules = 500;

template <class... Agencies>
constexpr AgencySet Of(Agencies... agencies) {
  AgencySet out;
  ((out.bits |= 1U << static_cast<unsigned>(agencies)), ...);
  return out;
}

template <class... Categories>
constexpr CategorySet Cats(Categories... categories) {
  CategorySet out;
  ((out = out.With(categories)), ...);
  return out;
}

constexpr AgencySet kHealth = Of(Agency::kHst, Agency::kHkom, Agency::kGp, Agency::kBup, Agency::kHosp, Agency::kDent);
constexpr AgencySet kEdu = Of(Agency::kSkoleK, Agency::kSkoleP, Agency::kPpt, Agency::kBhgK, Agency::kBhgP);
// Bodies under the Public Administration Act. Crisis centre, family counselling, GP and private
// schools and kindergartens are named beside it in the law's own rows (T040), hence not in it.
constexpr AgencySet kAnyPub = Of(Agency::kBvt, Agency::kSkoleK, Agency::kVgs, Agency::kPpt, Agency::kBhgK, Agency::kHst,
                                 Agency::kHkom, Agency::kBup, Agency::kHosp, Agency::kDent, Agency::kNavK,
                                 Agency::kNavS, Agency::kFlyk, Agency::kKe, Agency::kPol, Agency::kKon);
// Every agency but kUnknown.
constexpr AgencySet kAny{(1U << (static_cast<unsigned>(Agency::kKon) + 1U)) - 2U};

constexpr CategorySet kAll{(1U << static_cast<unsigned>(kCategoryCount)) - 2U};
// No rule may send these: the graded address has its own path (T002, T046), a report goes to child
// welfare only and never through the log (R2-09), and LOG is the subject's own (T094).
constexpr CategorySet kNever = Cats(Category::kAddrG, Category::kReport, Category::kLog);
// Special categories and others' secrets: a machine sends them only under a consent that names them
// (law.md §9.8).
constexpr CategorySet kOnlyWithConsent = Cats(Category::kHealthd, Category::kWelfare, Category::kSocial,
                                              Category::kThird, Category::kCrime, Category::kChildsay);

bool Subset(AgencySet part, AgencySet of) { return (part.bits & ~of.bits) == 0; }

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool IsRuleId(std::string_view id) {
  // T020 as in law.md; a controller's own rows may carry other letters.
  return id.size() >= 2 && id.size() <= 12 && id[0] >= 'A' && id[0] <= 'Z' &&
         id.substr(1).find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == std::string_view::npos;
}

bool Allows(Effect effect) {
  return effect == Effect::kAllow || effect == Effect::kAllowWithConsent || effect == Effect::kAllowUnlessObjected;
}

bool ForPeople(Effect effect) { return effect == Effect::kHuman || effect == Effect::kDuty; }

// One row. Its checks are in the order in which a person reads the row.
class RowReader {
 public:
  RowReader(yaml::Reader& reader, const YAML::Node& row) : reader_(reader), row_(row) {}

  Rule Read() {
    reader_.Keys(row_, "rule",
                 {"id", "effect", "givers", "receivers", "categories", "statute", "from", "confidence", "loosen"},
                 {"basis", "start", "to", "role", "purpose", "note"});
    rule_.id = reader_.Text(row_, "id");
    if (!reader_.Ok()) return rule_;
    if (!IsRuleId(rule_.id)) Fault("id", "id must be like T020, found " + Quoted(rule_.id));
    ReadEffect();
    rule_.givers = Agencies("givers");
    rule_.receivers = Agencies("receivers");
    ReadCategories();
    rule_.statute = reader_.Text(row_, "statute");
    rule_.basis = reader_.Text(row_, "basis");
    reader_.Text(row_, "note");
    ReadStart();
    ReadTimes();
    ReadWords();
    CheckWhole();
    return rule_;
  }

 private:
  void Fault(std::string_view key, const std::string& message) {
    reader_.Fault(reader_.KeyOf(row_, key), "rule " + rule_.id + ": " + message);
  }

  void ReadEffect() {
    std::string name = reader_.Text(row_, "effect");
    auto effect = EffectFromName(name);
    if (!effect) {
      Fault("effect", "unknown effect " + Quoted(name));
      return;
    }
    rule_.effect = *effect;
  }

  AgencySet Agencies(std::string_view key) {
    AgencySet out;
    for (const std::string& name : reader_.Texts(row_, key)) {
      auto agencies = AgencySetFromName(name);
      if (!agencies) {
        Fault(key, std::string(key) + ": unknown agency " + Quoted(name));
        return out;
      }
      out.bits |= agencies->bits;
    }
    if (out.bits == 0) Fault(key, std::string(key) + " must name at least one agency");
    return out;
  }

  void ReadCategories() {
    for (const std::string& name : reader_.Texts(row_, "categories")) {
      auto categories = CategorySetFromName(name);
      if (!categories) {
        Fault("categories", "categories: unknown category " + Quoted(name));
        return;
      }
      rule_.categories = rule_.categories.Or(*categories);
    }
    if (rule_.categories.Empty()) Fault("categories", "categories must name at least one");
  }

  void ReadStart() {
    if (!reader_.Child(row_, "start").IsDefined()) return;
    std::string name = reader_.Text(row_, "start");
    auto start = StartFromName(name);
    if (!start) {
      Fault("start", "start must be push, request or duty, found " + Quoted(name));
      return;
    }
    rule_.start = *start;
  }

  void ReadTimes() {
    auto from = reader_.When(row_, "from");
    if (from) rule_.valid_from = *from;
    rule_.valid_to = reader_.When(row_, "to");
    if (rule_.valid_to && *rule_.valid_to <= rule_.valid_from) {
      Fault("to", "\"to\" must be later than \"from\"");
    }
  }

  void ReadWords() {
    rule_.confidence = reader_.Text(row_, "confidence");
    if (rule_.confidence != "V" && rule_.confidence != "G" && rule_.confidence != "I" && rule_.confidence != "T") {
      Fault("confidence", "confidence must be V, G, I or T, found " + Quoted(rule_.confidence));
    }
    rule_.loosen = reader_.Text(row_, "loosen");
    if (rule_.loosen != "NO" && rule_.loosen != "YES" && rule_.loosen != "FIXED") {
      Fault("loosen", "loosen must be NO, YES or FIXED, found " + Quoted(rule_.loosen));
    }
    rule_.role = reader_.Text(row_, "role");
    rule_.purpose = reader_.Text(row_, "purpose");
  }

  // What no single field can tell.
  void CheckWhole() {
    const bool allows = Allows(rule_.effect);
    const bool people = ForPeople(rule_.effect);
    const bool has_start = reader_.Child(row_, "start").IsDefined();
    if (allows && rule_.basis.empty()) {
      Fault("effect", "a row that allows needs both keys: \"basis\" is missing");
    }
    if ((allows || people) && !has_start) Fault("effect", "\"start\" is missing");
    if (!allows && !people && (has_start || !rule_.purpose.empty())) {
      Fault("effect", "a row that denies has no \"start\" and no \"purpose\": it always holds");
    }
    if (people && rule_.role.empty()) {
      Fault("effect", "\"role\" is missing: who decides or acts?");
    }
    if (allows && rule_.start == Start::kDuty) Fault("start", "a machine's row cannot start by duty");
    if (people && rule_.start == Start::kPush) Fault("start", "a person's row is never pushed");
    if (rule_.effect == Effect::kDuty && rule_.start != Start::kDuty) {
      Fault("start", "a duty starts by duty only");
    }
    CheckCategories();
    if (rule_.effect == Effect::kAllowUnlessObjected) CheckHealthCare();
    if (rule_.effect == Effect::kDefault &&
        (rule_.givers.bits != kAny.bits || rule_.receivers.bits != kAny.bits || !(rule_.categories == kAll))) {
      Fault("effect", "the closing row must be for ANY, ANY and \"*\"");
    }
  }

  void CheckCategories() {
    CategorySet never = rule_.categories.And(kNever);
    if ((Allows(rule_.effect) || rule_.effect == Effect::kHuman) && !never.Empty()) {
      Fault("categories", "no row may allow " + Join(never));
    }
    CategorySet special = rule_.categories.And(kOnlyWithConsent);
    if (rule_.effect == Effect::kAllow && !special.Empty()) {
      Fault("categories", Join(special) + " may be allowed with consent only");
    }
  }

  // law.md R1-33: presumed consent holds between health services, for care, and nowhere else.
  void CheckHealthCare() {
    if (!Subset(rule_.givers, kHealth) || !Subset(rule_.receivers, kHealth)) {
      Fault("receivers", "ALLOW_UNLESS_OBJECTED is for health services on both sides");
    }
    if (!rule_.categories.And(kOnlyWithConsent).Minus(Cats(Category::kHealthd)).Empty()) {
      Fault("categories", "ALLOW_UNLESS_OBJECTED may carry no special category but HEALTHD");
    }
    if (rule_.start != Start::kRequest) {
      Fault("start", "ALLOW_UNLESS_OBJECTED starts by request only");
    }
    if (rule_.purpose.empty()) {
      Fault("effect", "ALLOW_UNLESS_OBJECTED needs a \"purpose\": it is for health care only");
    }
  }

  yaml::Reader& reader_;
  YAML::Node row_;
  Rule rule_;
};

// Across rows: an id names one row, one row closes.
void CheckSet(yaml::Reader& reader, const std::vector<Rule>& rules, const std::vector<YAML::Node>& rows) {
  std::set<std::string_view> ids;
  int closing = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!ids.insert(rules[i].id).second) {
      reader.Fault(rows[i], "rule " + rules[i].id + ": this id stands twice");
    }
    if (rules[i].effect == Effect::kDefault && ++closing > 1) {
      reader.Fault(rows[i], "rule " + rules[i].id + ": there is a DEFAULT row already");
    }
  }
}

}  // namespace

std::optional<CategorySet> CategorySetFromName(std::string_view name) {
  if (name == "*") return kAll;
  auto category = CategoryFromName(name);
  if (!category || *category == Category::kNone) return std::nullopt;
  return CategorySet{}.With(*category);
}

std::optional<AgencySet> AgencySetFromName(std::string_view name) {
  if (name == "EDU") return kEdu;
  if (name == "HEALTH") return kHealth;
  if (name == "ANYPUB") return kAnyPub;
  if (name == "ANY") return kAny;
  auto agency = AgencyFromName(name);
  if (!agency) return std::nullopt;
  return Of(*agency);
}

Result<RuleSet> LoadRules(std::string_view text, std::string source_name) {
  yaml::Reader reader(std::move(source_name), "POLICY_FILE");
  YAML::Node root = reader.Parse(text);
  reader.Keys(root, "the file", {"policy", "rules"});
  if (reader.Text(root, "policy") != "1") {
    reader.Fault(root, "policy: only version 1 is known");
  }
  std::vector<YAML::Node> rows = reader.List(root, "rules");
  if (rows.empty()) reader.Fault(root, "rules: the list is empty");
  if (rows.size() > kMostRules) reader.Fault(root, "rules: too many rows");
  std::vector<Rule> rules;
  for (const YAML::Node& row : rows) {
    if (!reader.Ok()) break;
    rules.push_back(RowReader(reader, row).Read());
  }
  if (reader.Ok()) CheckSet(reader, rules, rows);
  if (!reader.Ok()) return tl::unexpected(reader.error());
  return RuleSet(std::move(rules), seal::Sha256(text));
}

Result<RuleSet> LoadRulesFile(const std::string& path) {
  STAFETT_TRY(std::string text, yaml::ReadFile(path, "POLICY_FILE"));
  return LoadRules(text, path);
}

}  // namespace stafett::policy
