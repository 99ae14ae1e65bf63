#include "contract/store_suite.h"
#include "lib/gate/memory_store.h"

namespace stafett::gate::test {
namespace {

class Memory final : public StoreUnderTest {
 public:
  Store& store() override { return store_; }
  Store& other() override { return store_; }
  std::string prefix() const override { return "t"; }
  void SetClockBack(Millis by) override { store_.AdvanceForTest(-by); }
  void Wait(Millis time) override { store_.AdvanceForTest(time); }
  void ReplaceByEmpty() override { store_.WipeForTest(); }

 private:
  MemoryStore store_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, StoreSuite, ::testing::Values([]() -> std::unique_ptr<StoreUnderTest> {
                           return std::make_unique<Memory>();
                         }));

}  // namespace stafett::gate::test
