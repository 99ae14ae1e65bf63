#include "lib/gate/found.h"

#include <gtest/gtest.h>

#include "lib/gate/memory_store.h"
#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

struct Counting final : Store {
  Result<Answer> Read(const std::vector<Get>& gets, Deadline deadline) override {
    ++reads;
    return memory.Read(gets, deadline);
  }
  Result<Outcome> Run(const Transaction& tx, Deadline deadline) override { return memory.Run(tx, deadline); }
  std::unique_ptr<StreamReader> OpenStreams() override { return memory.OpenStreams(); }
  std::uint64_t Generation() const override { return memory.Generation(); }
  bool Connected() const override { return memory.Connected(); }
  MemoryStore memory;
  int reads = 0;
};

struct FoundTest : testing::Test {
  void Put(const std::string& key, const std::string& child) {
    Transaction tx;
    tx.writes = {Write::Set(key, child)};
    ASSERT_TRUE(store.Run(tx, Soon())->done);
  }
  std::optional<std::string> At(const std::string& key) { return found.ChildAt(key, Soon()).value(); }
  // How often the store is asked for one look.
  int Asked(const std::string& key) {
    store.reads = 0;
    (void)At(key);
    return store.reads;
  }
  Counting store;
  Found found{store};
};

TEST_F(FoundTest, What_is_there_is_asked_once_and_what_is_not_may_come) {
  EXPECT_EQ(At("s:ca-1"), std::nullopt);
  Put("s:ca-1", "ch-1");
  EXPECT_EQ(At("s:ca-1"), "ch-1");
  EXPECT_EQ(Asked("s:ca-1"), 0);
}

// With the question for the child that follows where one is found: two the first time, one later, either way.
TEST_F(FoundTest, What_is_not_there_costs_as_much_as_what_may_not_be_known) {
  Put("s:ca-1", "ch-1");
  EXPECT_EQ(Asked("s:ca-1") + 1, 2);
  EXPECT_EQ(Asked("s:ca-2"), 2);
  EXPECT_EQ(Asked("s:ca-1") + 1, 1);
  EXPECT_EQ(Asked("s:ca-2"), 1);
}

TEST_F(FoundTest, Another_store_is_asked_anew) {
  Put("s:ca-1", "ch-1");
  EXPECT_EQ(At("s:ca-1"), "ch-1");
  store.memory.WipeForTest();
  EXPECT_EQ(At("s:ca-1"), std::nullopt);
}

}  // namespace
}  // namespace stafett::gate::test
