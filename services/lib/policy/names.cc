// Every enum's spelling in files, logs and explanations. The tables are in the order of the enums.
#include "lib/policy/names.h"

#include "lib/policy/policy.h"

namespace stafett::policy {
namespace {

constexpr std::array<std::string_view, kCategoryCount> kCategories = {
    "NONE",    "EXIST",  "IDENT", "ADDR_G", "CONCERN",  "PLAN",   "EDUC", "HEALTHD",
    "WELFARE", "SOCIAL", "THIRD", "CRIME",  "CHILDSAY", "REPORT", "LOG"};
static_assert(static_cast<int>(Category::kLog) == kCategoryCount - 1);

constexpr std::array<std::string_view, kAgencyCount> kAgencies = {
    "UNKNOWN", "BVT",  "SKOLE_K", "SKOLE_P", "VGS",  "PPT",  "BHG_K", "BHG_P", "HST",   "HKOM", "GP",  "BUP",
    "HOSP",    "DENT", "NAV_K",   "NAV_S",   "KRIS", "FAMV", "FLYK",  "KE",    "POL",   "KON",  "SFV", "NEM",
    "SLT",     "FAMS", "AVL",     "KOMP",    "FRIV", "IKS",  "PAR",   "PAR0",  "CHILD", "SUBJ", "KIN", "REPORTER"};

constexpr std::array<std::string_view, kRoleCount> kRoles = {"NONE",   "SYS",   "ANYEMP", "CASE", "HOLDER", "PROF",
                                                             "LEADER", "DISCL", "BVLEAD", "DPO",  "SUBJ"};

constexpr std::array<std::string_view, 4> kAssurances = {"none", "low", "substantial", "high"};
static_assert(static_cast<std::size_t>(Assurance::kHigh) == kAssurances.size() - 1);

constexpr std::array<std::string_view, 3> kOnly = {"everything", "place", "parents-consent"};
static_assert(static_cast<std::size_t>(Only::kParentsConsent) == kOnly.size() - 1);

constexpr std::array<std::string_view, 3> kTruths = {"no", "unknown", "yes"};
static_assert(static_cast<std::size_t>(Truth::kYes) == kTruths.size() - 1);

constexpr std::array<std::string_view, kFactCount> kFacts = {"child-under-7",
                                                             "child-under-12",
                                                             "child-under-15",
                                                             "child-under-16",
                                                             "child-under-18",
                                                             "reader-is-child",
                                                             "reader-under-12",
                                                             "reader-under-15",
                                                             "reader-under-16",
                                                             "reader-is-described",
                                                             "only-about-reader",
                                                             "objected",
                                                             "parental-responsibility",
                                                             "party",
                                                             "party-access-refused",
                                                             "location-shield",
                                                             "withheld-from-guardian",
                                                             "child-asked-to-keep",
                                                             "child-agrees",
                                                             "same-service",
                                                             "secrecy-order",
                                                             "sealed-report",
                                                             "order-to-inform",
                                                             "serious-crime",
                                                             "serious-harm",
                                                             "supervision-request",
                                                             "moved-here",
                                                             "hidden-address",
                                                             "pregnant-substance-abuse",
                                                             "receiver-reported",
                                                             "all-consented",
                                                             "separate-purpose",
                                                             "kindergarten-transition",
                                                             "school-change",
                                                             "expert-assessment",
                                                             "anonymised",
                                                             "same-office",
                                                             "child-is-next-of-kin",
                                                             "deceased",
                                                             "in-care",
                                                             "cannot-decide",
                                                             "one-parent-enough",
                                                             "child-alone"};

constexpr std::array<std::string_view, 8> kEffects = {
    "DENY",          "ALLOW",   "ALLOW_WITH_CONSENT", "ALLOW_UNLESS_OBJECTED", "HUMAN_DECISION",
    "MUST_DISCLOSE", "DEFAULT", "NEITHER_NOR"};
static_assert(static_cast<std::size_t>(Effect::kNeitherNor) == kEffects.size() - 1);

constexpr std::array<std::string_view, 3> kStarts = {"push", "request", "duty"};
static_assert(static_cast<std::size_t>(Start::kDuty) == kStarts.size() - 1);

constexpr std::array<std::string_view, 3> kVerdicts = {"DISCLOSE", "HUMAN", "WITHHOLD"};
static_assert(static_cast<std::size_t>(Verdict::kWithhold) == kVerdicts.size() - 1);

constexpr std::array<std::string_view, kMissingCount> kMissing = {
    "NOTHING",   "FACTS",         "RECIPIENT_INACTIVE", "OWN_INFORMATION",   "RULE",
    "CONSENT",   "CONSENT_SCOPE", "CONSENT_EXPIRED",    "CONSENT_WITHDRAWN", "HUMAN_DECISION",
    "CONDITION", "ATTESTATION",   "OTHER_PERSON",       "OBJECTION",         "EXCLUDED"};

}  // namespace

std::string_view Name(Category category) { return At(kCategories, category); }
std::string_view Name(Agency agency) { return At(kAgencies, agency); }
std::string_view Name(Effect effect) { return At(kEffects, effect); }
std::string_view Name(Start start) { return At(kStarts, start); }
std::string_view Name(Verdict verdict) { return At(kVerdicts, verdict); }
std::string_view Name(Missing missing) { return At(kMissing, missing); }
std::string_view Name(Role role) { return At(kRoles, role); }
std::string_view Name(Assurance assurance) { return At(kAssurances, assurance); }
std::string_view Name(Only only) { return At(kOnly, only); }
std::string_view Name(Truth truth) { return At(kTruths, truth); }
std::string_view Name(Fact fact) { return At(kFacts, fact); }

std::optional<Category> CategoryFromName(std::string_view name) { return From<Category>(kCategories, name); }

std::optional<Agency> AgencyFromName(std::string_view name) {
  auto agency = From<Agency>(kAgencies, name);
  // "UNKNOWN" is what an agency is called that nobody named; it is not a name to ask for.
  if (agency == Agency::kUnknown) return std::nullopt;
  return agency;
}

std::optional<Effect> EffectFromName(std::string_view name) { return From<Effect>(kEffects, name); }
std::optional<Start> StartFromName(std::string_view name) { return From<Start>(kStarts, name); }
std::optional<Assurance> AssuranceFromName(std::string_view name) { return From<Assurance>(kAssurances, name); }
std::optional<Only> OnlyFromName(std::string_view name) { return From<Only>(kOnly, name); }
std::optional<Truth> TruthFromName(std::string_view name) { return From<Truth>(kTruths, name); }
std::optional<Fact> FactFromName(std::string_view name) { return From<Fact>(kFacts, name); }

std::optional<Role> RoleFromName(std::string_view name) {
  auto role = From<Role>(kRoles, name);
  if (role == Role::kNone) return std::nullopt;  // no role is not one to ask for
  return role;
}

bool Includes(Role held, Role asked) {
  if (held == asked || asked == Role::kNone) return true;
  switch (asked) {
    // Everybody who works there may do what anybody employed there may.
    case Role::kAnyEmp:
      return held == Role::kCase || held == Role::kHolder || held == Role::kProf || held == Role::kLeader ||
             held == Role::kDiscl || held == Role::kBvLead || held == Role::kDpo;
    case Role::kCase: return held == Role::kHolder;  // a leader is not assigned to the child by being one
    case Role::kLeader: return held == Role::kBvLead;
    case Role::kSys:
    case Role::kHolder:
    case Role::kProf:
    case Role::kDiscl:
    case Role::kBvLead:
    case Role::kDpo:
    case Role::kSubj:
    case Role::kNone: return false;
  }
  return false;
}

std::string Join(CategorySet set) {
  std::string out;
  for (int i = 1; i < kCategoryCount; ++i) {
    auto category = static_cast<Category>(i);
    if (!set.Has(category)) continue;
    if (!out.empty()) out += '|';
    out += Name(category);
  }
  return out;
}

}  // namespace stafett::policy
