// A decision allocates nothing on the heap (design §9). How long it takes: tests/bench/policy_bench.cc.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "lib/policy/file.h"
#include "sample.h"

namespace {
std::atomic<long> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace stafett::policy {
namespace {

using namespace sample;  // NOLINT
using enum Category;

struct Load {
  RuleSet rules = LoadRulesFile(STAFETT_RULES).value();
  std::vector<Consent> consents;
  Item item = School(Cats(kConcern, kPlan, kEduc, kHealthd, kThird));

  Load() {
    for (int i = 0; i < 12; ++i) consents.push_back(For("r-elsewhere", Cats(kConcern)));
    consents.push_back(For("r-ppt", Cats(kConcern, kPlan, kEduc)));
  }
  Decision Ask() const { return Decide(rules, item, kPptUnit, Know(consents), Start::kRequest, kNow); }
};

TEST(Cost, NorWithSeveralPersonsFactsAndRefusals) {
  Load load;
  const std::vector<Described> described = {{"child", true}, {"father", false}, {"sister", false}};
  for (const char* person : {"father", "sister"}) {
    load.consents.push_back(For("r-ppt", Cats(kConcern)));
    load.consents.back().subject = person;
  }
  const std::vector<Refusal> refusals = {{Refusal::Kind::kExclusion, "r-ppt", Cats(kPlan)}};
  load.item.described = described;
  Facts facts = Know(load.consents);
  facts.refusals = refusals;
  facts.child_age = 15;
  facts.said = Known{}.With(Fact::kParty, Truth::kYes);
  long before = allocations.load();
  Decision d = Decide(load.rules, load.item, kPptUnit, facts, Start::kRequest, kNow);
  EXPECT_EQ(allocations.load() - before, 0);
  EXPECT_EQ(d.fields, Cats(kExist, kIdent, kConcern));
}

TEST(Cost, DecideDoesNotAllocate) {
  const Load load;
  ASSERT_EQ(load.Ask().verdict, Verdict::kDisclose);
  long before = allocations.load();
  Decision d = load.Ask();
  Decision none = Decide(load.rules, load.item, kChildWelfare, Know(load.consents), Start::kRequest, kNow);
  long after = allocations.load();
  EXPECT_EQ(after - before, 0);
  EXPECT_EQ(d.fields, Cats(kExist, kIdent, kConcern, kPlan, kEduc));
  EXPECT_EQ(none.verdict, Verdict::kWithhold);
  // The counter counts: building words does allocate.
  Explain(load.rules, load.item, kPptUnit, Know(load.consents), Start::kRequest, kNow);
  EXPECT_GT(allocations.load(), after);
}

}  // namespace
}  // namespace stafett::policy
