#include "cases/domain/decide.h"

#include <algorithm>

#include "cases/domain/day.h"
#include "cases/domain/measures.h"
#include "cases/domain/rules.h"

namespace stafett::cases::domain {

tl::unexpected<Error> NotAllowed() {
  return Fail(Code::kPermissionDenied, "NOT_ALLOWED", "permission denied on this resource (or it might not exist)");
}

bool MayRead(const Case& c, const Person& who) {
  if (who.guardian || who.recipient.empty()) return false;
  if (who.recipient == c.holder_recipient && (who.id == c.holder || who.leads)) return true;
  // Off the log it is assigned staff of its own service only.
  return who.recipient == c.recipient && who.leads && c.state == CaseState::kConcernNoted;
}

bool MayKnowPart(const Child& child, const Case& c, const std::string& part_id, const Person& who, Time now) {
  if (MayRead(c, who)) return true;
  const auto* m = c.FindMeasure(part_id);
  if (m == nullptr || !IsResponsible(*m, who)) return false;
  return who.recipient == c.holder_recipient || (c.InTheLog(who.recipient) && Consented(child, c, who.recipient, now));
}

// ISO dates compare as text.
std::string DateFault(const std::string& date, const std::string& today) {
  if (!IsDay(date)) return "must be a date like 2026-11-22";
  if (date < today) return "lies in the past";
  auto next_year = std::to_string(std::stoi(today.substr(0, 4)) + 1) + today.substr(4);
  if (date > next_year) return "is more than a year ahead";
  return "";
}

Result<Events> NoteConcern(const Child& child, const Change& change, const std::string& concern,
                           const std::string& next_date) {
  if (change.who.guardian) {
    return Fail(Code::kPermissionDenied, "STAFF_ONLY", "a concern is noted by staff of a service");
  }
  if (!child.registered) return NotAllowed();
  STAFETT_CHECK_OK(CheckDate("next_date", next_date, change.today));
  return Events{ConcernNoted{change.case_id, change.who.recipient, change.who.unit, change.who.id, concern, next_date}};
}

Result<Events> RecordConversation(const Child& child, const Change& change, ConversationHeld held) {
  STAFETT_TRY(const Case* c, Writable(child, change));
  STAFETT_CHECK_OK(CheckDate("next_date", held.next_date, change.today));
  for (const auto& g : held.guardians) {
    bool known = std::any_of(child.guardians.begin(), child.guardians.end(),
                             [&](const Guardian& guardian) { return guardian.person == g; });
    if (!known) return Invalid("guardians", "guardians: not a guardian of this child");
  }
  held.case_id = c->id;
  return Events{std::move(held)};
}

namespace {
// Who takes part does so under a consent between him and whoever holds the log: by this event it may be another's, or
// it rests on another consent.
Events AndWhoLeaves(const Child& child, Event event, Time now) {
  const auto case_id = CaseOf(event);
  Child after = child;
  Evolve(after, event);
  Events events{std::move(event)};
  for (auto& more : StopWhatLostItsConsent(std::move(after), now)) {
    if (CaseOf(more) == case_id) events.push_back(std::move(more));
  }
  return events;
}
}  // namespace

Result<Events> OpenLog(const Child& child, const Change& change, const std::string& goal,
                       const std::string& next_date) {
  STAFETT_TRY(const Case* c, Writable(child, change));
  if (c->state == CaseState::kLogOpen) return State("LOG_ALREADY_OPEN", "the log is open already");
  STAFETT_CHECK_OK(CheckDate("next_date", next_date, change.today));
  if (!child.HasConsent(kFollowUp, c->holder_recipient, change.now)) {
    return State("NO_CONSENT", "a log is opened with consent only; all who must have not said yes to your service");
  }
  auto level = c->state == CaseState::kLogSuspended ? c->level : Level::k1;
  // Opened again with a goal that it has: it goes on.
  auto same = std::find_if(c->goals.begin(), c->goals.end(), [&](const Goal& g) { return !g.ended && g.text == goal; });
  if (same == c->goals.end()) STAFETT_CHECK_OK(RoomForGoal(*c));
  return AndWhoLeaves(child,
                      LogOpened{c->id, change.who.id, change.who.recipient, goal, level, next_date,
                                same == c->goals.end() ? GoalMadeBy(change.command, c->id) : same->id},
                      change.now);
}

Result<Events> SetLevel(const Child& child, const Change& change, Level level, const std::string& reason,
                        const std::string& next_date) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  if (c->level == level) return State("SAME_LEVEL", "the case is on this level already");
  STAFETT_CHECK_OK(CheckDate("next_date", next_date, change.today));
  return Events{LevelSet{c->id, level, reason, next_date}};
}

Result<Events> AddParticipant(const Child& child, const Change& change, const std::string& recipient) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  if (c->InTheLog(recipient)) {
    return State("ALREADY_PARTICIPANT", "this service takes part already");
  }
  if (!Consented(child, *c, recipient, change.now)) {
    return State("NO_CONSENT", "no valid consent names this service and the one that holds the log");
  }
  return Events{ParticipantAdded{c->id, recipient}};
}

Result<Events> RemoveParticipant(const Child& child, const Change& change, const std::string& recipient) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  if (!c->participants.contains(recipient)) return State("NOT_PARTICIPANT", "this service does not take part");
  return Events{ParticipantRemoved{c->id, recipient}};
}

Result<Events> OfferBaton(const Child& child, const Change& change, const std::string& to,
                          const std::string& to_recipient, const std::string& answer_by) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  if (to == c->holder) return State("ALREADY_HOLDER", "this person holds the baton");
  if (!c->offered_to.empty()) return State("ALREADY_OFFERED", "the baton is offered to somebody; wait for the answer");
  if (!c->InTheLog(to_recipient)) {
    return State("NOT_PARTICIPANT", "the baton goes to somebody in a service that takes part");
  }
  if (!Consented(child, *c, to_recipient, change.now)) {
    return State("NO_CONSENT", "no valid consent names this service and the one that holds the log");
  }
  return Events{BatonOffered{c->id, c->holder, to, to_recipient, answer_by}};
}

namespace {
// The receiver does not hold the case yet; being offered the baton is what lets it know.
Result<const Case*> Offered(const Child& child, const Change& change) {
  const Case* c = child.Find(change.case_id);
  if (c == nullptr || change.who.guardian || c->offered_to.empty() || c->offered_to != change.who.id ||
      c->offered_recipient != change.who.recipient) {
    return NotAllowed();
  }
  STAFETT_CHECK_OK(Fits(*c, change));
  if (c->state != CaseState::kLogOpen) return State("LOG_NOT_OPEN", "the log is not open");
  return c;
}
}  // namespace

Result<Events> AcceptBaton(const Child& child, const Change& change, const std::string& next_date) {
  STAFETT_TRY(const Case* c, Offered(child, change));
  STAFETT_CHECK_OK(CheckDate("next_date", next_date, change.today));
  if (!Consented(child, *c, c->offered_recipient, change.now)) {
    return State("NO_CONSENT", "the consent for this service has ended since the baton was offered");
  }
  return AndWhoLeaves(child, BatonAccepted{c->id, change.who.id, change.who.recipient, next_date}, change.now);
}

Result<Events> DeclineBaton(const Child& child, const Change& change, const std::string& reason) {
  STAFETT_TRY(const Case* c, Offered(child, change));
  return Events{BatonDeclined{c->id, change.who.id, reason}};
}

Result<Events> WriteNote(const Child& child, const Change& change, std::vector<Section> sections) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  STAFETT_CHECK_OK(CheckSections(sections));
  return Events{NoteWritten{c->id, change.who.id, change.who.recipient, std::move(sections)}};
}

Result<Events> AddBrightSpot(const Child& child, const Change& change, std::vector<Section> sections) {
  STAFETT_TRY(const Case* c, SharedLog(child, change));
  STAFETT_CHECK_OK(CheckSections(sections));
  return Events{
      BrightSpotAdded{c->id, change.who.id, change.who.guardian ? "" : change.who.recipient, std::move(sections)}};
}

Result<Events> CloseCase(const Child& child, const Change& change, const std::string& reason) {
  STAFETT_TRY(const Case* c, Writable(child, change));
  return Events{CaseClosed{c->id, reason}};
}

}  // namespace stafett::cases::domain
