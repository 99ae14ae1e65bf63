// A child as disclosure sees it: the facts of the log's prefix and what was decided and done on it. Pure.
//
// Two folds that commute: facts come from other services' records (Learn), deliveries from this service's own ledger
// records (Evolve). `Learn` needs the log's order; `Evolve` its own stream's.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/layered.h"
#include "lib/base/time.h"
#include "lib/policy/policy.h"

namespace stafett::disclosure::domain {

// An offset behind every record.
inline constexpr std::int64_t kNow = std::numeric_limits<std::int64_t>::max();

enum class DeliveryKind { kEvent, kSnapshot, kRetraction };
// kWithheld: it was to be signalled, and the recipient's topic refused for good (design §4.5). Nobody knows of it.
enum class DeliveryState { kSignalled, kFetched, kStored, kOpened, kWithdrawn, kWithheld };

// Something that might be told. Immutable; its content is opaque here (adapters/cut.h knows it).
struct Item {
  std::string id;    // event id, or "<event id>/<case>" for a snapshot
  std::string type;  // "no.stafett.cases.note-written.v1"
  std::string case_id;
  std::string origin;                    // giver's recipient id, where the record or a fact names it (notes, snapshots)
  std::string organisation;              // who put it on the log, by number; whose that is, the regime says
  bool from_family = false;              // told in the name of the origin, which did not write it: it is told too
  std::optional<std::string> addressee;  // the one recipient that it may be told to; none: whoever may be thought of
  policy::CategorySet categories;        // of everything in it
  // Free text stands in sections, each shown whole or not at all: what each needs, and what stands outside them.
  // Who may see no section is not told at all, and nothing that is told speaks of a section not shown (P1).
  policy::CategorySet outside;
  std::vector<policy::CategorySet> sections;
  std::string purpose;
  std::string body;  // the clear event message
  Time happened;
  std::int64_t offset = -1;
};

struct GoalFacts {
  std::string id, goal;
  bool operator==(const GoalFacts&) const = default;
};
struct MeasureFacts {
  std::string id, goal, title, responsible, responsible_recipient, start, due_date, evaluation_date;
  bool operator==(const MeasureFacts&) const = default;
};
struct CaseFacts {
  bool open = false;  // the log is open
  int level = 0;
  std::string goal, holder, holder_recipient, next_date;
  std::set<std::string> participants;
  std::set<std::string> held;          // services that hold it, or did
  std::vector<GoalFacts> goals;        // that have not ended
  std::vector<MeasureFacts> measures;  // the same
};

struct ScopeFacts {
  policy::CategorySet categories;
  std::set<std::string> said_yes;
  std::optional<Time> complete_at;    // append time of the last yes that was missing
  std::int64_t complete_offset = -1;  // and its place in the log
  bool withdrawn = false;
  std::int64_t withdrawn_offset = -1;  // its place in the log
};
struct ConsentFacts {
  std::string purpose;
  std::string asked_by;  // the service that asked
  Time until;
  std::set<std::string> consenters;
  std::map<std::string, ScopeFacts> scopes;  // by recipient
  // It is about what this service tells at this place: it asked, or everybody had said yes to it, and it was not taken
  // out of it before (decision 0017).
  bool Covers(const std::string& giver, std::int64_t offset) const;
};

struct Delivery {
  std::string id, recipient, case_id, item, item_type, rule;
  DeliveryKind kind = DeliveryKind::kEvent;
  DeliveryState state = DeliveryState::kSignalled;
  bool untold = false;                // its signal was withheld: nobody knows of it, whatever became of it since
  policy::CategorySet fields;         // allowed when it was signalled
  std::vector<std::string> consents;  // what it rests on
  std::uint64_t epoch = 0, sequence = 0;
  std::string digest, record_ref;
  Time at;  // when it was decided
};

// What a signal says of its content: PLAN, NOTE, BATON or STATE. The same wherever a delivery is listed.
std::string_view TypeClass(DeliveryKind kind, std::string_view item_type);

struct Line {
  std::string recipient, rule, missing, delivery_id, case_id, item, item_type;
  policy::Verdict verdict = policy::Verdict::kWithhold;
  DeliveryKind kind = DeliveryKind::kEvent;
  policy::CategorySet fields;
  std::vector<std::string> consents;
  std::uint64_t epoch = 0, sequence = 0;
  bool operator==(const Line&) const = default;
};

// All verdicts about one record of the log.
struct Decided {
  std::string event_id, event_type, case_id, policy_hash;
  std::int64_t offset = -1;
  Time at;
  std::vector<Line> lines;
  std::vector<std::string> withdrawn;  // deliveries that were signalled and not fetched
  std::vector<std::string> suspended;  // of those thought of: they were told nothing
};
// clang-format off: one line each, to be read as a list
struct Fetched {
  std::string delivery_id, recipient;
  policy::CategorySet fields;
  std::string digest, rule;
};
struct StoredConfirmed {
  std::string delivery_id, recipient, record_ref, digest;
};
struct OpenedConfirmed {
  std::string delivery_id, recipient, by_role;
};
// clang-format on
// The signal was not sent: the recipient is suspended.
struct SignalWithheld {
  std::string delivery_id, recipient;
};
using LedgerEvent = std::variant<Decided, Fetched, StoredConfirmed, OpenedConfirmed, SignalWithheld>;

// ---- facts, as the log says them -------------------------------------------------------------------------------

// clang-format off: one line each, to be read as a list
struct Place {
  std::int64_t offset = -1;
  Time appended;
  std::string event_id;
};
struct Identified {
  std::string identity;           // opaque: ChildIdentity message
  std::string organisation = {};  // that says so, by number
};
struct CaseOpened {
  std::string case_id, holder, holder_recipient, goal, next_date;
  int level = 0;
  std::string goal_id = {};
};
struct CaseEnded {
  std::string case_id;
};  // closed or suspended
struct LevelChanged {
  std::string case_id, next_date;
  int level = 0;
};
struct Joined {
  std::string case_id, recipient;
};
struct Left {
  std::string case_id, recipient;
};
struct Handed {
  std::string case_id, holder, holder_recipient, next_date;
};
struct GoalSet {
  std::string case_id;
  GoalFacts goal;
};
struct GoalEnded {
  std::string case_id, goal_id;
};
struct MeasureSet {
  std::string case_id;
  MeasureFacts measure;
};  // started or changed
struct MeasureDated {
  std::string case_id, measure_id, evaluation_date;
};  // evaluated, and goes on
struct MeasureEnded {
  std::string case_id, measure_id;
};
struct Requested {
  std::string consent_id;
  ConsentFacts consent;
};
struct Answered {
  std::string consent_id, consenter;
  std::vector<std::string> granted, refused;
};
struct Withdrawn {
  std::string consent_id;
  std::vector<std::string> recipients;
};
// clang-format on
using Fact = std::variant<std::monostate, Identified, CaseOpened, CaseEnded, LevelChanged, Joined, Left, Handed,
                          GoalSet, GoalEnded, MeasureSet, MeasureDated, MeasureEnded, Requested, Answered, Withdrawn>;

// What a recipient was not told because it was suspended, until it is decided again (RouteMissed).
struct Missed {
  std::string event_id;  // whose decision it was; empty if the decision was to tell and only the signal was withheld
  Line line;
};

// What grows with the story lies in layers: a copy of a view costs little.
struct View {
  std::vector<Identified> identities;  // of each organisation its first words, in the order of the log
  std::map<std::string, CaseFacts> cases;
  std::map<std::string, ConsentFacts> consents;
  Layered<std::string, Item> items;
  Time latest;                            // highest append time: decisions' time never falls
  Layered<std::string, Decided> decided;  // by event id
  Layered<std::string, Delivery> deliveries;
  std::map<std::pair<std::string, std::string>, std::uint64_t> sequence;  // (recipient, case)
  std::map<std::pair<std::string, std::string>, std::uint64_t> epoch;
  Layered<std::string, std::int64_t> offsets;         // of records that may need a fence, by event id
  Layered<std::size_t, std::string> order;            // event ids in the order they were decided, from 0
  std::int64_t last_offset = -1;                      // of what was learned last
  std::map<std::string, std::vector<Missed>> missed;  // by recipient

  const Delivery* FindDelivery(const std::string& id) const;
  // The same if it is this recipient's and it was told of it; to anybody else there is no such delivery (P1).
  const Delivery* ToldOf(const std::string& id, const std::string& recipient) const;
};

// What learning a fact has completed: recipients whose consent became whole by this record (for snapshots).
struct Learned {
  std::vector<std::pair<std::string, std::string>> completed;  // (consent, recipient)
  std::optional<Withdrawn> withdrawn;
};
Learned Learn(View& view, const Place& place, const Fact& fact);
bool IsWithdrawn(const View& view, const std::string& consent, const std::string& recipient);
void Evolve(View& view, const LedgerEvent& event);

// Consents that cover what this service tells and were whole when the record at `offset` was learned (withdrawn and
// expired ones too), in the form that the policy engine reads; points into `view`.
std::vector<policy::Consent> ConsentsOf(const View& view, const std::string& giver, std::int64_t offset = kNow);

}  // namespace stafett::disclosure::domain
