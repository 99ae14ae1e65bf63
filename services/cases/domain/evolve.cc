#include <algorithm>
#include <utility>

#include "cases/domain/types.h"
#include "lib/base/id.h"

namespace stafett::cases::domain {
namespace {
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

template <class List>
auto* FindIn(List& list, const std::string& id) {
  auto it = std::find_if(list.begin(), list.end(), [&](const auto& x) { return x.id == id; });
  return it == list.end() ? nullptr : &*it;
}

void AddGoal(Case& c, const std::string& id, const std::string& text) {
  if (auto* known = FindIn(c.goals, id)) {
    *known = {id, text, false};
  } else {
    c.goals.push_back({id, text, false});
  }
}

// Whoever takes part no longer is responsible for nothing that is still to be done: the holder is (promise P6).
void HandMeasuresToHolder(Case& c, const std::string& from) {
  for (auto& m : c.measures) {
    if (m.ended || m.responsible_recipient != from) continue;
    m.responsible = c.holder;
    m.responsible_recipient = c.holder_recipient;
  }
}
// Nobody answers these any more. Their words are not kept: they were never in the log.
template <class Which>
void EndUnanswered(Case& c, Which which) {
  for (auto& x : c.contributions) {
    if (x.state != ContributionState::kUnanswered || !which(x)) continue;
    x.state = ContributionState::kEnded;
    x.sections.clear();
  }
}
void EndUnanswered(Case& c) {
  EndUnanswered(c, [](const Contribution&) { return true; });
}

void Answer(Case& c, const std::string& contribution_id, ContributionState answer) {
  auto* x = FindIn(c.contributions, contribution_id);
  if (x == nullptr) return;
  x->state = answer;
  x->sections.clear();
}

// The one service that an event is counted for; nothing if it is the whole log's. Free text is its author's service's
// (timeline.cc), and of a contribution the one that it is addressed to.
const std::string* ApartFor(const Case& c, const Event& event) {
  const std::string* id = nullptr;
  if (const auto* e = std::get_if<NoteWritten>(&event)) return &e->author_recipient;
  if (const auto* e = std::get_if<BrightSpotAdded>(&event)) return &e->author_recipient;
  if (const auto* e = std::get_if<ContributionSubmitted>(&event)) return &e->to_recipient;
  if (const auto* e = std::get_if<ContributionAccepted>(&event)) id = &e->contribution_id;
  if (const auto* e = std::get_if<ContributionDeclined>(&event)) id = &e->contribution_id;
  const auto* x = id == nullptr ? nullptr : c.FindContribution(*id);
  return x == nullptr ? nullptr : &x->to_recipient;
}
}  // namespace

std::uint64_t Case::VersionFor(const std::string& for_recipient) const {
  auto it = apart.find(for_recipient);
  return version + (it == apart.end() ? 0 : it->second);
}

const Contribution* Case::FindContribution(const std::string& contribution_id) const {
  return FindIn(contributions, contribution_id);
}
const Goal* Case::FindGoal(const std::string& goal_id) const { return FindIn(goals, goal_id); }
const Measure* Case::FindMeasure(const std::string& measure_id) const { return FindIn(measures, measure_id); }

const Case* Child::CaseWith(const std::string& part_id) const {
  auto it = std::find_if(cases.begin(), cases.end(), [&](const auto& entry) {
    return entry.second.FindMeasure(part_id) != nullptr || entry.second.FindContribution(part_id) != nullptr;
  });
  return it == cases.end() ? nullptr : &it->second;
}

bool ConsentView::AllSaidYes(const std::string& recipient) const {
  auto it = granted.find(recipient);
  return recipients.contains(recipient) && it != granted.end() &&
         std::includes(it->second.begin(), it->second.end(), consenters.begin(), consenters.end());
}

bool ConsentView::ValidFor(const std::string& recipient, Time now) const {
  return AllSaidYes(recipient) && !withdrawn.contains(recipient) && now < until;
}

bool ConsentView::Covers(const std::string& service) const {
  return !service.empty() && !withdrawn.contains(service) && (service == asked_by || AllSaidYes(service));
}

bool Child::HasConsent(const std::string& purpose, const std::string& recipient, Time now) const {
  return std::any_of(consents.begin(), consents.end(), [&](const auto& entry) {
    return entry.second.purpose == purpose && entry.second.ValidFor(recipient, now);
  });
}

bool Child::HasConsentFrom(const std::string& giver, const std::string& purpose, const std::string& recipient,
                           Time now) const {
  return std::any_of(consents.begin(), consents.end(), [&](const auto& entry) {
    const auto& consent = entry.second;
    return consent.purpose == purpose && consent.ValidFor(recipient, now) && consent.Covers(giver);
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
                   AddGoal(*c, e.goal_id.empty() ? DerivedId("go", e.case_id) : e.goal_id, e.goal);
                   c->level = e.level;
                   c->next_date = e.next_date;
                 },
                 [&](const LogSuspended&) {
                   c->state = CaseState::kLogSuspended;
                   EndUnanswered(*c);
                 },
                 [&](const LevelSet& e) {
                   c->level = e.level;
                   c->next_date = e.next_date;
                 },
                 [&](const ParticipantAdded& e) { c->participants.insert(e.recipient); },
                 [&](const ParticipantRemoved& e) {
                   c->participants.erase(e.recipient);
                   HandMeasuresToHolder(*c, e.recipient);
                   EndUnanswered(*c, [&](const Contribution& x) { return x.author_recipient == e.recipient; });
                 },
                 [&](const BatonOffered& e) {
                   c->offered_to = e.to;
                   c->offered_recipient = e.to_recipient;
                   c->answer_by = e.answer_by;
                 },
                 [&](const BatonAccepted& e) {
                   // It was told to the service that held the log, and to no other.
                   EndUnanswered(*c, [&](const Contribution& x) { return x.to_recipient != e.holder_recipient; });
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
                 [&](const BrightSpotAdded&) {},
                 [&](const ContributionSubmitted& e) {
                   c->contributions.push_back({e.contribution_id, e.author, e.author_recipient, e.to_recipient,
                                               e.sections, e.answer_by, ContributionState::kUnanswered});
                 },
                 [&](const ContributionAccepted& e) { Answer(*c, e.contribution_id, ContributionState::kAccepted); },
                 [&](const ContributionDeclined& e) { Answer(*c, e.contribution_id, ContributionState::kDeclined); },
                 [&](const GoalAdded& e) { AddGoal(*c, e.goal_id, e.goal); },
                 [&](const GoalEnded& e) {
                   if (auto* goal = FindIn(c->goals, e.goal_id)) goal->ended = true;
                 },
                 [&](const MeasureStarted& e) { c->measures.push_back(e.measure); },
                 [&](const MeasureChanged& e) {
                   auto* m = FindIn(c->measures, e.measure.id);
                   if (m == nullptr) return;
                   auto outcome = m->outcome;
                   *m = e.measure;
                   m->outcome = outcome;
                 },
                 [&](const MeasureEvaluated& e) {
                   auto* m = FindIn(c->measures, e.measure_id);
                   if (m == nullptr) return;
                   m->outcome = e.outcome;
                   m->evaluation_date = e.evaluation_date;
                   m->ended = e.ended;
                 },
                 [&](const MeasureEnded& e) {
                   if (auto* m = FindIn(c->measures, e.measure_id)) m->ended = true;
                 },
                 [&](const CaseClosed&) {
                   c->state = CaseState::kClosed;
                   EndUnanswered(*c);
                 },
             },
             event);
  if (c == nullptr) return;
  const auto* apart = ApartFor(*c, event);
  ++(apart == nullptr ? c->version : c->apart[*apart]);
}

void Learn(Child& child, const ConsentFact& fact) {
  std::visit(Overloaded{
                 [&](const ConsentRequestedFact& f) {
                   auto& c = child.consents[f.consent_id];
                   c.purpose = f.purpose;
                   c.asked_by = f.asked_by;
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
  for (const auto& [id, c] : child.cases) {
    // A suspended log too: when it is opened again, nobody may come back with it who lost his consent meanwhile.
    if (c.state != CaseState::kLogOpen && c.state != CaseState::kLogSuspended) continue;
    if (c.state == CaseState::kLogOpen && !child.HasConsent(kFollowUp, c.holder_recipient, now)) stop(LogSuspended{id});
    // While the log is suspended nobody tells anybody anything in it, and nobody is told that it is: who has lost his
    // consent with the holder leaves when it is opened again.
    auto lost = [&](const std::string& recipient) {
      return c.state == CaseState::kLogOpen ? !child.HasConsentFrom(c.holder_recipient, kFollowUp, recipient, now)
                                            : !child.HasConsent(kFollowUp, recipient, now);
    };
    if (!c.offered_to.empty() && lost(c.offered_recipient)) stop(BatonOfferEnded{id});
    const auto participants = c.participants;
    for (const auto& recipient : participants) {
      if (lost(recipient)) stop(ParticipantRemoved{id, recipient});
    }
  }
  return out;
}

}  // namespace stafett::cases::domain
