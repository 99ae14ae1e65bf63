#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <thread>

#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

// Counts how often it is copied.
struct Counted {
  Counted() = default;
  Counted(const Counted&) { ++copies; }
  Counted& operator=(const Counted&) {
    ++copies;
    return *this;
  }
  static inline int copies = 0;
};

class ChildrenTest : public ::testing::Test {
 protected:
  void Input(const std::string& body) {
    auto record = RecordOf("consent", "ch-1", ++version_, "t", body);
    ASSERT_TRUE(
        store_.Run({{}, {Write::Push(a_.keys.Inputs(P(), "ch-1"), EncodeInput({7, Time{8}, record}))}, 0}, Soon())
            ->done);
  }
  int P() const { return a_.At("ch-1").partition; }
  std::vector<std::string> Steps(Children<Trace>& children) {
    auto loaded = children.Load(P(), "ch-1", Soon());
    EXPECT_TRUE(loaded);
    return loaded ? loaded->state->steps : std::vector<std::string>{"(error)"};
  }
  MemoryStore store_;
  Copy a_{store_};
  Copy b_{store_};
  std::uint64_t version_ = 0;
};

TEST_F(ChildrenTest, A_read_folds_only_what_is_new) {
  int folded = 0;
  Children<Trace> children(store_, a_.keys, [&](Trace& t, const Entry& e) {
    ++folded;
    return FoldTrace(t, e);
  });
  ASSERT_TRUE(b_.Do("ch-1", "r1", "1"));
  EXPECT_THAT(Steps(children), ElementsAre("own:1"));
  EXPECT_THAT(Steps(children), ElementsAre("own:1"));
  EXPECT_EQ(folded, 1);
  ASSERT_TRUE(b_.Do("ch-1", "r2", "2"));  // another copy wrote
  Input("i");
  auto loaded = children.Load(P(), "ch-1", Soon());
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->state->steps, ElementsAre("own:1", "own:2", "in:i"));
  EXPECT_EQ(loaded->own, 2U);
  EXPECT_EQ(loaded->inputs, 1U);
  EXPECT_EQ(loaded->generation, store_.Generation());
  EXPECT_EQ(folded, 3);
}

TEST_F(ChildrenTest, Several_are_read_in_one_step_in_the_order_asked_for) {
  ASSERT_TRUE(a_.Do("ch-1", "r1", "1"));
  ASSERT_TRUE(store_.Run({{}, {Write::Set("x", "extra")}, 0}, Soon()));
  auto loaded = a_.children.LoadAll(P(), {"ch-none", "ch-1"}, Soon(), {Get::String("x")});
  ASSERT_TRUE(loaded);
  EXPECT_THAT((*loaded)[0].state->steps, IsEmpty());
  EXPECT_THAT((*loaded)[1].state->steps, ElementsAre("own:1"));
  for (const auto& one : *loaded) EXPECT_EQ(one.extra[0].string, "extra");
}

// Whoever looks while a rebuild is under way must not keep what he saw: the order of the fold would be another.
TEST_F(ChildrenTest, An_own_record_whose_inputs_have_not_come_back_is_folded_again_behind_them) {
  auto own = RecordOf("cases", "ch-1", 1, "no.stafett.cases.said.v1", "mine", 1);
  ASSERT_TRUE(store_.Run({{}, {Write::Push(a_.keys.Own(P(), "ch-1"), own)}, 0}, Soon()));
  (void)Steps(a_.children);
  Input("i");
  EXPECT_THAT(Steps(a_.children), ElementsAre("in:i", "own:mine"));
}

TEST_F(ChildrenTest, A_state_given_out_does_not_change) {
  ASSERT_TRUE(a_.Do("ch-1", "r1", "1"));
  auto early = a_.children.Load(P(), "ch-1", Soon());
  ASSERT_TRUE(a_.Do("ch-1", "r2", "2"));
  (void)Steps(a_.children);
  EXPECT_THAT(early->state->steps, ElementsAre("own:1"));
}

TEST_F(ChildrenTest, Another_store_is_read_from_the_start) {
  ASSERT_TRUE(a_.Do("ch-1", "r1", "old 1"));
  EXPECT_THAT(Steps(a_.children), ElementsAre("own:old 1"));
  store_.WipeForTest();
  EXPECT_THAT(Steps(a_.children), IsEmpty());
  store_.WipeForTest();
  ASSERT_TRUE(b_.Do("ch-1", "r1", "new 1"));
  ASSERT_TRUE(b_.Do("ch-1", "r2", "new 2"));
  EXPECT_THAT(Steps(a_.children), ElementsAre("own:new 1", "own:new 2"));
}

TEST_F(ChildrenTest, A_list_shorter_than_the_cache_is_read_from_the_start) {
  ASSERT_TRUE(a_.Do("ch-1", "r1", "1"));
  ASSERT_TRUE(a_.Do("ch-1", "r2", "2"));
  (void)Steps(a_.children);
  // No generation tells of this one.
  ASSERT_TRUE(store_.Run({{}, {Write::Delete(a_.keys.Own(P(), "ch-1"))}, 0}, Soon())->done);
  EXPECT_THAT(Steps(a_.children), IsEmpty());
}

TEST_F(ChildrenTest, Extra_values_come_from_the_same_moment) {
  ASSERT_TRUE(store_.Run({{}, {Write::Set("x", "1")}, 0}, Soon())->done);
  auto loaded = a_.children.Load(P(), "ch-1", Soon(), {Get::String("x"), Get::String("y")});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->extra.size(), 2U);
  EXPECT_EQ(loaded->extra[0].string, "1");
  EXPECT_FALSE(loaded->extra[1].present);
}

TEST_F(ChildrenTest, A_record_that_can_not_be_folded_is_an_error_each_time_and_nothing_half_folded_stays) {
  bool works = false;
  Children<Trace> children(store_, a_.keys, [&](Trace& t, const Entry& e) -> Status {
    if (!works && BodyOf(e.record) == "2") return Fail(Code::kUnavailable, "KEY_NOT_HERE", "later");
    return FoldTrace(t, e);
  });
  ASSERT_TRUE(a_.Do("ch-1", "r1", "1"));
  ASSERT_TRUE(a_.Do("ch-1", "r2", "2"));
  for (int i = 0; i < 2; ++i) {
    auto loaded = children.Load(P(), "ch-1", Soon());
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().reason, "KEY_NOT_HERE");
  }
  works = true;
  EXPECT_THAT(Steps(children), ElementsAre("own:1", "own:2"));
}

TEST_F(ChildrenTest, The_cache_is_bounded) {
  int folded = 0;
  Children<Trace> children(
      store_, a_.keys,
      [&](Trace& t, const Entry& e) {
        ++folded;
        return FoldTrace(t, e);
      },
      2);
  for (const char* child : {"a", "b", "c"}) ASSERT_TRUE(a_.Do(child, child, child));
  auto load = [&](const char* child) { ASSERT_TRUE(children.Load(a_.At(child).partition, child, Soon())); };
  for (const char* child : {"a", "b", "a", "c"}) load(child);
  EXPECT_EQ(folded, 3);
  load("a");  // used later than b
  EXPECT_EQ(folded, 3);
  load("b");
  EXPECT_EQ(folded, 4);
}

// What it costs to bring a child up to date is what is new, not its whole story.
TEST_F(ChildrenTest, A_state_that_nobody_reads_is_brought_up_to_date_in_place) {
  Children<Counted> children(store_, a_.keys, [](Counted&, const Entry&) { return Status(); });
  auto copies = [&] {
    const auto before = Counted::copies;
    EXPECT_TRUE(children.Load(P(), "ch-1", Soon()));
    return Counted::copies - before;
  };
  ASSERT_TRUE(a_.Do("ch-1", "r1", "1"));
  (void)copies();
  ASSERT_TRUE(a_.Do("ch-1", "r2", "2"));
  EXPECT_EQ(copies(), 0);
  const auto lent = children.Load(P(), "ch-1", Soon());
  ASSERT_TRUE(a_.Do("ch-1", "r3", "3"));
  EXPECT_EQ(copies(), 1);
}

TEST_F(ChildrenTest, The_cache_is_bounded_by_what_its_states_were_made_of) {
  int folded = 0;
  Folded<int> cache(100, 10);
  auto bring = [&](const char* child, std::size_t bytes) {
    auto brought = cache.Bring(child, 1, cache.Known(child, 1), {1, 0}, bytes, true, Soon(), [&](int&, const Lengths&) {
      ++folded;
      return Status();
    });
    ASSERT_TRUE(brought && *brought);
  };
  for (const char* child : {"a", "b", "a"}) bring(child, 5);
  EXPECT_EQ(folded, 2);
  bring("c", 6);  // b goes, and a
  EXPECT_EQ(cache.Known("a", 1), Lengths{});
  bring("large", 1000);  // the last one stays, whatever it weighs
  EXPECT_EQ(cache.Known("large", 1), (Lengths{1, 0}));
  EXPECT_EQ(cache.Known("c", 1), Lengths{});
}

TEST_F(ChildrenTest, What_was_borrowed_outlives_the_cache) {
  std::shared_ptr<const Trace> state;
  {
    Children<Trace> children(store_, a_.keys, FoldTrace);
    ASSERT_TRUE(a_.Do("ch-1", "r1", "1"));
    state = children.Load(P(), "ch-1", Soon())->state;
  }
  EXPECT_THAT(state->steps, ElementsAre("own:1"));
}

TEST_F(ChildrenTest, Readers_and_writers_at_once_each_see_a_prefix) {
  constexpr int kWrites = 200;
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      std::size_t before = 0;
      while (!done) {
        auto loaded = a_.children.Load(P(), "ch-1", Soon());
        ASSERT_TRUE(loaded);
        const auto& steps = loaded->state->steps;
        ASSERT_EQ(steps.size(), loaded->own);
        ASSERT_GE(steps.size(), before);
        before = steps.size();
        for (std::size_t i = 0; i < before; ++i) ASSERT_EQ(steps[i], "own:" + std::to_string(i));
      }
    });
  }
  for (int i = 0; i < kWrites; ++i) {
    auto own =
        RecordOf("cases", "ch-1", static_cast<std::uint64_t>(i) + 1, "no.stafett.cases.said.v1", std::to_string(i));
    ASSERT_TRUE(store_.Run({{}, {Write::Push(a_.keys.Own(P(), "ch-1"), own)}, 0}, Soon()));
  }
  done = true;
  for (auto& reader : readers) reader.join();
}

TEST_F(ChildrenTest, A_cache_folds_in_the_order_of_a_fresh_read) {
  Input("i1");
  ASSERT_TRUE(a_.Do("ch-1", "r1", "1"));
  Input("i2");
  ASSERT_TRUE(a_.Do("ch-1", "r2", "2"));
  Input("i3");
  auto cached = Steps(a_.children);  // was read at each step by Do
  Children<Trace> fresh(store_, a_.keys, FoldTrace);
  EXPECT_THAT(Steps(fresh), ElementsAre("in:i1", "own:1", "in:i2", "own:2", "in:i3"));
  EXPECT_EQ(cached, Steps(fresh));
}

// P7: whatever was read when, a decision made again rests on the same state.
RC_GTEST_PROP(ChildrenProperty, EveryHistoryOfReadingGivesTheSameState, (const std::vector<int>& steps)) {
  MemoryStore store;
  Copy a(store);
  Copy b(store);
  const int p = a.At("ch-1").partition;
  std::uint64_t version = 0;
  int id = 0;
  for (int step : steps) {
    if (step % 3 == 0) {
      ++id;
      RC_ASSERT(a.Do("ch-1", "r" + std::to_string(id), "own " + std::to_string(id)).has_value());
    } else if (step % 3 == 1) {
      ++version;
      auto record = RecordOf("consent", "ch-1", version, "t", "in " + std::to_string(version));
      RC_ASSERT(
          store.Run({{}, {Write::Push(a.keys.Inputs(p, "ch-1"), EncodeInput({1, Time{1}, record}))}, 0}, Soon())->done);
    } else {
      RC_ASSERT(b.children.Load(p, "ch-1", Soon()).has_value());
    }
  }
  Children<Trace> fresh(store, a.keys, FoldTrace);
  auto expected = fresh.Load(p, "ch-1", Soon())->state->steps;
  RC_ASSERT(a.children.Load(p, "ch-1", Soon())->state->steps == expected);
  RC_ASSERT(b.children.Load(p, "ch-1", Soon())->state->steps == expected);
}

TEST(InputTest, Codec) {
  Input input{1'234'567, Time{1'700'000'000'000}, std::string("a\0b", 3)};
  auto bytes = EncodeInput(input);
  auto back = DecodeInput(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->offset, input.offset);
  EXPECT_EQ(back->appended, input.appended);
  EXPECT_EQ(back->record, input.record);
  EXPECT_TRUE(DecodeInput(EncodeInput({0, Time{0}, ""})));
  EXPECT_FALSE(DecodeInput(""));
  EXPECT_FALSE(DecodeInput("fifteen bytes.."));
  // What lies in Redis is read by the next version of this program.
  EXPECT_EQ(EncodeInput({1, Time{258}, "r"}), std::string("\1\0\0\0\0\0\0\0\2\1\0\0\0\0\0\0r", 17));
}

}  // namespace
}  // namespace stafett::gate::test
