#include "lib/gate/watch.h"

#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

class WatchTest : public ::testing::Test {
 protected:
  void SetUp() override { shards_.TurnForTest(); }
  // Two rounds that began after this call: the first one may have read before what the test did.
  void Rounds() {
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(watch_.FreshEnds(Millis(5'000)));
  }
  void Set(const std::string& key, const std::string& value) {
    ASSERT_TRUE(store_.Run({{}, {Write::Set(key, value)}, 0}, Soon()));
  }
  std::string Fresh(int p) { return store_.Read({Get::String(keys_.Fresh(p))}, Soon())->values[0].string; }
  std::int64_t Clock() { return store_.Read({}, Soon())->clock.ms; }

  MemoryStore store_;
  MemoryLog log_;
  Keys keys_{"cases", kPartitions};
  Shards shards_{store_, keys_, "a"};
  Watch watch_{store_, keys_, shards_, log_.Reader(), {{"log", "log"}, {"keys", "keys"}}};
};

TEST_F(WatchTest, A_partition_is_fresh_only_while_the_mark_stands_at_the_end) {
  log_.Append("log", 0, "k", "v");
  log_.Append("log", 1, "k", "v");
  Set(keys_.Mark(0, "log"), "1");
  watch_.Start();
  Rounds();
  EXPECT_EQ(Fresh(0), std::to_string(Clock()));
  EXPECT_EQ(Fresh(1), "");
  EXPECT_NE(Fresh(2), "");  // nothing to read
  store_.AdvanceForTest(Millis(1000));
  log_.Append("log", 0, "k", "v");
  Rounds();
  EXPECT_EQ(Fresh(0), std::to_string(Clock() - 1000));
  EXPECT_EQ(watch_.Lag()["log"], 2);
}

TEST_F(WatchTest, The_fence_delay_is_the_time_since_a_record_was_seen_that_the_fence_has_not_passed) {
  watch_.Start();
  Rounds();
  EXPECT_EQ(watch_.GetView().fence_delay_seconds, 0);
  log_.Append("log", 1, "k", "v");
  Rounds();
  store_.AdvanceForTest(Millis(3000));
  log_.Append("log", 1, "k", "v");  // a later one makes the first no younger
  Rounds();
  EXPECT_EQ(watch_.GetView().fence_delay_seconds, 3);
  Set(keys_.Fence(1), "1");  // past the first one, which was seen 3 s ago; the second is new to it
  Rounds();
  EXPECT_EQ(watch_.GetView().fence_delay_seconds, 0);
  store_.AdvanceForTest(Millis(2000));
  Rounds();
  EXPECT_EQ(watch_.GetView().fence_delay_seconds, 2);
  Set(keys_.Fence(1), "2");
  Rounds();
  EXPECT_EQ(watch_.GetView().fence_delay_seconds, 0);
}

TEST_F(WatchTest, Children_that_are_set_aside_are_counted_over_all_partitions) {
  watch_.Start();
  Rounds();
  EXPECT_EQ(watch_.GetView().parked_children, 0U);
  for (const auto& [p, child] : {std::pair(0, "ch-1"), std::pair(0, "ch-2"), std::pair(2, "ch-3")}) {
    ASSERT_TRUE(store_.Run({{}, {Write::HashSet(keys_.Index(p, "parked"), child, "GAP")}, 0}, Soon()));
  }
  Rounds();
  EXPECT_EQ(watch_.GetView().parked_children, 3U);
}

// What is appended after the ends were asked is not in the view; so the view's age counts from before.
TEST_F(WatchTest, The_stamp_is_a_time_before_the_ends_were_asked) {
  const auto before = Clock();
  std::atomic<bool> once{true};
  log_.BeforeWatermarks([&](const std::string& topic, int p) {
    if (topic == "log" && p == 2 && once.exchange(false)) store_.AdvanceForTest(Millis(5'000));  // a slow broker
  });
  watch_.Start();
  ASSERT_TRUE(Eventually([&] { return !Fresh(0).empty(); }));
  EXPECT_EQ(Fresh(0), std::to_string(before));
}

TEST_F(WatchTest, A_stamp_does_not_reach_another_store) {
  watch_.Start();
  Rounds();
  std::atomic<bool> once{true};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.size() == 1 || !once.exchange(false)) return;
    store_.WipeForTest();
  });
  ASSERT_TRUE(watch_.FreshEnds(Millis(5'000)));
  EXPECT_FALSE(once);
  store_.BeforeRunForTest(nullptr);
}

TEST_F(WatchTest, An_end_below_the_mark_or_below_what_was_acknowledged_is_a_lost_tail) {
  for (int i = 0; i < 3; ++i) {
    for (int p = 0; p < kPartitions; ++p) log_.Append("log", p, "k", "v");
  }
  Set(keys_.Mark(0, "log"), "3");
  Set(keys_.Top(1, "log"), "2");
  watch_.Start();
  Rounds();
  EXPECT_TRUE(shards_.Halted().empty());
  log_.CutTail("log", 0, 2);
  log_.CutTail("log", 1, 2);
  log_.CutTail("log", 2, 1);  // nobody had read or acknowledged anything there
  Rounds();
  auto halted = shards_.Halted();
  EXPECT_TRUE(halted.contains(0));
  EXPECT_TRUE(halted.contains(1));
  EXPECT_FALSE(halted.contains(2));
  EXPECT_EQ(store_.Read({Get::String(keys_.Halt(0))}, Soon())->values[0].string, "TAIL_LOST");
}

TEST_F(WatchTest, A_partition_that_lost_its_tail_is_not_fresh) {
  log_.Append("log", 0, "k", "v");
  Set(keys_.Mark(0, "log"), "1");
  watch_.Start();
  Rounds();
  const auto before = Fresh(0);
  log_.CutTail("log", 0, 0);
  store_.AdvanceForTest(Millis(1000));
  Rounds();
  EXPECT_EQ(Fresh(0), before);
}

TEST_F(WatchTest, Records_that_arrive_while_it_looks_are_no_alarm) {
  // Between the question for the end and the reading of the mark, a record is appended, read and marked.
  log_.BeforeWatermarks([&](const std::string& topic, int p) {
    if (topic != "keys" || p != 0) return;
    for (int i = 0; i < kPartitions; ++i) {
      auto offset = log_.Append("log", i, "k", "v");
      (void)store_.Run(
          {{},
           {Write::Set(keys_.Mark(i, "log"), std::to_string(offset + 1)), Write::Max(keys_.Top(i, "log"), offset)},
           0},
          Soon());
    }
  });
  watch_.Start();
  for (int i = 0; i < 10; ++i) Rounds();
  EXPECT_TRUE(shards_.Halted().empty());
}

TEST_F(WatchTest, Without_an_answer_of_Kafka_nothing_is_fresh_and_nothing_is_lost) {
  log_.Append("log", 0, "k", "v");
  Set(keys_.Mark(0, "log"), "1");
  log_.WatermarksFail(true);
  watch_.Start();
  EXPECT_FALSE(watch_.FreshEnds(Millis(150)));
  EXPECT_EQ(Fresh(0), "");
  EXPECT_TRUE(shards_.Halted().empty());
  log_.WatermarksFail(false);
  ASSERT_TRUE(watch_.FreshEnds(Millis(5'000)));
}

TEST_F(WatchTest, Fresh_ends_were_asked_after_the_call_began) {
  watch_.Start();
  Rounds();
  for (int i = 1; i <= 20; ++i) {
    log_.Append("log", 1, "k", "v");
    auto ends = watch_.FreshEnds(Millis(5'000));
    ASSERT_TRUE(ends);
    EXPECT_EQ((*ends)["log"][1], i);
  }
}

TEST_F(WatchTest, Stop_ends_who_waits_for_ends) {
  log_.WatermarksFail(true);
  watch_.Start();
  std::thread waiter([&] { EXPECT_FALSE(watch_.FreshEnds(Millis(60'000))); });
  watch_.Stop();
  waiter.join();
}

}  // namespace
}  // namespace stafett::gate::test
