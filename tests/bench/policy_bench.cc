// What one decision costs beside its floor: a pass over as many consents and rows that reads each once and decides
// nothing. Budget: 2 µs with the whole rule file (design §9). Run by tools/bench; allocations have a test of their own.
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

  explicit Load(int others) {
    for (int i = 0; i < others; ++i) consents.push_back(For("r-elsewhere", Cats(kConcern)));
    consents.push_back(For("r-ppt", Cats(kConcern, kPlan, kEduc)));
  }
};

void Decision(benchmark::State& state) {
  const Load load(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    auto decision = Decide(load.rules, load.item, kPptUnit, Know(load.consents), Start::kRequest, kNow);
    benchmark::DoNotOptimize(decision);
  }
  state.counters["rows"] = static_cast<double>(load.rules.rules().size());
}
BENCHMARK(Decision)->ArgName("consents_of_others")->Arg(0)->Arg(12)->Arg(100);

void Floor(benchmark::State& state) {
  const Load load(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    unsigned sum = 0;
    for (const auto& row : load.rules.rules()) sum += row.categories.bits & row.receivers.bits;
    for (const auto& consent : load.consents) sum += consent.categories.bits;
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(Floor)->ArgName("consents_of_others")->Arg(0)->Arg(12)->Arg(100);

}  // namespace
}  // namespace stafett::policy
