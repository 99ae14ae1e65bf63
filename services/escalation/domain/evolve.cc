#include "escalation/domain/types.h"

namespace stafett::escalation::domain {
namespace {
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;
}  // namespace

std::string EscalationOf(const Event& event) {
  return std::visit([](const auto& e) { return e.escalation_id; }, event);
}

void Evolve(State& state, const Event& event, Time at) {
  auto& x = state.escalations[EscalationOf(event)];
  x.since = at;
  std::visit(Overloaded{
                 [&](const Raised& e) {
                   x.id = e.escalation_id;
                   x.awaited = e.awaited;
                   x.owner = e.owner;
                   x.step = e.step;
                   x.raised = at;
                   auto word = state.words.find(e.awaited.id);
                   if (word == state.words.end()) return;
                   word->second.raised = true;
                   x.awaited = word->second.awaited;  // with the person, whom the event does not name
                 },
                 [&](const PassedOn& e) {
                   x.owner = e.owner;
                   x.step = e.step;
                   x.acknowledged = false;
                 },
                 [&](const Acknowledged&) { x.acknowledged = true; },
                 [&](const Taken& e) {
                   x.owner = e.owner;
                   x.acknowledged = true;
                 },
                 [&](const Resolved&) { x.resolved = true; },
             },
             event);
}

void Learn(State& state, const std::vector<Awaited>& words, const std::string& event_id) {
  for (const auto& word : words) {
    if (word.done) {
      state.words.erase(word.id);
    } else {
      state.words[word.id] = {word, event_id, false};
    }
  }
}

}  // namespace stafett::escalation::domain
