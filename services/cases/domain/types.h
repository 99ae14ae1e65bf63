// The cases service's own world: a child as this service sees it. Pure: no I/O, no clock, no protobuf.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/policy/policy.h"

namespace stafett::cases::domain {

inline constexpr char kFollowUp[] = "follow-up";  // the purpose that a log serves

enum class Level { k0, k1, k2, k3 };
enum class CaseState { kConcernNoted, kLogOpen, kLogSuspended, kClosed };
enum class ContributionState { kNone, kUnanswered, kAccepted, kDeclined, kEnded };
enum class DeclineReason { kNone, kNotRelevant, kAlreadyInTheLog, kAnotherChild, kNotUnderstood, kNotReceived };
enum class Outcome { kNone, kHelped, kHelpedPartly, kDidNotHelp, kNotCarriedOut };

struct Guardian {
  std::string person, name, relation;
  bool parental_responsibility = false;
};

struct Goal {
  std::string id, text;
  bool ended = false;
};

// What somebody does towards a goal. While it is open: one responsible person, of a service that holds the case or
// takes part in it, and an evaluation date.
struct Measure {
  std::string id, goal, title;  // the goal's id; may be empty
  std::string responsible, responsible_recipient;
  std::string start, due_date, evaluation_date;  // ISO dates; the due date may be empty
  Outcome outcome = Outcome::kNone;              // of the last evaluation
  bool ended = false;
  bool operator==(const Measure&) const = default;
};

struct Section {
  policy::Category category;
  std::string text;
  std::vector<std::string> describes;
};

// What a service that takes part has submitted to the holder's. Not in the log before it is accepted.
struct Contribution {
  std::string id, author, author_recipient;
  std::string to_recipient;       // the service that held the log then: it alone knows of it
  std::vector<Section> sections;  // while it is unanswered
  std::string answer_by;          // ISO date
  ContributionState state = ContributionState::kUnanswered;
};

// One follow-up. Off the log (kConcernNoted) it is its own service's alone.
struct Case {
  std::string id;
  std::string recipient;  // the service whose concern it was
  std::string unit;
  CaseState state = CaseState::kConcernNoted;
  Level level = Level::k0;
  std::string holder;  // exactly one responsible person at every version (promise P6)
  std::string holder_recipient;
  std::string next_date;                                 // ISO date; always set while open
  std::string offered_to, offered_recipient, answer_by;  // to whom the baton is offered, and until when
  std::set<std::string> participants;                    // recipients
  std::string goal;                                      // that the log was opened with
  std::vector<Goal> goals;                               // in the order in which they were added
  std::vector<Measure> measures;                         // in the order in which they were started
  std::vector<Contribution> contributions;               // in the order in which they were submitted
  // Events of this case, blind to the child's other cases. What one service alone may read is counted apart, for that
  // one: its own words, and contributions that are addressed to it. To all others it has not happened (promise P1).
  std::uint64_t version = 0;
  std::map<std::string, std::uint64_t> apart;
  // The etag, as this service counts.
  std::uint64_t VersionFor(const std::string& for_recipient) const;
  // The holder's service, or one that takes part beside it.
  bool InTheLog(const std::string& service) const {
    return service == holder_recipient || participants.contains(service);
  }
  const Goal* FindGoal(const std::string& goal_id) const;
  const Measure* FindMeasure(const std::string& measure_id) const;
  const Contribution* FindContribution(const std::string& contribution_id) const;
};

// What this service knows of a consent, folded from the consent service's records.
struct ConsentView {
  std::string purpose;
  std::string asked_by;  // the service that asked
  Time until;
  std::set<std::string> consenters;
  std::map<std::string, std::set<std::string>> granted;  // recipient -> who said yes
  std::set<std::string> withdrawn;                       // recipients
  std::set<std::string> recipients;                      // all that were asked for
  bool ValidFor(const std::string& recipient, Time now) const;
  // It is about what this service tells: it asked, or everybody has said yes to it; and it was not taken out of it
  // since (decision 0017).
  bool Covers(const std::string& service) const;

 private:
  bool AllSaidYes(const std::string& recipient) const;
};

struct Child {
  bool registered = false;
  std::string name, birth_date;
  std::vector<Guardian> guardians;
  std::map<std::string, Case> cases;
  std::map<std::string, ConsentView> consents;
  const Case* Find(const std::string& id) const {
    auto it = cases.find(id);
    return it == cases.end() ? nullptr : &it->second;
  }
  // The case in which this measure was started, or this contribution submitted.
  const Case* CaseWith(const std::string& part_id) const;
  // A valid consent for this purpose that names the recipient.
  bool HasConsent(const std::string& purpose, const std::string& recipient, Time now) const;
  // The same of one that covers what `giver` tells: a consent between the two. To oneself any will do.
  bool HasConsentFrom(const std::string& giver, const std::string& purpose, const std::string& recipient,
                      Time now) const;
};

// ---- events (proto/stafett/cases/v1/case_events.proto) ---------------------------------------------------------

struct ChildRegistered {
  std::string name, birth_date;
  std::vector<Guardian> guardians;
};
struct ConcernNoted {
  std::string case_id, recipient, unit, responsible, concern, next_date;
};
struct ConversationHeld {
  std::string case_id;
  std::vector<std::string> guardians;
  bool child_heard = false;
  std::string summary, next_date;
};
// clang-format off: one line each, to be read as a list
struct LogOpened {
  std::string case_id, holder, holder_recipient, goal;
  Level level;
  std::string next_date;
  std::string goal_id = {};  // empty in records of 0.1.0
};
struct LogSuspended {
  std::string case_id;
};
struct LevelSet {
  std::string case_id;
  Level level;
  std::string reason, next_date;
};
struct ParticipantAdded {
  std::string case_id, recipient;
};
struct ParticipantRemoved {
  std::string case_id, recipient;
};
struct BatonOffered {
  std::string case_id, from, to, to_recipient, answer_by;
};
struct BatonAccepted {
  std::string case_id, holder, holder_recipient, next_date;
};
struct BatonDeclined {
  std::string case_id, by, reason;
};
struct BatonOfferEnded {
  std::string case_id;
};
struct NoteWritten {
  std::string case_id, author, author_recipient;
  std::vector<Section> sections;
  std::string measure_id = {};  // at the evaluation of which it was written
};
struct BrightSpotAdded {
  std::string case_id, author, author_recipient;  // without a recipient: a guardian
  std::vector<Section> sections;
};
struct ContributionSubmitted {
  std::string case_id, contribution_id, author, author_recipient, to_recipient;
  std::vector<Section> sections;
  std::string answer_by;
};
struct ContributionAccepted {
  std::string case_id, contribution_id, to_recipient;  // told to whom submitted it
};
struct ContributionDeclined {
  std::string case_id, contribution_id, to_recipient;
  DeclineReason reason;
};
struct GoalAdded {
  std::string case_id, goal_id, goal;
};
struct GoalEnded {
  std::string case_id, goal_id;
  bool reached;
  std::string reason;
};
struct MeasureStarted {
  std::string case_id;
  Measure measure;
};
struct MeasureChanged {
  std::string case_id;
  Measure measure;  // the whole of it as it is now
};
struct MeasureEvaluated {
  std::string case_id, measure_id;
  Outcome outcome;
  std::string by, by_recipient, evaluation_date;  // the next one; empty if it ended with this
  bool ended;
};
struct MeasureEnded {
  std::string case_id, measure_id, reason;
};
struct CaseClosed {
  std::string case_id, reason;
};
// clang-format on

using Event =
    std::variant<ChildRegistered, ConcernNoted, ConversationHeld, LogOpened, LogSuspended, LevelSet, ParticipantAdded,
                 ParticipantRemoved, BatonOffered, BatonAccepted, BatonDeclined, BatonOfferEnded, NoteWritten,
                 BrightSpotAdded, ContributionSubmitted, ContributionAccepted, ContributionDeclined, GoalAdded,
                 GoalEnded, MeasureStarted, MeasureChanged, MeasureEvaluated, MeasureEnded, CaseClosed>;
using Events = std::vector<Event>;

// Folds one event. Total: an event that was accepted once is always folded.
void Evolve(Child& child, const Event& event);
// The case an event belongs to; empty for the child itself.
std::string CaseOf(const Event& event);

// ---- what the consent service said ---------------------------------------------------------------------------

struct ConsentRequestedFact {
  std::string consent_id, purpose, asked_by;
  Time until;
  std::set<std::string> consenters, recipients;
};
struct ConsentAnsweredFact {
  std::string consent_id, consenter;
  std::vector<std::string> granted, refused;
};
struct ConsentWithdrawnFact {
  std::string consent_id;
  std::vector<std::string> recipients;
};
using ConsentFact = std::variant<ConsentRequestedFact, ConsentAnsweredFact, ConsentWithdrawnFact>;
void Learn(Child& child, const ConsentFact& fact);
// What has to stop because no valid consent names the service any more (design §4.7), or none that is the holder's too
// (decision 0017): the log, when it is the holder's, who stays responsible; an offer, when it is the receiver's; a part
// in the log. In this order, folded one by one.
Events StopWhatLostItsConsent(Child child, Time now);

}  // namespace stafett::cases::domain
