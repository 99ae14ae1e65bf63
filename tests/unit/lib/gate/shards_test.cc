// Who works on what, and what stands still until the store says otherwise.
#include "lib/gate/shards.h"

#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

class ShardsTest : public ::testing::Test {
 protected:
  void Clear(int p) { ASSERT_TRUE(store_.Run({{}, {Write::Delete(keys_.Halt(p))}, 0}, Soon())); }
  MemoryStore store_;
  Keys keys_{"cases", kPartitions};
  Shards a_{store_, keys_, "a"};
  Shards b_{store_, keys_, "b"};
};

TEST_F(ShardsTest, What_one_copy_notices_stands_still_in_all) {
  a_.TurnForTest();
  b_.TurnForTest();
  b_.Halt(1, "TAIL_LOST", store_.Generation());
  a_.TurnForTest();
  EXPECT_EQ(a_.Halted(), (std::map<int, std::string>{{1, "TAIL_LOST"}}));
  EXPECT_EQ(a_.Held(), (std::set<int>{0, 2}));
}

TEST_F(ShardsTest, It_goes_on_when_the_store_says_so_no_more) {
  a_.Halt(1, "TAIL_LOST", store_.Generation());
  b_.TurnForTest();
  a_.TurnForTest();
  Clear(1);
  for (auto* copy : {&a_, &b_}) {
    copy->TurnForTest();
    EXPECT_THAT(copy->Halted(), IsEmpty());
  }
  EXPECT_TRUE(a_.Held().contains(1) || b_.Held().contains(1));
}

TEST_F(ShardsTest, A_halt_that_could_not_be_said_holds_and_is_said_when_the_store_is_back) {
  a_.TurnForTest();
  store_.DownForTest(true);
  a_.Halt(1, "FORK", store_.Generation());
  a_.TurnForTest();
  EXPECT_TRUE(a_.Halted().contains(1));
  store_.DownForTest(false);
  EXPECT_FALSE(a_.Held().contains(1));
  a_.TurnForTest();
  b_.TurnForTest();
  EXPECT_EQ(b_.Halted(), (std::map<int, std::string>{{1, "FORK"}}));
}

TEST_F(ShardsTest, What_was_noticed_with_one_store_says_nothing_about_another) {
  a_.TurnForTest();
  const auto earlier = store_.Generation();
  store_.DownForTest(true);
  a_.Halt(1, "FORK", earlier);
  store_.WipeForTest();
  store_.DownForTest(false);
  a_.Halt(2, "LOG_HOLE", earlier);
  for (int i = 0; i < 2; ++i) a_.TurnForTest();
  EXPECT_THAT(a_.Halted(), IsEmpty());
  EXPECT_EQ(a_.Held().size(), static_cast<std::size_t>(kPartitions));
}

TEST_F(ShardsTest, A_round_that_read_before_a_halt_was_said_does_not_lose_it) {
  a_.TurnForTest();
  // Noticed between the round's write and its read, said only behind the read.
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.size() == static_cast<std::size_t>(kPartitions)) {
      store_.BeforeRunForTest(nullptr);
      a_.Halt(2, "TAIL_LOST", store_.Generation());
      Clear(2);  // as if the read had come first
    }
  });
  a_.TurnForTest();
  EXPECT_TRUE(a_.Halted().contains(2));
}

}  // namespace
}  // namespace stafett::gate::test
