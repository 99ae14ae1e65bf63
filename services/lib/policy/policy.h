// Who may learn what: one pure function over one rule file (design §4.3, §4.10).
//
// No I/O, no clock, no allocation in Decide; a missing fact, an unknown category or an empty rule set is "no".
// The order of evaluation is law.md §9.7: gates, then consent, then health care, then human grounds, then deny.
// Thread-safe: a RuleSet is immutable after it was built.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/time.h"

namespace stafett::policy {

// What a piece of information is (law.md §9.0). Every disclosable proto field carries one (common/v1/options.proto,
// same names). kNone is never disclosed.
enum class Category : std::uint8_t {
  kNone,
  kExist,
  kIdent,
  kAddrG,
  kConcern,
  kPlan,
  kEduc,
  kHealthd,
  kWelfare,
  kSocial,
  kThird,
  kCrime,
  kChildsay,
  kReport,
  kLog
};
inline constexpr int kCategoryCount = 15;

// A set of categories, by bit.
struct CategorySet {
  std::uint32_t bits = 0;
  constexpr bool Has(Category c) const { return (bits >> static_cast<unsigned>(c)) & 1U; }
  constexpr CategorySet With(Category c) const { return {bits | (1U << static_cast<unsigned>(c))}; }
  constexpr CategorySet And(CategorySet o) const { return {bits & o.bits}; }
  constexpr CategorySet Or(CategorySet o) const { return {bits | o.bits}; }
  constexpr CategorySet Minus(CategorySet o) const { return {bits & ~o.bits}; }
  constexpr bool Empty() const { return bits == 0; }
  constexpr bool operator==(const CategorySet&) const = default;
};

// Kinds of service (law.md §9.0).
enum class Agency : std::uint8_t {
  kUnknown,
  kBvt,
  kSkoleK,
  kSkoleP,
  kVgs,
  kPpt,
  kBhgK,
  kBhgP,
  kHst,
  kHkom,
  kGp,
  kBup,
  kHosp,
  kDent,
  kNavK,
  kNavS,
  kKris,
  kFamv,
  kFlyk,
  kKe,
  kPol,
  kKon
};
struct AgencySet {
  std::uint32_t bits = 0;
  constexpr bool Has(Agency a) const { return (bits >> static_cast<unsigned>(a)) & 1U; }
};

std::string_view Name(Category);  // "EDUC"; "NONE"
std::string_view Name(Agency);    // "SKOLE_K"
std::optional<Category> CategoryFromName(std::string_view);
std::optional<Agency> AgencyFromName(std::string_view);
// "EDUC|PLAN" in the order of the enum.
std::string Join(CategorySet);

// What a rule does once its giver, receiver and category fit.
enum class Effect : std::uint8_t {
  kDeny,                 // gate: takes the category out whatever else allows it
  kAllow,                // no further condition
  kAllowWithConsent,     // while a valid consent names this recipient, category and purpose
  kAllowUnlessObjected,  // health care; never starts from the router
  kHuman,                // a named person decides; nothing is sent
  kDuty,                 // a person's legal duty; never sent by a machine
  kDefault               // the closing row (T001): says in the file what no row at all would say; cited, never matched
};
std::string_view Name(Effect);  // as in law.md §0.2: "ALLOW_WITH_CONSENT"
std::optional<Effect> EffectFromName(std::string_view);
// How a disclosure under the rule may begin.
// kPush rules may be requested as well. kDuty: a person of the giver begins it; no machine, neither router nor read.
enum class Start : std::uint8_t { kPush, kRequest, kDuty };
std::string_view Name(Start);  // "push"
std::optional<Start> StartFromName(std::string_view);

struct Rule {
  std::string id;       // "T020"
  std::string statute;  // "fvl §13a nr 1": what lifts confidentiality (key A)
  std::string basis;    // what permits processing (key B), e.g. "GDPR art 6(1)(e); oppl §24-1"
  AgencySet givers;
  AgencySet receivers;
  CategorySet categories;
  Effect effect = Effect::kDeny;
  Start start = Start::kRequest;
  Time valid_from;               // inclusive
  std::optional<Time> valid_to;  // exclusive
  std::string confidence;        // V, G, I, T as in law.md §0.1; T rows never allow
  std::string purpose;           // not empty: only for items of this purpose (health care)
  std::string role;              // who decides or acts, for kHuman and kDuty: "LEADER"
  std::string loosen;            // NO, YES, FIXED: what a controller may change (law.md §9.0)
};

// Immutable, in order of evaluation, with the hash of the file it came from.
class RuleSet {
 public:
  RuleSet() = default;  // allows nothing
  RuleSet(std::vector<Rule> rules, std::string hash);
  std::span<const Rule> rules() const { return rules_; }
  const std::string& hash() const { return hash_; }
  const Rule* Find(std::string_view id) const;

 private:
  std::vector<Rule> rules_;
  std::string hash_;
};

// The thing that might be told: an event, a snapshot, one section.
struct Item {
  Agency origin = Agency::kUnknown;   // the giver's kind
  std::string_view origin_recipient;  // the giver's own recipient id; empty if it has none
  CategorySet categories;             // of all its fields
  std::string_view purpose;           // "follow-up"
};

struct Recipient {
  std::string_view id;
  Agency agency = Agency::kUnknown;
  bool active = false;  // activated by a record of this partition and not suspended
};

// One consent, complete (all who must consent have), as it stood at the log position of the decision.
struct Consent {
  std::string_view id;
  std::string_view recipient;
  CategorySet categories;
  std::string_view purpose;
  Time valid_from;  // the append time of the grant
  Time until;       // exclusive
  bool withdrawn = false;
};

struct Facts {
  bool known = false;  // false: the child's view is missing or stale: nothing is disclosed
  std::span<const Consent> consents;
  CategorySet gated;  // categories taken out for everybody (graded address, secrecy order, sealed)
};

enum class Verdict : std::uint8_t { kDisclose, kHuman, kWithhold };
std::string_view Name(Verdict);

// Why the answer is as it is, without words: indexes into the rule set and the facts.
struct Ground {
  Category category = Category::kNone;
  std::int16_t rule = -1;     // index in RuleSet::rules()
  std::int16_t consent = -1;  // index in Facts::consents
};

enum class Missing : std::uint8_t {
  kNothing,
  kFacts,
  kRecipientInactive,
  kOwnInformation,
  kRule,
  kConsent,
  kConsentScope,
  kConsentExpired,
  kConsentWithdrawn,
  kHumanDecision
};
std::string_view Name(Missing);

struct Decision {
  Verdict verdict = Verdict::kWithhold;
  CategorySet fields;                            // what may be shown; empty unless kDisclose
  Missing missing = Missing::kFacts;             // the first thing that stood in the way of the categories not shown
  std::array<Ground, kCategoryCount> grounds{};  // one per category shown (or asked of a human)
  std::uint8_t ground_count = 0;
  // The rule that carried most weight: of the first ground, or of the gate; -1: the default deny.
  std::int16_t rule = -1;
};

// An item of which some content is shown carries EXIST and IDENT too, unless gated. Where EXIST is gated nothing is
// shown at all, because any content would tell that the case exists.
// `start`: kPush for the router, kRequest for a read. A rule that may only be requested does not push.
Decision Decide(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start, Time now);

// The explanation in words, built only when somebody asks. No data of the case in it.
inline constexpr std::string_view kShown = "shown";  // the outcome of a category that is
struct Explanation {
  struct Line {
    std::string category, rule, statute, basis, consent, outcome;
  };
  std::string verdict, rule, missing;
  std::vector<Line> lines;
};
Explanation Explain(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start,
                    Time now);

}  // namespace stafett::policy
