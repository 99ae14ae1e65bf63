#include <algorithm>
#include <utility>

#include "cases/domain/types.h"

namespace stafett::cases::domain {
namespace {
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;
}  // namespace

bool ConsentView::ValidFor(const std::string& recipient, Time now) const {
  auto it = granted.find(recipient);
  return recipients.contains(recipient) && it != granted.end() && !withdrawn.contains(recipient) && now < until &&
         std::includes(it->second.begin(), it->second.end(), consenters.begin(), consenters.end());
}

bool Child::HasConsent(const std::string& purpose, const std::string& recipient, Time now) const {
  return std::any_of(consents.begin(), consents.end(), [&](const auto& entry) {
    return entry.second.purpose == purpose && entry.second.ValidFor(recipient, now);
  });
}

std::string CaseOf(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::string {
        if constexpr (requires { e.case_id; }) {
          return e.case_id;
        } else {
          return {};
        }
      },
      event);
}

void Evolve(Child& child, const Event& event) {
  auto id = CaseOf(event);
  Case* c = id.empty() ? nullptr : &child.cases[id];
  std::visit(Overloaded{
                 [&](const ChildRegistered& e) {
                   if (child.registered) return;  // the first words stand; another service's do not change them
                   child.registered = true;
                   child.name = e.name;
                   child.birth_date = e.birth_date;
                   child.guardians = e.guardians;
                 },
                 [&](const ConcernNoted& e) {
                   c->id = e.case_id;
                   c->recipient = c->holder_recipient = e.recipient;
                   c->unit = e.unit;
                   c->holder = e.responsible;
                   c->next_date = e.next_date;
                 },
                 [&](const ConversationHeld& e) { c->next_date = e.next_date; },
                 [&](const LogOpened& e) {
                   c->state = CaseState::kLogOpen;
                   c->holder = e.holder;
                   c->holder_recipient = e.holder_recipient;
                   c->goal = e.goal;
                   c->level = e.level;
                   c->next_date = e.next_date;
                 },
                 [&](const LogSuspended&) { c->state = CaseState::kLogSuspended; },
                 [&](const LevelSet& e) {
                   c->level = e.level;
                   c->next_date = e.next_date;
                 },
                 [&](const ParticipantAdded& e) { c->participants.insert(e.recipient); },
                 [&](const ParticipantRemoved& e) { c->participants.erase(e.recipient); },
                 [&](const BatonOffered& e) {
                   c->offered_to = e.to;
                   c->offered_recipient = e.to_recipient;
                   c->answer_by = e.answer_by;
                 },
                 [&](const BatonAccepted& e) {
                   c->participants.insert(c->holder_recipient);  // who gives the baton stays in the log
                   c->participants.erase(e.holder_recipient);
                   c->holder = e.holder;
                   c->holder_recipient = e.holder_recipient;
                   c->next_date = e.next_date;
                   c->offered_to.clear();
                   c->offered_recipient.clear();
                   c->answer_by.clear();
                 },
                 [&](const BatonDeclined&) {
                   c->offered_to.clear();
                   c->offered_recipient.clear();
                   c->answer_by.clear();
                 },
                 [&](const BatonOfferEnded&) {
                   c->offered_to.clear();
                   c->offered_recipient.clear();
                   c->answer_by.clear();
                 },
                 [&](const NoteWritten&) {},
                 [&](const CaseClosed&) { c->state = CaseState::kClosed; },
             },
             event);
  if (c != nullptr) ++c->version;
}

void Learn(Child& child, const ConsentFact& fact) {
  std::visit(Overloaded{
                 [&](const ConsentRequestedFact& f) {
                   auto& c = child.consents[f.consent_id];
                   c.purpose = f.purpose;
                   c.until = f.until;
                   c.consenters = f.consenters;
                   c.recipients = f.recipients;
                 },
                 [&](const ConsentAnsweredFact& f) {
                   auto& c = child.consents[f.consent_id];
                   for (const auto& r : f.granted) c.granted[r].insert(f.consenter);
                   for (const auto& r : f.refused) c.granted[r].erase(f.consenter);
                 },
                 [&](const ConsentWithdrawnFact& f) {
                   auto& c = child.consents[f.consent_id];
                   c.withdrawn.insert(f.recipients.begin(), f.recipients.end());
                 },
             },
             fact);
}

Events StopWhatLostItsConsent(Child child, Time now) {
  Events out;
  auto stop = [&](Event event) {
    Evolve(child, event);
    out.push_back(std::move(event));
  };
  auto lost = [&](const std::string& recipient) { return !child.HasConsent(kFollowUp, recipient, now); };
  for (const auto& [id, c] : child.cases) {
    // A suspended log too: when it is opened again, nobody may come back with it who lost his consent meanwhile.
    if (c.state != CaseState::kLogOpen && c.state != CaseState::kLogSuspended) continue;
    if (c.state == CaseState::kLogOpen && lost(c.holder_recipient)) stop(LogSuspended{id});
    if (!c.offered_to.empty() && lost(c.offered_recipient)) stop(BatonOfferEnded{id});
    const auto participants = c.participants;
    for (const auto& recipient : participants) {
      if (lost(recipient)) stop(ParticipantRemoved{id, recipient});
    }
  }
  return out;
}

}  // namespace stafett::cases::domain
