// The order of the checks is that in which a person reads the row.
#include "lib/policy/row.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stafett::policy {
namespace {

using internal::Allows;
using internal::Subset;
using internal::Validity;

template <class... Agencies>
constexpr AgencySet Of(Agencies... agencies) {
  AgencySet out;
  ((out = out.With(agencies)), ...);
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
constexpr AgencySet kAnyPub =
    Of(Agency::kBvt, Agency::kSkoleK, Agency::kVgs, Agency::kPpt, Agency::kBhgK, Agency::kHst, Agency::kHkom,
       Agency::kBup, Agency::kHosp, Agency::kDent, Agency::kNavK, Agency::kNavS, Agency::kFlyk, Agency::kKe,
       Agency::kPol, Agency::kKon, Agency::kSlt, Agency::kFams, Agency::kAvl, Agency::kIks);
// Every agency but kUnknown.
constexpr AgencySet kAny{(std::uint64_t{1} << static_cast<unsigned>(kAgencyCount)) - 2U};
constexpr AgencySet kPersons =
    Of(Agency::kPar, Agency::kPar0, Agency::kChild, Agency::kSubj, Agency::kKin, Agency::kReporter);
constexpr AgencySet kFamily = Of(Agency::kPar, Agency::kChild, Agency::kSubj);

constexpr CategorySet kAll{(1U << static_cast<unsigned>(kCategoryCount)) - 2U};
// No rule may send these: the graded address has its own path (T002, T046), a report goes to child
// welfare only and never through the log (R2-09), and LOG is the subject's own (T094).
constexpr CategorySet kNever = Cats(Category::kAddrG, Category::kReport, Category::kLog);
// Special categories and others' secrets: a machine sends them only under a consent that names them
// (law.md §9.8).
constexpr CategorySet kOnlyWithConsent = Cats(Category::kHealthd, Category::kWelfare, Category::kSocial,
                                              Category::kThird, Category::kCrime, Category::kChildsay);
// What whoever discloses must do beside (law.md, column "obligations"). Told with the rule; not evaluated.
constexpr auto kObligations = std::to_array<std::string_view>({"log",
                                                               "alert",
                                                               "redact_location_traces",
                                                               "redact_traces",
                                                               "child_told_if_exception",
                                                               "written_reason",
                                                               "representative_option",
                                                               "gates_first",
                                                               "redact_third",
                                                               "reason",
                                                               "minimise",
                                                               "default_off",
                                                               "reason_givers_task",
                                                               "leader_now",
                                                               "after_review",
                                                               "k_anonymity",
                                                               "child_heard",
                                                               "check_T040_first",
                                                               "separate_purpose",
                                                               "necessity_by_receiver",
                                                               "workflow_stop",
                                                               "human_signs",
                                                               "stay_municipality",
                                                               "not_in_log",
                                                               "subject_notice_hold",
                                                               "log_sealed",
                                                               "immediate",
                                                               "only_scope_of_order",
                                                               "inform_parties_unless_harm",
                                                               "scope",
                                                               "receipt_only",
                                                               "opened_yes_no",
                                                               "followup_yes_no",
                                                               "how_only_if_necessary_for_reporter",
                                                               "necessity_bvl_task",
                                                               "no_confirm_or_deny_else",
                                                               "neither_confirm_nor_deny",
                                                               "care_purpose",
                                                               "receiver_judges",
                                                               "weighty_reason",
                                                               "child_as_next_of_kin",
                                                               "outside_stafettlogg",
                                                               "weighty_interest",
                                                               "contact_only",
                                                               "same_local_office_only",
                                                               "no_agency_name_in_views",
                                                               "own_task_or_substantial_danger",
                                                               "mark_unverified",
                                                               "record_what_whom_why",
                                                               "not_from_BVT",
                                                               "harm_test",
                                                               "no_subscription",
                                                               "redact",
                                                               "unless_child_agrees",
                                                               "sealed",
                                                               "location_shield",
                                                               "hide_sealed",
                                                               "presumed_will"});

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool IsRuleId(std::string_view id) {
  // T020 as in law.md; a controller's own rows may carry other letters.
  return id.size() >= 2 && id.size() <= 12 && id[0] >= 'A' && id[0] <= 'Z' &&
         id.substr(1).find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == std::string_view::npos;
}

// Ages that a condition may not ask of both ways at once: who is under 12 is under 15 too.
bool Contradicts(const Condition& when) {
  if (!when.all.And(when.none).Empty()) return true;
  if (!when.any.Empty() && when.any.Minus(when.none).Empty()) return true;
  constexpr std::array<Fact, 5> kAges = {Fact::kChildUnder7, Fact::kChildUnder12, Fact::kChildUnder15,
                                         Fact::kChildUnder16, Fact::kChildUnder18};
  for (std::size_t young = 0; young < kAges.size(); ++young) {
    for (std::size_t old = young; old < kAges.size(); ++old) {
      if (when.all.Has(kAges[young]) && when.none.Has(kAges[old])) return true;
    }
  }
  return false;
}

bool ForPeople(Effect effect) { return effect == Effect::kHuman || effect == Effect::kDuty; }

// One row. Its checks are in the order in which a person reads the row.
class RowReader {
 public:
  RowReader(yaml::Reader& reader, const YAML::Node& row, const internal::Laws& laws)
      : reader_(reader), row_(row), laws_(laws) {}

  Rule Read() {
    reader_.Keys(row_, "rule",
                 {"id", "effect", "givers", "receivers", "categories", "statute", "from", "confidence", "loosen"},
                 {"basis", "start", "to", "role", "purpose", "note", "when", "only", "reader", "assurance", "frees",
                  "law", "obligations"});
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
    if (reader_.Child(row_, "when").IsDefined()) rule_.when = ReadCondition(reader_, reader_.Child(row_, "when"));
    ReadReader();
    ReadOnly();
    ReadObligations();
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
    ReadLaw();
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

  // Two versions of an act stand side by side; which one holds on a day is written once, with the act.
  void ReadLaw() {
    if (!reader_.Child(row_, "law").IsDefined()) return;
    std::string name = reader_.Text(row_, "law");
    auto law = laws_.find(name);
    if (law == laws_.end()) {
      Fault("law", "law " + Quoted(name) + " is not among the file's laws");
      return;
    }
    rule_.valid_from = std::max(rule_.valid_from, law->second.from);
    if (!rule_.valid_to || (law->second.to && *law->second.to < *rule_.valid_to)) rule_.valid_to = law->second.to;
  }

  void ReadReader() {
    if (reader_.Child(row_, "reader").IsDefined()) {
      std::string name = reader_.Text(row_, "reader");
      auto role = RoleFromName(name);
      if (!role) Fault("reader", "reader: unknown role " + Quoted(name));
      rule_.reader = role.value_or(Role::kNone);
    }
    if (reader_.Child(row_, "assurance").IsDefined()) {
      std::string name = reader_.Text(row_, "assurance");
      auto assurance = AssuranceFromName(name);
      if (!assurance) Fault("assurance", "assurance must be low, substantial or high, found " + Quoted(name));
      rule_.assurance = assurance.value_or(Assurance::kNone);
    }
  }

  void ReadOnly() {
    if (reader_.Child(row_, "only").IsDefined()) {
      std::string name = reader_.Text(row_, "only");
      auto only = OnlyFromName(name);
      if (!only) Fault("only", "only must be place or parents-consent, found " + Quoted(name));
      rule_.only = only.value_or(Only::kEverything);
    }
    if (reader_.Child(row_, "frees").IsDefined()) {
      rule_.frees_everyone = reader_.Text(row_, "frees") == "everyone";
      if (!rule_.frees_everyone) Fault("frees", "frees: only \"everyone\" is known");
    }
  }

  void ReadObligations() {
    rule_.obligations = reader_.Texts(row_, "obligations");
    for (const std::string& name : rule_.obligations) {
      if (std::find(kObligations.begin(), kObligations.end(), name) == kObligations.end()) {
        Fault("obligations", "obligations: unknown " + Quoted(name));
      }
    }
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
    if (rule_.only != Only::kEverything && rule_.effect != Effect::kDeny) {
      Fault("only", "\"only\" is for gates");
    }
    if (!allows && (rule_.reader != Role::kNone || rule_.assurance != Assurance::kNone || rule_.frees_everyone)) {
      Fault("effect", "\"reader\", \"assurance\" and \"frees\" are for rows that allow");
    }
    if (Contradicts(rule_.when)) Fault("when", "when: can never be met");
    if (rule_.effect == Effect::kDefault && !rule_.when.Empty()) Fault("when", "the closing row has no condition");
    CheckCategories();
    if (rule_.effect == Effect::kAllowUnlessObjected) CheckHealthCare();
    if (rule_.effect == Effect::kDefault &&
        (rule_.givers.bits != kAny.bits || rule_.receivers.bits != kAny.bits || !(rule_.categories == kAll))) {
      Fault("effect", "the closing row must be for ANY, ANY and \"*\"");
    }
  }

  void CheckCategories() {
    const bool allow = rule_.effect == Effect::kAllow;
    // To the family of what is theirs, or to colleagues of what their service holds already.
    const bool own = allow && (Subset(rule_.receivers, kFamily) || rule_.when.all.Has(Fact::kSameService));
    CategorySet never = rule_.categories.And(kNever);
    if (allow && Subset(rule_.receivers, kFamily)) never = never.Minus(Cats(Category::kLog));  // GDPR art 15
    if ((Allows(rule_.effect) || rule_.effect == Effect::kHuman) && !never.Empty()) {
      Fault("categories", "no row may allow " + Join(never));
    }
    CategorySet special = rule_.categories.And(kOnlyWithConsent);
    if (allow && !own && !special.Empty()) {
      Fault("categories", Join(special) + " may be allowed with consent only");
    }
    if (Allows(rule_.effect) && !rule_.receivers.And(kPersons).Empty() && rule_.assurance != Assurance::kHigh) {
      Fault("receivers", "a person reads with assurance high only");
    }
    if (rule_.frees_everyone && !rule_.when.all.Has(Fact::kSameService)) {
      Fault("frees", "only inside one service a row frees everyone");
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
  const internal::Laws& laws_;
  Rule rule_;
};

}  // namespace

namespace internal {

bool Subset(AgencySet part, AgencySet of) { return part.Minus(of).Empty(); }

bool Allows(Effect effect) {
  return effect == Effect::kAllow || effect == Effect::kAllowWithConsent || effect == Effect::kAllowUnlessObjected;
}

Rule ReadRow(yaml::Reader& reader, const YAML::Node& row, const Laws& laws) {
  return RowReader(reader, row, laws).Read();
}

}  // namespace internal

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
  if (name == "FVL") return kAnyPub.Minus(kHealth).Minus(Of(Agency::kPol));
  if (name == "ANY") return kAny;
  if (name == "SERVICES") return kAny.Minus(kPersons);
  auto agency = AgencyFromName(name);
  if (!agency) return std::nullopt;
  return Of(*agency);
}

Condition ReadCondition(yaml::Reader& reader, const YAML::Node& node) {
  Condition out;
  reader.Keys(node, "when", {}, {"all", "any", "none"});
  auto read = [&](std::string_view key, FactSet& into) {
    for (const std::string& name : reader.Texts(node, key)) {
      auto fact = FactFromName(name);
      if (!fact) {
        reader.Fault(reader.KeyOf(node, key), "when: unknown fact " + Quoted(name));
        return;
      }
      into = into.With(*fact);
    }
  };
  read("all", out.all);
  read("any", out.any);
  read("none", out.none);
  if (reader.Ok() && out.Empty()) reader.Fault(node, "when: names no fact");
  return out;
}

}  // namespace stafett::policy
