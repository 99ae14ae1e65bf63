// What every gate::Store promises, run over the fake and over Redis. A test that holds for one only does not belong
// here (store_redis_test.cc).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lib/gate/keys.h"
#include "lib/gate/outbox.h"
#include "lib/gate/store.h"

namespace stafett::gate::test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_literals;  // texts with a NUL inside

// A store, and what a test must be able to do to it.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  virtual Store& other() = 0;                // another process on the same data
  virtual std::string prefix() const = 0;    // of keys that nobody else uses
  virtual void SetClockBack(Millis by) = 0;  // after it was read
  virtual void Wait(Millis time) = 0;        // lets the store's clock move on
  virtual void ReplaceByEmpty() = 0;         // another server with nothing in it
};
using MakeStore = std::function<std::unique_ptr<StoreUnderTest>()>;

class StoreSuite : public ::testing::TestWithParam<MakeStore> {
 protected:
  void SetUp() override { under_test_ = GetParam()(); }

  Store& store() { return under_test_->store(); }
  std::string Key(const std::string& name) const { return under_test_->prefix() + ":" + name; }
  static Deadline Soon() { return Deadline::In(Millis(10'000)); }

  Value Read(Get get) {
    auto answer = store().Read({std::move(get)}, Soon());
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().reason);
    return answer ? answer->values.at(0) : Value{};
  }
  std::string Text(const std::string& key) { return Read(Get::String(key)).string; }
  std::vector<std::string> List(const std::string& key) { return Read(Get::List(key, 0)).list; }
  Outcome Run(std::vector<Guard> guards, std::vector<Write> writes) {
    auto outcome = store().Run({std::move(guards), std::move(writes), 0}, Soon());
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().reason + " " + outcome.error().message);
    return outcome ? *outcome : Outcome{};
  }
  void Write1(Write w) { EXPECT_TRUE(Run({}, {std::move(w)}).done); }
  // A transaction of this guard and one write happens, or not; the write is seen accordingly.
  bool Holds(const Guard& guard) {
    auto probe = Key("probe" + std::to_string(++probes_));
    auto outcome = Run({guard}, {Write::Push(probe, "x")});
    EXPECT_EQ(List(probe).size(), outcome.done ? 1U : 0U);
    if (!outcome.done) {
      EXPECT_EQ(outcome.failed_guard, 0U);
    }
    return outcome.done;
  }
  std::vector<StreamEntry> Stream(const std::string& key) {
    auto read = store().OpenStreams()->Read({{key, "0-0"}}, 100'000, Millis(0));
    EXPECT_TRUE(read);
    return read ? *read : std::vector<StreamEntry>{};
  }

  std::unique_ptr<StoreUnderTest> under_test_;
  int probes_ = 0;
};

// ---- guards -----------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, Absent_holds_only_while_nothing_of_any_type_is_there) {
  EXPECT_TRUE(Holds(Guard::Absent(Key("short"))));
  EXPECT_TRUE(Holds(Guard::Absent(Key("none"))));
  Run({}, {Write::Set(Key("s"), ""), Write::Push(Key("l"), ""), Write::HashSet(Key("h"), "f", ""),
           Write::SortedAdd(Key("z"), 1, "m"), Write::AckLog(Key("x"), "1:log:0 ")});
  for (const char* name : {"s", "l", "h", "z", "x"}) EXPECT_FALSE(Holds(Guard::Absent(Key(name)))) << name;
  Run({}, {Write::Delete(Key("s")), Write::HashDelete(Key("h"), "f"), Write::SortedRemove(Key("z"), "m")});
  for (const char* name : {"s", "h", "z"}) EXPECT_TRUE(Holds(Guard::Absent(Key(name)))) << name;
}

TEST_P(StoreSuite, Length_is_exact_and_nothing_for_an_absent_list) {
  EXPECT_TRUE(Holds(Guard::Length(Key("l"), 0)));
  EXPECT_FALSE(Holds(Guard::Length(Key("l"), 1)));
  Run({}, {Write::Push(Key("l"), "a"), Write::Push(Key("l"), "b")});
  EXPECT_TRUE(Holds(Guard::Length(Key("l"), 2)));
  EXPECT_FALSE(Holds(Guard::Length(Key("l"), 1)));
  EXPECT_FALSE(Holds(Guard::Length(Key("l"), 3)));
}

TEST_P(StoreSuite, Equals_compares_bytes_and_an_empty_text_matches_absence) {
  EXPECT_TRUE(Holds(Guard::Equals(Key("s"), "")));
  EXPECT_FALSE(Holds(Guard::Equals(Key("s"), "x")));
  const std::string bytes = "a\0b\r\n\xff"s;
  Write1(Write::Set(Key("s"), bytes));
  EXPECT_TRUE(Holds(Guard::Equals(Key("s"), bytes)));
  EXPECT_FALSE(Holds(Guard::Equals(Key("s"), "a")));
  EXPECT_FALSE(Holds(Guard::Equals(Key("s"), "")));
}

TEST_P(StoreSuite, OutboxBelow_counts_what_is_not_acknowledged) {
  auto guard = [&](std::int64_t n) { return Guard::OutboxBelow(Key("ob"), Key("acked"), n); };
  EXPECT_TRUE(Holds(guard(1)));
  EXPECT_FALSE(Holds(guard(0)));
  for (int i = 0; i < 3; ++i) Write1(Write::Outbox(Key("ob"), Key("mark"), "t", "k", "v", ""));
  EXPECT_FALSE(Holds(guard(3)));
  EXPECT_TRUE(Holds(guard(4)));
  Write1(Write::Max(Key("acked"), 2));
  EXPECT_TRUE(Holds(guard(2)));
  EXPECT_FALSE(Holds(guard(1)));
}

TEST_P(StoreSuite, FreshWithin_fails_for_absent_old_and_future_stamps) {
  EXPECT_FALSE(Holds(Guard::FreshWithin(Key("f"), Millis(60'000))));
  Write1(Write::Stamp(Key("f")));
  EXPECT_TRUE(Holds(Guard::FreshWithin(Key("f"), Millis(60'000))));
  auto clock = store().Read({}, Soon())->clock.ms;
  Write1(Write::Set(Key("f"), std::to_string(clock - 5'000)));
  EXPECT_FALSE(Holds(Guard::FreshWithin(Key("f"), Millis(4'000))));
  EXPECT_TRUE(Holds(Guard::FreshWithin(Key("f"), Millis(65'000))));
  // The clock was set back: how old the stamp is can not be told, so it does not count.
  Write1(Write::Set(Key("f"), std::to_string(clock + 3'600'000)));
  EXPECT_FALSE(Holds(Guard::FreshWithin(Key("f"), Millis(60'000))));
}

TEST_P(StoreSuite, FieldAbsent) {
  EXPECT_TRUE(Holds(Guard::FieldAbsent(Key("h"), "f")));
  Write1(Write::HashSet(Key("h"), "f", ""));
  EXPECT_FALSE(Holds(Guard::FieldAbsent(Key("h"), "f")));
  EXPECT_TRUE(Holds(Guard::FieldAbsent(Key("h"), "g")));
}

TEST_P(StoreSuite, FieldEquals) {
  EXPECT_FALSE(Holds(Guard::FieldEquals(Key("h"), "f", "")));
  Run({}, {Write::HashSet(Key("h"), "f", ""), Write::HashSet(Key("h"), "g", "a b")});
  EXPECT_TRUE(Holds(Guard::FieldEquals(Key("h"), "f", "")));
  EXPECT_TRUE(Holds(Guard::FieldEquals(Key("h"), "g", "a b")));
  EXPECT_FALSE(Holds(Guard::FieldEquals(Key("h"), "g", "a")));
  EXPECT_FALSE(Holds(Guard::FieldEquals(Key("h"), "x", "")));
}

TEST_P(StoreSuite, NotBefore_goes_by_the_stores_time) {
  auto now = store().Read({}, Soon())->now;
  EXPECT_TRUE(Holds(Guard::NotBefore(Key("clock"), now)));
  EXPECT_FALSE(Holds(Guard::NotBefore(Key("clock"), Time{now.ms + 3'600'000})));
}

TEST_P(StoreSuite, The_first_failing_guard_is_named) {
  Write1(Write::Push(Key("l"), "a"));
  auto outcome = Run(
      {Guard::Length(Key("l"), 1), Guard::Absent(Key("x")), Guard::Length(Key("l"), 7), Guard::Equals(Key("x"), "no")},
      {Write::Push(Key("l"), "b")});
  EXPECT_FALSE(outcome.done);
  EXPECT_EQ(outcome.failed_guard, 2U);
  EXPECT_THAT(outcome.outbox, IsEmpty());
  EXPECT_THAT(List(Key("l")), ElementsAre("a"));
}

// ---- writes -----------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, Strings) {
  Run({}, {Write::Set(Key("a"), "1"), Write::Set(Key("b"), "")});
  EXPECT_TRUE(Read(Get::String(Key("a"))).present);
  EXPECT_EQ(Text(Key("a")), "1");
  EXPECT_TRUE(Read(Get::String(Key("b"))).present);
  EXPECT_FALSE(Read(Get::String(Key("c"))).present);
  Write1(Write::Set(Key("a"), "2"));
  EXPECT_EQ(Text(Key("a")), "2");
  Write1(Write::Delete(Key("a")));
  EXPECT_FALSE(Read(Get::String(Key("a"))).present);
}

TEST_P(StoreSuite, Lists) {
  Run({}, {Write::Push(Key("l"), "a"), Write::Push(Key("l"), "b"), Write::Push(Key("l"), "c")});
  EXPECT_EQ(Read(Get::Length(Key("l"))).number, 3);
  EXPECT_EQ(Read(Get::Length(Key("none"))).number, 0);
  EXPECT_THAT(Read(Get::List(Key("l"), 1)).list, ElementsAre("b", "c"));
  EXPECT_THAT(Read(Get::List(Key("l"), 3)).list, IsEmpty());
  EXPECT_THAT(Read(Get::List(Key("none"), 0)).list, IsEmpty());
  EXPECT_EQ(Read(Get::ListAt(Key("l"), 1)).string, "b");
  EXPECT_EQ(Read(Get::ListAt(Key("l"), -1)).string, "c");
  EXPECT_FALSE(Read(Get::ListAt(Key("l"), 3)).present);
  EXPECT_FALSE(Read(Get::ListAt(Key("none"), 0)).present);
}

TEST_P(StoreSuite, Several_fields_of_a_hash_are_one_write) {
  Run({}, {Write::HashSetAll(Key("h"), {"f", "1", "g", "2"}), Write::HashSetAll(Key("h"), {"g", "3", "x", ""})});
  EXPECT_THAT(Read(Get::HashFields(Key("h"), {"f", "g", "x"})).list, ElementsAre("1", "3", ""));
  EXPECT_TRUE(Read(Get::HashField(Key("h"), "x")).present);
  // Pairs without an end, none at all, or a key that holds something else: nothing is written.
  Run({}, {Write::Push(Key("l"), "a")});
  for (const auto& wrong :
       {Write::HashSetAll(Key("h"), {"f"}), Write::HashSetAll(Key("h"), {}), Write::HashSetAll(Key("l"), {"f", "1"})}) {
    EXPECT_FALSE(store().Run({{}, {Write::Push(Key("l"), "b"), wrong}, 0}, Soon()));
  }
  EXPECT_EQ(Read(Get::Length(Key("l"))).number, 1);
}

TEST_P(StoreSuite, Hashes) {
  Run({}, {Write::HashSet(Key("h"), "f", "1"), Write::HashSet(Key("h"), "g", "2"), Write::HashSet(Key("h"), "f", "3")});
  EXPECT_EQ(Read(Get::HashField(Key("h"), "f")).string, "3");
  EXPECT_TRUE(Read(Get::HashField(Key("h"), "f")).present);
  EXPECT_FALSE(Read(Get::HashField(Key("h"), "x")).present);
  EXPECT_FALSE(Read(Get::HashField(Key("none"), "x")).present);
  EXPECT_EQ(Read(Get::Hash(Key("h"))).list.size(), 4U);
  EXPECT_THAT(Read(Get::Hash(Key("none"))).list, IsEmpty());
  EXPECT_THAT(Read(Get::HashFields(Key("h"), {"g", "x", "f"})).list, ElementsAre("2", "", "3"));
  EXPECT_THAT(Read(Get::HashFields(Key("none"), {"f"})).list, ElementsAre(""));
  EXPECT_THAT(Read(Get::HashFields(Key("h"), {})).list, IsEmpty());
  Write1(Write::HashDelete(Key("h"), "f"));
  EXPECT_THAT(Read(Get::Hash(Key("h"))).list, ElementsAre("g", "2"));
}

TEST_P(StoreSuite, Sorted_sets_give_a_range_of_members_in_order) {
  Run({}, {Write::SortedAdd(Key("z"), 30, "c"), Write::SortedAdd(Key("z"), 10, "a"),
           Write::SortedAdd(Key("z"), 20, "b"), Write::SortedAdd(Key("z"), 10, "aa")});
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 0, 10)).list, ElementsAre("a", "aa", "b", "c"));
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 1, 2)).list, ElementsAre("aa", "b"));
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 0, 0)).list, IsEmpty());
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 9, 2)).list, IsEmpty());
  Run({},
      {Write::SortedAdd(Key("z"), 40, "a"), Write::SortedRemove(Key("z"), "b"), Write::SortedRemove(Key("z"), "x")});
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 0, 10)).list, ElementsAre("aa", "c", "a"));
}

TEST_P(StoreSuite, Sooner_adds_and_moves_forward_and_never_back) {
  Run({}, {Write::SortedSooner(Key("z"), 20, "a"), Write::SortedAdd(Key("z"), 10, "b")});
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 0, 10)).list, ElementsAre("b", "a"));
  Run({}, {Write::SortedSooner(Key("z"), 30, "b")});
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 0, 10)).list, ElementsAre("b", "a"));
  Run({}, {Write::SortedSooner(Key("z"), 5, "a")});
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 0, 10)).list, ElementsAre("a", "b"));
}

TEST_P(StoreSuite, After_goes_on_behind_a_member_whether_or_not_it_is_still_there) {
  EXPECT_THAT(Read(Get::After(Key("z"), "", 10)).list, IsEmpty());
  for (const char* member : {"b", "a", "c\nx", "c"}) Write1(Write::SortedAdd(Key("z"), 0, member));
  EXPECT_THAT(Read(Get::After(Key("z"), "", 10)).list, ElementsAre("a", "b", "c", "c\nx"));
  EXPECT_THAT(Read(Get::After(Key("z"), "", 2)).list, ElementsAre("a", "b"));
  EXPECT_THAT(Read(Get::After(Key("z"), "b", 10)).list, ElementsAre("c", "c\nx"));
  EXPECT_THAT(Read(Get::After(Key("z"), "c\n\xff", 10)).list, IsEmpty());
  Write1(Write::SortedRemove(Key("z"), "b"));
  EXPECT_THAT(Read(Get::After(Key("z"), "b", 1)).list, ElementsAre("c"));
  EXPECT_THAT(Read(Get::After(Key("z"), "-", 1)).list, ElementsAre("a")) << "a member, not a word of Redis";
}

TEST_P(StoreSuite, Place_moves_a_member_and_leaves_nothing_where_it_stood) {
  auto in = [&](const std::string& name) { return Read(Get::After(Key("ix") + ":" + name, "", 10)).list; };
  Run({}, {Write::Place(Key("ix"), "f", "m1", {"a", "b"}), Write::Place(Key("ix"), "g", "m0", {"a"})});
  EXPECT_THAT(in("a"), ElementsAre("m0", "m1"));
  EXPECT_THAT(in("b"), ElementsAre("m1"));
  Write1(Write::Place(Key("ix"), "f", "m\n\n2", {"b", "c"}));
  EXPECT_THAT(in("a"), ElementsAre("m0"));
  EXPECT_THAT(in("b"), ElementsAre("m\n\n2"));
  EXPECT_THAT(in("c"), ElementsAre("m\n\n2"));
  for (int again = 0; again < 2; ++again) {
    Run({}, {Write::Place(Key("ix"), "f", "", {}), Write::Place(Key("ix"), "g", "", {})});
    for (const char* name : {"a", "b", "c"}) EXPECT_THAT(in(name), IsEmpty()) << name;
    EXPECT_TRUE(Holds(Guard::Absent(Key("ix")))) << "nothing is left of it";
  }
}

TEST_P(StoreSuite, Due_is_what_the_clock_has_reached_the_oldest_first_and_never_early) {
  auto clock = store().Read({}, Soon())->clock;
  EXPECT_THAT(Read(Get::Due(Key("z"), 10)).list, IsEmpty());
  Run({}, {Write::SortedAdd(Key("z"), clock.ms, "now"), Write::SortedAdd(Key("z"), 0, "long ago"),
           Write::SortedAdd(Key("z"), clock.ms + 3'600'000, "in an hour")});
  EXPECT_THAT(Read(Get::Due(Key("z"), 10)).list, ElementsAre("long ago", "now"));
  EXPECT_THAT(Read(Get::Due(Key("z"), 1)).list, ElementsAre("long ago"));
  EXPECT_THAT(Read(Get::Due(Key("z"), 0)).list, IsEmpty());
  clock = store().Read({}, Soon())->clock;
  Run({}, {Write::SortedAdd(Key("soon"), clock.ms + 400, "soon")});
  auto seen = store().Read({Get::Due(Key("soon"), 10)}, Soon());
  if (seen->clock.ms < clock.ms + 400) {
    EXPECT_THAT(seen->values[0].list, IsEmpty());
  }
  under_test_->Wait(Millis(401));
  EXPECT_THAT(Read(Get::Due(Key("soon"), 10)).list, ElementsAre("soon"));
}

TEST_P(StoreSuite, Max_never_falls) {
  Write1(Write::Max(Key("n"), 0));
  EXPECT_EQ(Text(Key("n")), "0");
  Run({}, {Write::Max(Key("n"), 7), Write::Max(Key("n"), 3)});
  EXPECT_EQ(Text(Key("n")), "7");
}

TEST_P(StoreSuite, Stamp_is_the_stores_clock) {
  auto before = store().Read({}, Soon())->clock.ms;
  Write1(Write::Stamp(Key("s")));
  auto after = store().Read({}, Soon())->clock.ms;
  auto stamp = std::stoll(Text(Key("s")));
  EXPECT_LE(before, stamp);
  EXPECT_LE(stamp, after);
}

TEST_P(StoreSuite, What_is_set_for_a_time_goes) {
  Run({}, {Write::SetFor(Key("s"), "x", Millis(40)), Write::SetFor(Key("long"), "x", Millis(600'000)),
           Write::SetFor(Key("at once"), "x", Millis(-5))});
  EXPECT_TRUE(Read(Get::String(Key("long"))).present);
  under_test_->Wait(Millis(60));
  EXPECT_FALSE(Read(Get::String(Key("s"))).present);
  EXPECT_FALSE(Read(Get::String(Key("at once"))).present);
  EXPECT_TRUE(Holds(Guard::Absent(Key("s"))));
  EXPECT_TRUE(Read(Get::String(Key("long"))).present);
  // Set again without a time: it stays.
  Run({}, {Write::SetFor(Key("kept"), "x", Millis(40)), Write::Set(Key("kept"), "y")});
  under_test_->Wait(Millis(60));
  EXPECT_EQ(Text(Key("kept")), "y");
}

TEST_P(StoreSuite, What_expires_goes_whole_and_what_is_added_meanwhile_with_it) {
  Run({}, {Write::HashSet(Key("h"), "f", "1"), Write::Expire(Key("h"), Millis(600'000)), Write::Push(Key("l"), "x"),
           Write::Expire(Key("l"), Millis(600'000)), Write::Expire(Key("none"), Millis(600'000))});
  EXPECT_EQ(Read(Get::HashField(Key("h"), "f")).string, "1");
  Run({}, {Write::Expire(Key("h"), Millis(60)), Write::HashSet(Key("h"), "g", "2"), Write::Push(Key("short"), "x"),
           Write::Expire(Key("short"), Millis(60))});
  EXPECT_TRUE(Holds(Guard::FieldAbsent(Key("h"), "x")));
  under_test_->Wait(Millis(80));
  EXPECT_FALSE(Read(Get::HashField(Key("h"), "f")).present);
  EXPECT_TRUE(Holds(Guard::Absent(Key("h"))));
  EXPECT_TRUE(Holds(Guard::Absent(Key("none"))));
  EXPECT_EQ(Read(Get::Length(Key("l"))).number, 1);
}

TEST_P(StoreSuite, One_write_adds_several_in_their_order) {
  Run({}, {Write{"push", {Key("l"), "a", "b", "c"}}, Write::HashSetAll(Key("h"), {"f", "1", "g", "2", "f", "3"}),
           Write{"zadd", {Key("z"), "5", "m", "6", "n", "4", "m"}},
           Write{"zsooner", {Key("s"), "5", "m", "7", "m", "4", "n"}}});
  EXPECT_THAT(List(Key("l")), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Read(Get::HashFields(Key("h"), {"f", "g"})).list, ElementsAre("3", "2"));
  EXPECT_THAT(Read(Get::Sorted(Key("z"), 0, 9)).list, ElementsAre("m", "n"));
  EXPECT_THAT(Read(Get::Sorted(Key("s"), 0, 9)).list, ElementsAre("n", "m"));
}

TEST_P(StoreSuite, As_many_as_may_be_joined_fit_into_one_write) {
  std::vector<Write> writes;
  for (int i = 0; i < 4000; ++i) writes.push_back(Write::Push(Key("l"), std::to_string(i)));
  for (int i = 0; i < 4000; ++i) writes.push_back(Write::HashSet(Key("h"), std::to_string(i), "x"));
  Run({}, Joined(std::move(writes)));
  const auto list = List(Key("l"));
  ASSERT_EQ(list.size(), 4000U);
  for (std::size_t i = 0; i < list.size(); ++i) ASSERT_EQ(list[i], std::to_string(i));
  EXPECT_EQ(Read(Get::Hash(Key("h"))).list.size(), 8000U);
}

TEST_P(StoreSuite, Remember_keeps_the_outcome_with_the_last_outbox_number_for_a_time) {
  Write1(Write::Outbox(Key("ob"), Key("mark"), "t", "k", "v", ""));
  Run({}, {Write::Outbox(Key("ob"), Key("mark"), "t", "k", "v", ""),
           Write::Outbox(Key("ob"), Key("mark"), "t", "k", "v", ""),
           Write::Remember(Key("cmd"), Millis(40), "hash", 5, "ch-1", 12)});
  EXPECT_EQ(Text(Key("cmd")), "3\n5\nch-1\n12\nhash");
  EXPECT_FALSE(Holds(Guard::Absent(Key("cmd"))));
  under_test_->Wait(Millis(60));
  EXPECT_TRUE(Holds(Guard::Absent(Key("cmd"))));
  // Nothing to publish in this transaction, whatever lay in the outbox before.
  Write1(Write::Remember(Key("none"), Millis(60'000), "h", 0, "c", 1));
  EXPECT_EQ(Text(Key("none")), "0\n0\nc\n1\nh");
}

TEST_P(StoreSuite, Lease_is_taken_renewed_kept_and_released) {
  auto take = [&](const std::string& who, Millis ttl) { Write1(Write::Lease(Key("lease"), who, ttl)); };
  take("a", Millis(60'000));
  take("b", Millis(60'000));
  EXPECT_EQ(Text(Key("lease")), "a");
  Write1(Write::Release(Key("lease"), "b"));
  EXPECT_EQ(Text(Key("lease")), "a");
  Write1(Write::Release(Key("lease"), "a"));
  take("b", Millis(40));
  EXPECT_EQ(Text(Key("lease")), "b");
  under_test_->Wait(Millis(60));
  take("a", Millis(60'000));
  EXPECT_EQ(Text(Key("lease")), "a");
}

// ---- outbox and fence -------------------------------------------------------------------------------------------

TEST_P(StoreSuite, Outbox_entries_are_numbered_without_a_gap_and_carry_the_mark_of_their_moment) {
  auto entry = [&](const std::string& value) {
    return Write::Outbox(Key("ob"), Key("mark"), "topic", "key", value, "n\0v\0"s);
  };
  EXPECT_THAT(Run({}, {entry("1"), entry("2")}).outbox, ElementsAre(1U, 2U));
  EXPECT_FALSE(Run({Guard::Length(Key("l"), 9)}, {entry("never")}).done);
  EXPECT_THAT(Run({}, {entry("3"), Write::Set(Key("mark"), "17"), entry("4")}).outbox, ElementsAre(3U, 4U));
  auto entries = Stream(Key("ob"));
  ASSERT_EQ(entries.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(OutboxNumber(entries[i].id), i + 1);
    EXPECT_EQ(entries[i].id, OutboxId(i + 1));
    EXPECT_EQ(Field(entries[i], "v"), std::to_string(i + 1));
    EXPECT_EQ(Field(entries[i], "t"), "topic");
    EXPECT_EQ(Field(entries[i], "k"), "key");
    EXPECT_EQ(Field(entries[i], "h"), "n\0v\0"s);
    EXPECT_EQ(Field(entries[i], "d"), OutboxDigest(Key("ob"), "topic", "key", std::to_string(i + 1), "n\0v\0"s));
    EXPECT_EQ(Field(entries[i], "o"), i == 3 ? "17" : "0");
  }
}

TEST_P(StoreSuite, Fence_stops_at_the_first_unacknowledged_entry_and_never_falls) {
  auto fence = [&] {
    Write1(Write::Fence(Key("fence"), Key("ob"), Key("acked"), Key("mark")));
    return Text(Key("fence"));
  };
  auto output_at = [&](const std::string& mark_before, const std::string& mark_after) {
    Run({}, {Write::Set(Key("mark"), mark_before), Write::Outbox(Key("ob"), Key("mark"), "t", "k", "v", ""),
             Write::Set(Key("mark"), mark_after)});
  };
  EXPECT_EQ(fence(), "");  // nothing read yet
  Write1(Write::Set(Key("mark"), "5"));
  EXPECT_EQ(fence(), "5");  // nothing to send: everything read is done
  output_at("5", "8");      // 1
  output_at("8", "9");      // 2
  EXPECT_EQ(fence(), "5");
  Write1(Write::Max(Key("acked"), 1));
  EXPECT_EQ(fence(), "8");
  Write1(Write::Max(Key("acked"), 2));
  EXPECT_EQ(fence(), "9");
  Write1(Write::Set(Key("mark"), "3"));  // readers went back after a repair
  EXPECT_EQ(fence(), "9");
  output_at("4", "6");  // 3, unacknowledged
  EXPECT_EQ(fence(), "9");
}

// The store's disk may garble what an entry says of its place; the fence says what may be answered ENFORCED.
TEST_P(StoreSuite, Fence_never_passes_the_mark_whatever_an_entry_says) {
  Run({}, {Write::Set(Key("mark"), "505"), Write::Outbox(Key("ob"), Key("mark"), "t", "k", "v", ""),
           Write::Set(Key("mark"), "105"), Write::Fence(Key("fence"), Key("ob"), Key("acked"), Key("mark"))});
  EXPECT_EQ(Text(Key("fence")), "105");
  Run({}, {Write::Set(Key("mark"), "no number"), Write::Outbox(Key("other"), Key("mark"), "t", "k", "v", ""),
           Write::Set(Key("mark"), "105"), Write::Fence(Key("fence"), Key("other"), Key("none"), Key("mark"))});
  EXPECT_EQ(Text(Key("fence")), "105");
  EXPECT_EQ(Text(Key("none")), "");
}

// ---- all or nothing ---------------------------------------------------------------------------------------------

TEST_P(StoreSuite, Rewind_sets_mark_and_fence_back_and_the_fence_waits_for_what_is_derived_again) {
  auto entry = [&] { return Write::Outbox(Key("ob"), Key("mark"), "t", "k", "v", ""); };
  auto fence = [&](const std::string& acked) {
    Run({}, {Write::Set(Key("acked"), acked), Write::Fence(Key("fence"), Key("ob"), Key("acked"), Key("mark"))});
    return Text(Key("fence"));
  };
  auto rewind = [&](std::int64_t to) { return Write::Rewind(Key("mark"), to, Key("fence"), Key("ob")); };
  auto rewinds = [&] { return Text(RewindsOf(Key("mark"))); };
  Write1(rewind(5));  // there is no mark
  EXPECT_EQ(Text(Key("mark")), "");
  EXPECT_EQ(rewinds(), "");
  Run({}, {Write::Set(Key("mark"), "7"), entry(), entry()});  // 1, 2: behind 7
  EXPECT_EQ(fence("0"), "7");
  Write1(rewind(9));  // not above it
  EXPECT_EQ(Text(Key("mark")), "7");
  EXPECT_EQ(rewinds(), "");
  Run({}, {rewind(3), entry()});  // 3: behind 3
  EXPECT_EQ(Text(Key("mark")), "3");
  EXPECT_EQ(rewinds(), "1");
  EXPECT_EQ(Text(Key("fence")), "3");
  EXPECT_EQ(fence("0"), "3");
  Run({}, {Write::Set(Key("mark"), "6"), entry()});  // 4: behind 6
  EXPECT_EQ(fence("1"), "3");                        // 2 and 3 are not acknowledged
  Run({}, {rewind(4)});                              // again, before all of it is; nothing is derived yet
  EXPECT_EQ(rewinds(), "2");
  EXPECT_EQ(fence("1"), "3");
  EXPECT_EQ(fence("3"), "4");
  Write1(Write::Set(Key("mark"), "8"));
  EXPECT_EQ(fence("3"), "6");
  EXPECT_EQ(fence("4"), "8");
}

TEST_P(StoreSuite, A_broken_transaction_writes_nothing) {
  Run({}, {Write::Push(Key("list"), "a"), Write::Set(Key("text"), "t")});
  const std::vector<Write> broken = {
      {"nonsense", {Key("x")}},               // unknown
      {"push", {Key("x")}},                   // an argument is missing
      {"set", {Key("x"), "1", "2"}},          // one too many
      Write::HashSet(Key("list"), "f", "v"),  // the key holds something else
      Write::Push(Key("text"), "v"),
      Write::Max(Key("list"), 5),
      Write::Outbox(Key("text"), Key("mark"), "t", "k", "v", ""),
      Write::SortedAdd(Key("list"), 1, "m"),
      Write::Place(Key("list"), "f", "m", {"a"}),
      Write::AckLog(Key("list"), "1"),
      Write::Lease(Key("list"), "a", Millis(100)),
  };
  for (const auto& w : broken) {
    auto outcome = store().Run({{}, {Write::Push(Key("before"), "x"), w, Write::Push(Key("behind"), "x")}, 0}, Soon());
    ASSERT_FALSE(outcome) << w.op;
    EXPECT_EQ(outcome.error().code, Code::kInternal) << w.op;
  }
  EXPECT_THAT(List(Key("before")), IsEmpty());
  EXPECT_THAT(List(Key("behind")), IsEmpty());
  EXPECT_THAT(List(Key("list")), ElementsAre("a"));
}

TEST_P(StoreSuite, A_thousand_writes_in_one_step) {
  std::vector<Write> writes;
  for (int i = 0; i < 1000; ++i) writes.push_back(Write::Push(Key("l" + std::to_string(i % 10)), std::to_string(i)));
  EXPECT_TRUE(Run({}, writes).done);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Read(Get::Length(Key("l" + std::to_string(i)))).number, 100);
}

TEST_P(StoreSuite, Big_and_binary_values_come_back_as_they_were) {
  std::string big(200'000, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 7 + i / 256);
  const std::string nasty = "\r\n$3\r\n\0\xff*1\r\n"s;
  Run({}, {Write::Push(Key("l"), big), Write::Push(Key("l"), ""), Write::Push(Key("l"), nasty),
           Write::HashSet(Key("h"), nasty, big), Write::Outbox(Key("ob"), Key("mark"), "t", nasty, big, nasty)});
  EXPECT_THAT(List(Key("l")), ElementsAre(big, "", nasty));
  EXPECT_EQ(Read(Get::HashField(Key("h"), nasty)).string, big);
  auto entries = Stream(Key("ob"));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(Field(entries[0], "v"), big);
  EXPECT_EQ(Field(entries[0], "k"), nasty);
  EXPECT_EQ(Field(entries[0], "h"), nasty);
}

// ---- time -------------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, Time_never_falls_when_the_clock_does) {
  Write1(Write::Push(Key("l"), "x"));
  auto before = store().Read({}, Soon());
  under_test_->SetClockBack(Millis(3'600'000));
  auto after = store().Read({}, Soon());
  EXPECT_GE(after->now, before->now);
  EXPECT_LT(after->clock.ms + 3'000'000, after->now.ms);
  auto outcome = Run({}, {Write::Push(Key("l"), "y")});
  EXPECT_GE(outcome.now, after->now);
  EXPECT_GE(store().Read({}, Soon())->now, outcome.now);
}

// ---- races ------------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, Of_racing_transactions_guarded_by_the_length_exactly_one_wins_each_version) {
  constexpr int kThreads = 6;
  constexpr std::uint64_t kVersions = 40;
  std::atomic<int> wins{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Store& mine = t % 2 == 0 ? under_test_->store() : under_test_->other();
      for (std::uint64_t version = 0; version < kVersions;) {
        auto outcome = mine.Run({{Guard::Length(Key("own"), version)},
                                 {Write::Push(Key("own"), std::to_string(version) + "/" + std::to_string(t)),
                                  Write::Outbox(Key("ob"), Key("mark"), "t", "k", std::to_string(version), "")},
                                 0},
                                Soon());
        ASSERT_TRUE(outcome);
        if (outcome->done) {
          ++wins;
          ASSERT_THAT(outcome->outbox, ElementsAre(version + 1));
        }
        version = static_cast<std::uint64_t>(mine.Read({Get::Length(Key("own"))}, Soon())->values[0].number);
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(wins, static_cast<int>(kVersions));
  auto list = List(Key("own"));
  ASSERT_EQ(list.size(), kVersions);
  for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(list[i].substr(0, list[i].find('/')), std::to_string(i));
  auto entries = Stream(Key("ob"));
  ASSERT_EQ(entries.size(), kVersions);
  for (std::size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(Field(entries[i], "v"), std::to_string(i));
}

TEST_P(StoreSuite, A_read_of_several_keys_is_one_moment) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      (void)under_test_->other().Run({{}, {Write::Push(Key("a"), "x"), Write::Push(Key("b"), "x")}, 0}, Soon());
    }
  });
  for (int i = 0; i < 200; ++i) {
    auto answer = store().Read({Get::Length(Key("a")), Get::List(Key("b"), 0), Get::Length(Key("b"))}, Soon());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->values[0].number, answer->values[2].number);
    EXPECT_EQ(answer->values[1].list.size(), static_cast<std::size_t>(answer->values[2].number));
  }
  stop = true;
  writer.join();
}

// ---- streams ----------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, Streams_are_read_from_a_position_with_a_bound) {
  for (int i = 1; i <= 5; ++i) {
    Run({}, {Write::Outbox(Key("a"), Key("mark"), "t", "k", std::to_string(i), ""),
             Write::Outbox(Key("b"), Key("mark"), "t", "k", std::to_string(i), "")});
  }
  auto reader = store().OpenStreams();
  auto read =
      reader->Read({{Key("a"), OutboxId(3)}, {Key("b"), OutboxId(0)}, {Key("none"), OutboxId(0)}}, 4, Millis(0));
  ASSERT_TRUE(read);
  std::vector<std::string> got;
  for (const auto& e : *read) got.push_back(e.stream.substr(e.stream.size() - 1) + Field(e, "v"));
  EXPECT_THAT(got, ::testing::UnorderedElementsAre("a4", "a5", "b1", "b2", "b3", "b4"));
}

TEST_P(StoreSuite, A_trimmed_stream_has_lost_its_beginning_and_counts_on) {
  for (int i = 1; i <= 5; ++i) Write1(Write::Outbox(Key("ob"), Key("mark"), "t", "k", std::to_string(i), ""));
  Write1(Write::Trim(Key("ob"), OutboxId(4)));
  auto left = Stream(Key("ob"));
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(OutboxNumber(left[0].id), 4U);
  Write1(Write::Trim(Key("ob"), OutboxId(6)));
  EXPECT_THAT(Stream(Key("ob")), IsEmpty());
  EXPECT_THAT(Run({}, {Write::Outbox(Key("ob"), Key("mark"), "t", "k", "6", "")}).outbox, ElementsAre(6U));
  Write1(Write::Trim(Key("none"), OutboxId(6)));
}

TEST_P(StoreSuite, Notes_stand_in_an_ack_stream_by_the_stores_clock) {
  const auto before = store().Read({}, Soon())->clock;
  Write1(Write::AckLog(Key("ack"), "1:log:0 "));
  under_test_->Wait(Millis(20));
  const auto between = store().Read({}, Soon())->clock;
  Write1(Write::AckLog(Key("ack"), "2:log:1 "));
  auto notes = Stream(Key("ack"));
  ASSERT_EQ(notes.size(), 2U);
  auto at = [&](std::size_t i) { return static_cast<std::int64_t>(StreamPlace::Of(notes[i].id).first); };
  EXPECT_GE(at(0), before.ms);
  EXPECT_LE(at(0), between.ms);
  EXPECT_GE(at(1), between.ms);
  Write1(Write::Trim(Key("ack"), notes[1].id));
  EXPECT_EQ(Stream(Key("ack")).size(), 1U);
}

TEST_P(StoreSuite, A_waiting_stream_reader_wakes_at_the_first_entry_and_else_at_the_end_of_its_time) {
  auto reader = store().OpenStreams();
  auto begin = std::chrono::steady_clock::now();
  auto nothing = reader->Read({{Key("ob"), OutboxId(0)}}, 10, Millis(30));
  ASSERT_TRUE(nothing);
  EXPECT_THAT(*nothing, IsEmpty());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, Millis(25));

  auto waiting = std::async(std::launch::async, [&] {
    return reader->Read({{Key("ob"), OutboxId(0)}}, 10, Millis(8'000));
  });
  EXPECT_EQ(waiting.wait_for(Millis(30)), std::future_status::timeout);
  Write1(Write::Outbox(Key("ob"), Key("mark"), "t", "k", "v", ""));
  ASSERT_EQ(waiting.wait_for(Millis(4'000)), std::future_status::ready);
  auto read = waiting.get();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size(), 1U);
}

TEST_P(StoreSuite, Dollar_means_behind_the_end) {
  Write1(Write::AckLog(Key("ack"), "old"));
  auto reader = store().OpenStreams();
  auto waiting = std::async(std::launch::async, [&] { return reader->Read({{Key("ack"), "$"}}, 10, Millis(8'000)); });
  EXPECT_EQ(waiting.wait_for(Millis(50)), std::future_status::timeout);
  Write1(Write::AckLog(Key("ack"), "new"));
  auto read = waiting.get();
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(Field(read->front(), "a"), "new");
}

// ---- generation -------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, What_was_decided_on_another_store_is_not_written) {
  Write1(Write::Push(Key("l"), "a"));
  const auto generation = store().Generation();
  EXPECT_NE(generation, 0U);
  EXPECT_TRUE(store().Run({{Guard::Length(Key("l"), 1)}, {Write::Push(Key("l"), "b")}, generation}, Soon())->done);
  EXPECT_EQ(store().Generation(), generation);
  under_test_->ReplaceByEmpty();
  auto late = store().Run({{}, {Write::Push(Key("l"), "late")}, generation}, Soon());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kUnavailable);
  for (auto end = Soon(); store().Generation() == generation && !end.Passed();) std::this_thread::yield();
  EXPECT_GT(store().Generation(), generation);
  late = store().Run({{}, {Write::Push(Key("l"), "late")}, generation}, Soon());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kUnavailable);
  EXPECT_THAT(List(Key("l")), IsEmpty());
  EXPECT_TRUE(store().Run({{}, {Write::Push(Key("l"), "new")}, store().Generation()}, Soon())->done);
}

}  // namespace stafett::gate::test
