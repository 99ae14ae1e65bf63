// Who may learn what: one pure function over one rule file (design §4.3, §4.10).
//
// No I/O, no clock, no allocation in Decide; a missing fact, an unknown category or an empty rule set is "no".
// The order of evaluation is law.md §9.7: gates, then consent, then health care, then human grounds, then deny.
// Duties are a person's and stand beside it: OpenToPeople.
// Thread-safe: a RuleSet is immutable after it was built.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/time.h"
#include "lib/policy/facts.h"

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

// Kinds of service, and of persons as receivers (law.md §9.0).
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
  kKon,
  kSfv,       // state administrator
  kNem,       // child welfare and health tribunal
  kSlt,       // local coordination against crime
  kFams,      // family centre
  kAvl,       // respite
  kKomp,      // competence base
  kFriv,      // voluntary sector
  kIks,       // an inter-municipal service of no kind of its own
  kPar,       // a holder of parental responsibility
  kPar0,      // a parent without it
  kChild,     // the child or young person itself
  kSubj,      // whomever the item describes; also a person in no other relation
  kKin,       // next of kin
  kReporter,  // a private person who reported a concern
};
inline constexpr int kAgencyCount = static_cast<int>(Agency::kReporter) + 1;

struct AgencySet {
  std::uint64_t bits = 0;
  constexpr bool Has(Agency a) const { return (bits >> static_cast<unsigned>(a)) & 1U; }
  constexpr AgencySet With(Agency a) const { return {bits | (std::uint64_t{1} << static_cast<unsigned>(a))}; }
  constexpr AgencySet And(AgencySet o) const { return {bits & o.bits}; }
  constexpr AgencySet Or(AgencySet o) const { return {bits | o.bits}; }
  constexpr AgencySet Minus(AgencySet o) const { return {bits & ~o.bits}; }
  constexpr bool Empty() const { return bits == 0; }
  constexpr bool operator==(const AgencySet&) const = default;
};
constexpr bool IsPerson(Agency a) { return a >= Agency::kPar; }

// In what capacity somebody acts (law.md §9.0). Not a ladder: a leader is no health professional. Includes() says who
// may do what another may.
enum class Role : std::uint8_t {
  kNone,
  kSys,
  kAnyEmp,  // employed in the service
  kCase,    // assigned to the child
  kHolder,  // of the baton
  kProf,    // authorised health professional
  kLeader,
  kDiscl,   // disclosure officer
  kBvLead,  // head of child welfare
  kDpo,     // data protection officer
  kSubj     // the person, or the one who acts for the person
};
inline constexpr int kRoleCount = static_cast<int>(Role::kSubj) + 1;
bool Includes(Role held, Role asked);
std::string_view Name(Role);  // "CASE"; "NONE"
std::optional<Role> RoleFromName(std::string_view);

// How sure it is who reads: the log-in level.
enum class Assurance : std::uint8_t { kNone, kLow, kSubstantial, kHigh };
std::string_view Name(Assurance);  // "high"; "none"
std::optional<Assurance> AssuranceFromName(std::string_view);

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
  kDefault,              // the closing row (T001): says in the file what no row at all would say; cited, never matched
  kNeitherNor            // gives a refusal its form: neither confirmed nor denied. Takes nothing out
};
std::string_view Name(Effect);  // as in law.md §0.2: "ALLOW_WITH_CONSENT"
std::optional<Effect> EffectFromName(std::string_view);
// How a disclosure under the rule may begin.
// kPush rules may be requested as well. kDuty: a person of the giver begins it; no machine, neither router nor read.
enum class Start : std::uint8_t { kPush, kRequest, kDuty };
std::string_view Name(Start);  // "push"
std::optional<Start> StartFromName(std::string_view);

// What of its categories a gate takes out.
enum class Only : std::uint8_t {
  kEverything,
  kPlace,          // what a place could be inferred from
  kParentsConsent  // nothing as such: consent that parents gave does not count
};
std::string_view Name(Only);  // "place"
std::optional<Only> OnlyFromName(std::string_view);

struct Rule {
  // What Decide reads of every row stands first, close together.
  AgencySet givers;
  AgencySet receivers;
  CategorySet categories;
  Effect effect = Effect::kDeny;
  Start start = Start::kRequest;
  Only only = Only::kEverything;              // of a gate
  Role reader = Role::kNone;                  // whoever reads must be attested as this
  Assurance assurance = Assurance::kNone;     // and at least this surely
  bool frees_everyone = false;                // else it speaks for the child only; others described must consent
  Time valid_from;                            // inclusive
  std::optional<Time> valid_to;               // exclusive
  Condition when;                             // empty: always
  std::string confidence;                     // V, G, I, T as in law.md §0.1; T rows never allow
  std::string purpose;                        // not empty: only for items of this purpose (health care)
  std::string id;                             // "T020"; twice only with dates that do not overlap
  std::string statute;                        // "fvl §13a nr 1": what lifts confidentiality (key A)
  std::string basis;                          // what permits processing (key B), e.g. "GDPR art 6(1)(e); oppl §24-1"
  std::string role;                           // who decides or acts, for kHuman and kDuty: "LEADER"
  std::string loosen;                         // NO, YES, FIXED: what a controller may change (law.md §9.0)
  std::vector<std::string> obligations = {};  // what whoever discloses must do: "child_heard"; told, not evaluated
};

// Immutable, in order of evaluation, with the hash of the file it came from.
class RuleSet {
 public:
  RuleSet() = default;  // allows nothing
  // `recorded`: facts that this system records itself, so that no record is a no.
  RuleSet(std::vector<Rule> rules, std::string hash, FactSet recorded = {});
  std::span<const Rule> rules() const { return rules_; }
  FactSet recorded() const { return recorded_; }
  const std::string& hash() const { return hash_; }
  const Rule* Find(std::string_view id) const;  // the first of that id

 private:
  std::vector<Rule> rules_;
  std::string hash_;
  FactSet recorded_;
};

// Somebody whom an item tells about.
struct Described {
  std::string_view person;
  bool child = false;  // the child whose case it is
};
inline constexpr std::size_t kMostDescribed = 8;  // an item about more people goes to nobody

// The thing that might be told: an event, a snapshot, one section.
struct Item {
  Agency origin = Agency::kUnknown;   // the giver's kind
  std::string_view origin_recipient;  // the giver's own recipient id; empty if it has none
  CategorySet categories;             // of all its fields
  std::string_view purpose;           // "follow-up"
  // Everybody described must be free to be told about: the child by the rule, the reader of itself, each other by a
  // consent of their own. Empty: nobody but the child.
  std::span<const Described> described = {};
  CategorySet placed{0xFFFFFFFFU};  // those from which a place could be inferred; all, unless somebody knows better
};

struct Recipient {
  std::string_view id;
  Agency agency = Agency::kUnknown;
  bool active = false;  // a service: activated by a record of this partition and not suspended
  // Who reads on its behalf, as attested. A system that only fetches attests nobody.
  Role role = Role::kNone;
  Assurance assurance = Assurance::kNone;
  std::string_view person = {};  // of a person: who, as in Described
};

enum class ConsentBy : std::uint8_t { kParents, kSelf };

// One consent, complete (all who must consent have, and still may: capacity.h), as it stood at the log position of the
// decision.
struct Consent {
  std::string_view id;
  std::string_view recipient;
  CategorySet categories;
  std::string_view purpose;
  Time valid_from;  // the append time of the grant
  Time until;       // exclusive
  bool withdrawn = false;
  std::string_view subject = {};  // whose information it frees; empty: the child's
  ConsentBy by = ConsentBy::kParents;
};

// A no of somebody who may say no. An objection (hpl §29) stops health care's sharing and, as a no of the person
// concerned, any consent by others; an exclusion is what a consent leaves out.
struct Refusal {
  enum class Kind : std::uint8_t { kObjection, kExclusion };
  Kind kind = Kind::kObjection;
  std::string_view recipient = {};  // empty: everybody
  CategorySet categories{0xFFFFFFFFU};
};

struct Facts {
  bool known = false;  // false: the child's view is missing or stale: nothing is disclosed
  std::span<const Consent> consents = {};
  CategorySet gated = {};  // categories taken out for everybody (graded address, secrecy order, sealed)
  Known said = {};         // what is known of this child, item and recipient; the rest is unknown
  std::span<const Refusal> refusals = {};
  std::optional<int> child_age = {};  // whole years, today, by the register's birth date
};

enum class Verdict : std::uint8_t { kDisclose, kHuman, kWithhold };
std::string_view Name(Verdict);

// Why the answer is as it is, without words: indexes into the rule set and the facts.
struct Ground {
  Category category = Category::kNone;
  std::int16_t rule = -1;     // index in RuleSet::rules()
  std::int16_t consent = -1;  // index in Facts::consents
  // Consents of others whom the item describes, from the front; -1: no more.
  std::array<std::int16_t, kMostDescribed> others = {-1, -1, -1, -1, -1, -1, -1, -1};
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
  kHumanDecision,
  kCondition,    // a fact that the rule asks for is unknown
  kAttestation,  // who reads is not attested as the rule asks
  kOtherPerson,  // somebody else described has not consented
  kObjection,
  kExcluded
};
inline constexpr int kMissingCount = static_cast<int>(Missing::kExcluded) + 1;
std::string_view Name(Missing);

struct Decision {
  Verdict verdict = Verdict::kWithhold;
  CategorySet fields;                            // what may be shown; empty unless kDisclose
  Missing missing = Missing::kFacts;             // the first thing that stood in the way of the categories not shown
  std::array<Ground, kCategoryCount> grounds{};  // one per category shown (or asked of a human)
  std::uint8_t ground_count = 0;
  // The rule that carried most weight: of the first ground, or of the gate; -1: the default deny.
  std::int16_t rule = -1;
  // A refusal must neither confirm nor deny that there is anything. Never set with kDisclose.
  bool neither_nor = false;
};

// An item of which some content is shown carries EXIST and IDENT too, unless gated. Where EXIST is gated nothing is
// shown at all, because any content would tell that the case exists.
// `start`: kPush for the router, kRequest for a read. A rule that may only be requested does not push.
Decision Decide(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start, Time now);

// Rules by which a person of the giver may or must tell this, whatever the machine answered: duties (no gate and no
// missing consent stops them) and human grounds that a person begins. Indexes in RuleSet::rules().
std::vector<std::int16_t> OpenToPeople(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts,
                                       Time now);

// The explanation, built only when somebody asks. No data of the case in it. It is for people who may know all of
// the decision (an officer); what a reader itself may be told: words.h.
inline constexpr std::string_view kShown = "shown";  // the outcome of a category that is
struct Explanation {
  struct Line {
    std::string category, rule, statute, basis, consent, outcome;
    std::vector<std::pair<std::string, bool>> used = {};  // facts that the rule's condition names, and what they are
    std::vector<std::string> lacking = {};                // and those that are unknown
    std::vector<std::string> obligations = {};
  };
  std::string verdict, rule, missing;
  std::string policy;        // the hash of the rule set
  bool neither_nor = false;  // Decision::neither_nor
  std::vector<Line> lines;
};
Explanation Explain(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start,
                    Time now);

}  // namespace stafett::policy
