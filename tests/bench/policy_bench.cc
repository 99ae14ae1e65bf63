// What one decision costs beside its floor: a pass over as many consents and rows that reads each once and decides
// nothing. Budget: 2 µs with the whole rule file and three persons described (design §9). Run by tools/bench;
// allocations have a test of their own.
#include <benchmark/benchmark.h>

#include "lib/policy/file.h"
#include "sample.h"

namespace stafett::policy {
namespace {

using namespace sample;  // NOLINT
using enum Category;

struct Load {
  RuleSet rules = LoadRulesFile(STAFETT_RULES).value();
  std::vector<Consent> consents;
  Item item = School(Cats(kConcern, kPlan, kEduc, kHealthd, kThird));

  std::vector<Described> described = {{"child", true}, {"father", false}, {"sister", false}};
  std::vector<Refusal> refusals = {{Refusal::Kind::kObjection, "r-elsewhere", Cats(kHealthd)}};
  Facts facts;

  // Three persons described, each with a consent; facts, an age and a refusal.
  explicit Load(int others) {
    for (int i = 0; i < others; ++i) consents.push_back(For("r-elsewhere", Cats(kConcern)));
    consents.push_back(For("r-ppt", Cats(kConcern, kPlan, kEduc)));
    for (const char* person : {"father", "sister"}) {
      consents.push_back(For("r-ppt", Cats(kConcern, kPlan, kEduc)));
      consents.back().subject = person;
    }
    item.described = described;
    facts = Know(consents);
    facts.said = Known{}.With(Fact::kChildAskedToKeep, Truth::kNo).With(Fact::kParty, Truth::kYes);
    facts.refusals = refusals;
    facts.child_age = 10;
  }
};

void Decision(benchmark::State& state) {
  const Load load(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    auto decision = Decide(load.rules, load.item, kPptUnit, load.facts, Start::kRequest, kNow);
    benchmark::DoNotOptimize(decision);
  }
  if (Decide(load.rules, load.item, kPptUnit, load.facts, Start::kRequest, kNow).verdict != Verdict::kDisclose) {
    state.SkipWithError("nothing was disclosed: not the decision that is to be measured");
  }
  state.counters["rows"] = static_cast<double>(load.rules.rules().size());
}
BENCHMARK(Decision)->ArgName("consents_of_others")->Arg(0)->Arg(12)->Arg(100);

void Floor(benchmark::State& state) {
  const Load load(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const auto& row : load.rules.rules()) sum += row.categories.bits & row.receivers.bits;
    for (const auto& consent : load.consents) sum += consent.categories.bits;
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(Floor)->ArgName("consents_of_others")->Arg(0)->Arg(12)->Arg(100);

}  // namespace
}  // namespace stafett::policy
