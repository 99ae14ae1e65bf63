#include "disclosure/domain/view.h"

#include <algorithm>

namespace stafett::disclosure::domain {
namespace {
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

// In its place if it is known already.
template <class T>
void Put(std::vector<T>& all, const T& one) {
  auto it = std::find_if(all.begin(), all.end(), [&](const T& x) { return x.id == one.id; });
  if (it == all.end()) {
    all.push_back(one);
  } else {
    *it = one;
  }
}
template <class T>
void Remove(std::vector<T>& all, const std::string& id) {
  std::erase_if(all, [&](const T& x) { return x.id == id; });
}
}  // namespace

std::string_view TypeClass(DeliveryKind kind, std::string_view item_type) {
  auto is = [&](std::string_view part) { return item_type.find(part) != std::string_view::npos; };
  if (is("note-written") || is("bright-spot-") || is("contribution-")) return "NOTE";
  if (is("baton-")) return "BATON";
  if (kind == DeliveryKind::kSnapshot || is("level-set") || is("participant-") || is("goal-") || is("measure-")) {
    return "PLAN";
  }
  return "STATE";
}

const Delivery* View::FindDelivery(const std::string& id) const {
  auto it = deliveries.find(id);
  return it == deliveries.end() ? nullptr : &it->second;
}

const Delivery* View::ToldOf(const std::string& id, const std::string& recipient) const {
  const auto* d = FindDelivery(id);
  if (d == nullptr || d->recipient != recipient || d->untold) return nullptr;
  return d;
}

Learned Learn(View& view, const Place& place, const Fact& fact) {
  Learned learned;
  view.latest = std::max(view.latest, place.appended);
  view.offsets[place.event_id] = place.offset;
  view.last_offset = place.offset;
  // Only a log that was opened has readers: a fact about any other makes none.
  auto opened = [&](const std::string& case_id) -> CaseFacts* {
    auto it = view.cases.find(case_id);
    return it == view.cases.end() ? nullptr : &it->second;
  };
  std::visit(Overloaded{
                 [](const std::monostate&) {},
                 [&](const Identified& f) {
                   auto same = [&](const Identified& said) { return said.organisation == f.organisation; };
                   if (std::none_of(view.identities.begin(), view.identities.end(), same)) view.identities.push_back(f);
                 },
                 [&](const CaseOpened& f) {
                   auto& c = view.cases[f.case_id];
                   c.open = true;
                   c.level = f.level;
                   c.goal = f.goal;
                   Put(c.goals, {f.goal_id, f.goal});
                   c.holder = f.holder;
                   c.holder_recipient = f.holder_recipient;
                   c.held.insert(f.holder_recipient);
                   c.next_date = f.next_date;
                 },
                 [&](const CaseEnded& f) {
                   if (auto* c = opened(f.case_id)) c->open = false;
                 },
                 [&](const LevelChanged& f) {
                   auto* c = opened(f.case_id);
                   if (c == nullptr) return;
                   c->level = f.level;
                   c->next_date = f.next_date;
                 },
                 [&](const Joined& f) {
                   if (auto* c = opened(f.case_id)) c->participants.insert(f.recipient);
                 },
                 [&](const Left& f) {
                   auto* c = opened(f.case_id);
                   if (c == nullptr) return;
                   c->participants.erase(f.recipient);
                   for (auto& m : c->measures) {  // the holder becomes responsible, as in cases
                     if (m.responsible_recipient != f.recipient) continue;
                     m.responsible = c->holder;
                     m.responsible_recipient = c->holder_recipient;
                   }
                 },
                 [&](const Handed& f) {
                   auto* c = opened(f.case_id);
                   if (c == nullptr) return;
                   c->participants.insert(c->holder_recipient);
                   c->participants.erase(f.holder_recipient);
                   c->holder = f.holder;
                   c->holder_recipient = f.holder_recipient;
                   c->held.insert(f.holder_recipient);
                   c->next_date = f.next_date;
                 },
                 [&](const GoalSet& f) {
                   if (auto* c = opened(f.case_id)) Put(c->goals, f.goal);
                 },
                 [&](const GoalEnded& f) {
                   if (auto* c = opened(f.case_id)) Remove(c->goals, f.goal_id);
                 },
                 [&](const MeasureSet& f) {
                   if (auto* c = opened(f.case_id)) Put(c->measures, f.measure);
                 },
                 [&](const MeasureDated& f) {
                   auto* c = opened(f.case_id);
                   if (c == nullptr) return;
                   for (auto& m : c->measures) {
                     if (m.id == f.measure_id) m.evaluation_date = f.evaluation_date;
                   }
                 },
                 [&](const MeasureEnded& f) {
                   if (auto* c = opened(f.case_id)) Remove(c->measures, f.measure_id);
                 },
                 [&](const Requested& f) { view.consents[f.consent_id] = f.consent; },
                 [&](const Answered& f) {
                   auto& consent = view.consents[f.consent_id];
                   for (const auto& r : f.granted) {
                     auto it = consent.scopes.find(r);
                     if (it == consent.scopes.end()) continue;  // never asked for: nothing to complete
                     auto& s = it->second;
                     s.said_yes.insert(f.consenter);
                     bool whole = std::includes(s.said_yes.begin(), s.said_yes.end(), consent.consenters.begin(),
                                                consent.consenters.end());
                     if (whole && !s.complete_at && !s.withdrawn) {
                       s.complete_at = view.latest;
                       s.complete_offset = place.offset;
                       learned.completed.emplace_back(f.consent_id, r);
                     }
                   }
                   for (const auto& r : f.refused) {
                     auto it = consent.scopes.find(r);
                     if (it == consent.scopes.end()) continue;
                     it->second.said_yes.erase(f.consenter);
                     it->second.complete_at.reset();  // a no after a yes ends it
                   }
                 },
                 [&](const Withdrawn& f) {
                   auto& consent = view.consents[f.consent_id];
                   Withdrawn now{f.consent_id, {}};  // said again, by whom else, it changes nothing
                   for (const auto& r : f.recipients) {
                     auto it = consent.scopes.find(r);
                     if (it == consent.scopes.end() || it->second.withdrawn) continue;
                     it->second.withdrawn = true;
                     it->second.withdrawn_offset = place.offset;
                     now.recipients.push_back(r);
                   }
                   if (!now.recipients.empty()) learned.withdrawn = std::move(now);
                 },
             },
             fact);
  return learned;
}

void Evolve(View& view, const LedgerEvent& event) {
  std::visit(Overloaded{
                 [&](const Decided& e) {
                   for (const auto& line : e.lines) {
                     // Decided anew, so no longer missed; or missed from now on.
                     auto& missed = view.missed[line.recipient];
                     std::erase_if(
                         missed, [&](const Missed& m) { return m.line.item == line.item && m.line.kind == line.kind; });
                     if (line.missing == policy::Name(policy::Missing::kRecipientInactive)) {
                       missed.push_back({e.event_id, line});
                     }
                     if (line.delivery_id.empty()) continue;
                     Delivery d;
                     d.id = line.delivery_id;
                     d.recipient = line.recipient;
                     d.case_id = line.case_id;
                     d.item = line.item;
                     d.item_type = line.item_type;
                     d.rule = line.rule;
                     d.kind = line.kind;
                     d.fields = line.fields;
                     d.consents = line.consents;
                     d.epoch = line.epoch;
                     d.sequence = line.sequence;
                     d.at = e.at;
                     view.sequence[{d.recipient, d.case_id}] = d.sequence;
                     view.epoch[{d.recipient, d.case_id}] = d.epoch;
                     view.deliveries[d.id] = std::move(d);
                   }
                   for (const auto& id : e.withdrawn) {
                     auto* d = view.deliveries.Change(id);
                     if (d == nullptr) continue;
                     d->state = DeliveryState::kWithdrawn;
                     std::erase_if(view.missed[d->recipient],
                                   [&](const Missed& m) { return m.line.delivery_id == id; });
                   }
                   view.order[view.order.size()] = e.event_id;
                   view.decided[e.event_id] = e;
                 },
                 [&](const Fetched& e) {
                   auto* d = view.deliveries.Change(e.delivery_id);
                   if (d == nullptr) return;
                   d->digest = e.digest;
                   if (d->state == DeliveryState::kSignalled) d->state = DeliveryState::kFetched;
                 },
                 [&](const StoredConfirmed& e) {
                   auto* d = view.deliveries.Change(e.delivery_id);
                   if (d == nullptr) return;
                   d->record_ref = e.record_ref;
                   if (d->state != DeliveryState::kOpened) d->state = DeliveryState::kStored;
                 },
                 [&](const OpenedConfirmed& e) {
                   auto* d = view.deliveries.Change(e.delivery_id);
                   if (d != nullptr) d->state = DeliveryState::kOpened;
                 },
                 [&](const SignalWithheld& e) {
                   auto* changed = view.deliveries.Change(e.delivery_id);
                   if (changed == nullptr || changed->state != DeliveryState::kSignalled) return;
                   auto& d = *changed;
                   d.state = DeliveryState::kWithheld;
                   d.untold = true;
                   Line line;
                   line.recipient = d.recipient;
                   line.rule = d.rule;
                   line.delivery_id = d.id;
                   line.case_id = d.case_id;
                   line.item = d.item;
                   line.item_type = d.item_type;
                   line.verdict = policy::Verdict::kDisclose;
                   line.kind = d.kind;
                   line.fields = d.fields;
                   line.consents = d.consents;
                   view.missed[d.recipient].push_back({"", std::move(line)});
                 },
             },
             event);
}

bool IsWithdrawn(const View& view, const std::string& consent, const std::string& recipient) {
  auto it = view.consents.find(consent);
  if (it == view.consents.end()) return false;
  auto scope = it->second.scopes.find(recipient);
  return scope != it->second.scopes.end() && scope->second.withdrawn;
}

bool ConsentFacts::Covers(const std::string& giver, std::int64_t offset) const {
  if (giver.empty()) return false;
  auto it = scopes.find(giver);
  if (it == scopes.end()) return giver == asked_by;
  const auto& scope = it->second;
  if (scope.withdrawn && scope.withdrawn_offset <= offset) return false;
  return giver == asked_by || (scope.complete_at && scope.complete_offset <= offset);
}

std::vector<policy::Consent> ConsentsOf(const View& view, const std::string& giver, std::int64_t offset) {
  std::vector<policy::Consent> out;
  for (const auto& [id, consent] : view.consents) {
    if (!consent.Covers(giver, offset)) continue;
    for (const auto& [recipient, scope] : consent.scopes) {
      if (!scope.complete_at || scope.complete_offset > offset) continue;
      out.push_back(
          {id, recipient, scope.categories, consent.purpose, *scope.complete_at, consent.until, scope.withdrawn});
    }
  }
  return out;
}

}  // namespace stafett::disclosure::domain
