// Statements about every history of words, time and people.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "unit/escalation/sample.h"

namespace stafett::escalation::domain {
namespace {
using namespace sample;

int Pick(int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); }

void AssertOneOwner(const State& state, const Plan& plan) {
  std::map<std::string, int> open;
  for (const auto& [id, x] : state.escalations) {
    RC_ASSERT(x.id == id);
    RC_ASSERT(!x.owner.person.empty() && !x.owner.recipient.empty());
    RC_ASSERT(x.step >= 1 && x.step <= static_cast<int>(plan.Line(x.awaited.recipient).size()));
    if (!x.resolved) RC_ASSERT(++open[x.awaited.id] == 1);  // one matter, one escalation, one owner
  }
}

RC_GTEST_PROP(Escalation, It_has_one_owner_at_every_step_is_never_early_and_none_is_forgotten, ()) {
  CountedDays plan;
  State state;
  Time now = kStart;
  std::set<std::string> requests;
  std::map<std::string, Awaited> promised;  // what is waited for, by the latest word
  std::set<std::string> ended;              // of these, by a person
  const int steps = 10 + Pick(40);
  for (int i = 0; i < steps; ++i) {
    const auto of = "ca-" + std::to_string(Pick(3));
    switch (Pick(6)) {
      case 0: {
        const auto today = static_cast<int>((now.ms - kStart.ms) / kDay);
        Awaited word = sample::NextStep(today + Pick(4), of, Pick(3) == 0 ? "p-head" : "p-teacher");
        if (Pick(3) == 0) word = Done(of);
        const auto over = ResolveBy(state, {word});
        Learn(state, {word}, "e-" + std::to_string(i));
        for (const auto& e : over) Evolve(state, e, now);
        promised.erase(word.id);
        ended.erase(word.id);
        if (!word.done) promised[word.id] = word;
        break;
      }
      case 1: {
        if (state.escalations.empty()) break;
        auto it = state.escalations.begin();
        std::advance(it, Pick(static_cast<int>(state.escalations.size())));
        const Person owner{it->second.owner.person, it->second.owner.recipient, true};
        const auto id = it->first, matter = it->second.awaited.id;
        const auto decided = std::vector{Acknowledge(state, owner, id), Resolve(state, owner, id),
                                         TakeOver(state, kDeputy, id, plan)}[static_cast<std::size_t>(Pick(3))];
        if (!decided) break;
        for (const auto& e : *decided) Evolve(state, e, now);
        if (state.Find(id)->resolved) ended.insert(matter);
        break;
      }
      default: now.ms += Pick(3) * kDay / 2;
    }
    for (auto step = domain::NextStep(state, plan); step && step->at <= now; step = domain::NextStep(state, plan)) {
      RC_ASSERT(requests.insert(step->request_id).second);  // no step twice
      if (const auto* e = std::get_if<Raised>(&step->event)) {
        RC_ASSERT(promised.contains(e->awaited.id) && promised[e->awaited.id] == e->awaited);
        RC_ASSERT(plan.First(e->awaited) <= now);
      }
      Evolve(state, step->event, now);
      AssertOneOwner(state, plan);
    }
    AssertOneOwner(state, plan);
    // None forgotten: what is late has an owner, unless a person has said that it is over.
    for (const auto& [id, word] : promised) {
      if (now < plan.First(word) || ended.contains(id)) continue;
      RC_ASSERT(std::any_of(state.escalations.begin(), state.escalations.end(),
                            [&](const auto& entry) { return !entry.second.resolved && entry.second.awaited == word; }));
    }
  }
}

}  // namespace
}  // namespace stafett::escalation::domain
