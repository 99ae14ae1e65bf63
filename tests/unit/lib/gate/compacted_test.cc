#include "lib/gate/compacted.h"

#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

struct CompactedCopy {
  CompactedCopy(MemoryStore& store, MemoryLog& log, const std::string& owner)
      : shards(store, keys, owner),
        compacted(store, keys, shards, log.Reader(), "keys", "keys", [this](int p, const kafka::Record& r) {
          return std::vector<Write>{Write::Set(keys.ChildKey(p, r.key), r.tombstone ? "destroyed" : r.value)};
        }) {
    shards.TurnForTest();
    compacted.Start();
  }
  ~CompactedCopy() { compacted.Stop(); }
  Keys keys{"cases", kPartitions};
  Shards shards;
  Compacted compacted;
};

class CompactedTest : public ::testing::Test {
 protected:
  bool Becomes(const std::string& key, const std::string& value) {
    return Eventually([&] {
      auto read = store_.Read({Get::String(key)}, Soon());
      return read && read->values[0].string == value;
    });
  }
  MemoryStore store_;
  MemoryLog log_;
  Keys keys_{"cases", kPartitions};
};

TEST_F(CompactedTest, The_last_record_of_a_key_counts_and_the_mark_follows) {
  log_.Append("keys", 0, "a", "1");
  log_.Append("keys", 0, "a", "2");
  log_.Append("keys", 1, "b", "3");
  CompactedCopy copy(store_, log_, "x");
  EXPECT_TRUE(Becomes(keys_.Mark(0, "keys"), "2"));
  EXPECT_TRUE(Becomes(keys_.ChildKey(0, "a"), "2"));
  EXPECT_TRUE(Becomes(keys_.ChildKey(1, "b"), "3"));
  log_.Append("keys", 0, "a", "", true);
  EXPECT_TRUE(Becomes(keys_.ChildKey(0, "a"), "destroyed"));
}

// ErasureHolds: a copy that slept between reading and writing must not bring a destroyed key back, not even for the
// moment until it reads on; it may never get to that.
TEST_F(CompactedTest, A_copy_that_slept_does_not_put_a_destroyed_key_back) {
  std::atomic<bool> back{false};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.size() < 2) return;
    // While it sleeps here, another copy takes this record and the tombstone behind it.
    log_.Append("keys", 0, "a", "", true);
    store_.BeforeRunForTest(nullptr);
    (void)store_.Run({{}, {Write::Set(keys_.ChildKey(0, "a"), "destroyed"), Write::Set(keys_.Mark(0, "keys"), "2")}, 0},
                     Soon());
    store_.BeforeRunForTest([&](const Transaction& later) {
      auto key = store_.Read({Get::String(keys_.ChildKey(0, "a"))}, Soon());
      if (later.writes.size() >= 2 && key->values[0].string != "destroyed") back = true;
    });
  });
  log_.Append("keys", 0, "a", "wrapped");
  CompactedCopy copy(store_, log_, "x");
  ASSERT_TRUE(Becomes(keys_.Mark(0, "keys"), "2"));
  log_.Append("keys", 0, "b", "later");
  ASSERT_TRUE(Becomes(keys_.ChildKey(0, "b"), "later"));
  EXPECT_TRUE(Becomes(keys_.ChildKey(0, "a"), "destroyed"));
  EXPECT_FALSE(back);
}

TEST_F(CompactedTest, A_mark_of_an_earlier_store_is_not_written_into_a_new_one) {
  for (int i = 0; i < 3; ++i) log_.Append("keys", 0, "k" + std::to_string(i), "v");
  CompactedCopy copy(store_, log_, "x");
  ASSERT_TRUE(Becomes(keys_.Mark(0, "keys"), "3"));
  // It has read the fourth and is about to write it when the store turns out to be an empty one.
  std::atomic<bool> first{true};
  store_.BeforeRunForTest([&](const Transaction&) {
    if (first.exchange(false)) store_.WipeForTest();
  });
  log_.Append("keys", 0, "k3", "v");
  ASSERT_TRUE(Becomes(keys_.Mark(0, "keys"), "4"));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Becomes(keys_.ChildKey(0, "k" + std::to_string(i)), "v")) << i;
}

TEST_F(CompactedTest, Two_copies_that_both_read_do_no_harm) {
  CompactedCopy a(store_, log_, "same");
  CompactedCopy b(store_, log_, "same");
  for (int i = 0; i < 100; ++i) log_.Append("keys", i % kPartitions, "k" + std::to_string(i % 7), std::to_string(i));
  EXPECT_TRUE(Becomes(keys_.Mark(0, "keys"), "34"));
  EXPECT_TRUE(Becomes(keys_.Mark(1, "keys"), "33"));
  EXPECT_TRUE(Becomes(keys_.Mark(2, "keys"), "33"));
  for (int i = 79; i < 100; ++i)
    EXPECT_TRUE(Becomes(keys_.ChildKey(i % kPartitions, "k" + std::to_string(i % 7)), std::to_string(i)));
}

TEST_F(CompactedTest, A_lost_tail_halts) {
  log_.Append("keys", 0, "a", "1");
  CompactedCopy copy(store_, log_, "x");
  ASSERT_TRUE(Becomes(keys_.Mark(0, "keys"), "1"));
  log_.CutTail("keys", 0, 0);
  EXPECT_TRUE(Eventually([&] { return copy.shards.Halted().contains(0); }));
}

}  // namespace
}  // namespace stafett::gate::test
