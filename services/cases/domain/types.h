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

struct Guardian {
  std::string person, name, relation;
  bool parental_responsibility = false;
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
  std::string goal;
  std::uint64_t version = 0;  // events of this case: its etag, blind to the child's other cases
};

// What this service knows of a consent, folded from the consent service's records.
struct ConsentView {
  std::string purpose;
  Time until;
  std::set<std::string> consenters;
  std::map<std::string, std::set<std::string>> granted;  // recipient -> who said yes
  std::set<std::string> withdrawn;                       // recipients
  std::set<std::string> recipients;                      // all that were asked for
  bool ValidFor(const std::string& recipient, Time now) const;
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
  // A valid consent for this purpose that names the recipient.
  bool HasConsent(const std::string& purpose, const std::string& recipient, Time now) const;
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
struct Section {
  policy::Category category;
  std::string text;
  std::vector<std::string> describes;
};
struct NoteWritten {
  std::string case_id, author, author_recipient;
  std::vector<Section> sections;
};
struct CaseClosed {
  std::string case_id, reason;
};
// clang-format on

using Event = std::variant<ChildRegistered, ConcernNoted, ConversationHeld, LogOpened, LogSuspended, LevelSet,
                           ParticipantAdded, ParticipantRemoved, BatonOffered, BatonAccepted, BatonDeclined,
                           BatonOfferEnded, NoteWritten, CaseClosed>;
using Events = std::vector<Event>;

// Folds one event. Total: an event that was accepted once is always folded.
void Evolve(Child& child, const Event& event);
// The case an event belongs to; empty for the child itself.
std::string CaseOf(const Event& event);

// ---- what the consent service said ---------------------------------------------------------------------------

struct ConsentRequestedFact {
  std::string consent_id, purpose;
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
// What has to stop because no valid consent names the service any more (design §4.7): the log, when it is the holder's,
// who stays responsible; an offer, when it is the receiver's; a part in the log. In this order, folded one by one.
Events StopWhatLostItsConsent(Child child, Time now);

}  // namespace stafett::cases::domain
