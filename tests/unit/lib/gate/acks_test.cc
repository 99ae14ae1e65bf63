#include "lib/gate/acks.h"

#include <atomic>
#include <mutex>
#include <optional>

#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

SteadyTime Far() { return std::chrono::steady_clock::now() + Millis(60'000); }

// An answer that must come once; it may come when the test is over.
class Answer1 {
 public:
  Acks::Done Callback() {
    return [state = state_](bool published) {
      std::lock_guard lock(state->mutex);
      ++state->times;
      state->published = published;
    };
  }
  std::optional<bool> Get() const {
    std::lock_guard lock(state_->mutex);
    EXPECT_LE(state_->times, 1);
    return state_->published;
  }
  bool Is(bool wanted) {
    return Eventually([&] { return Get().has_value(); }) && *Get() == wanted;
  }

 private:
  struct State {
    std::mutex mutex;
    int times = 0;
    std::optional<bool> published;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class AcksTest : public ::testing::Test {
 protected:
  void SetUp() override { acks_.Start(); }
  std::uint64_t Now() const { return store_.Generation(); }
  MemoryStore store_;
  Keys keys_{"cases", kPartitions};
  Acks acks_{store_, keys_};
};

TEST(AcksNews, Every_copy_hears_of_what_any_copy_has_noted) {
  MemoryStore store;
  Keys keys{"cases", kPartitions};
  Acks one(store, keys), other(store, keys);
  std::atomic<int> heard_by_one{0}, heard_by_other{0};
  one.OnNews([&] { ++heard_by_one; });
  other.OnNews([&] { ++heard_by_other; });
  one.Start();
  other.Start();
  // Followed from the end on: a note may come before anybody follows, so it is repeated.
  EXPECT_TRUE(Eventually([&] {
    (void)store.Run({{}, {Write::AckLog(keys.AckLog(1), "1:log:0 ")}, 0}, Deadline::In(Millis(1000)));
    return heard_by_one > 0 && heard_by_other > 0;
  }));
  one.Stop();
  other.Stop();
}

TEST_F(AcksTest, Who_waits_is_told_when_the_number_or_a_later_one_is_there) {
  Answer1 two, five, other;
  acks_.When(Now(), 0, 2, Far(), two.Callback());
  acks_.When(Now(), 0, 5, Far(), five.Callback());
  acks_.When(Now(), 1, 1, Far(), other.Callback());
  EXPECT_EQ(acks_.Waiting(), 3U);
  acks_.Advance(Now(), 0, 1);
  EXPECT_FALSE(two.Get());
  acks_.Advance(Now(), 0, 4);
  EXPECT_TRUE(two.Is(true));
  EXPECT_FALSE(five.Get());
  EXPECT_FALSE(other.Get());
  Answer1 known;
  acks_.When(Now(), 0, 3, Far(), known.Callback());
  EXPECT_EQ(known.Get(), true);  // at once
}

TEST_F(AcksTest, When_the_time_is_over_it_is_stored_only) {
  Answer1 late;
  acks_.When(Now(), 0, 1, std::chrono::steady_clock::now() + Millis(30), late.Callback());
  EXPECT_TRUE(late.Is(false));
  EXPECT_EQ(acks_.Waiting(), 0U);
}

TEST_F(AcksTest, Another_copys_note_is_seen) {
  Answer1 a;
  acks_.When(Now(), 2, 7, Far(), a.Callback());
  ASSERT_TRUE(store_.Run({{}, {Write::Max(keys_.Acked(2), 7), Write::AckLog(keys_.AckLog(2), "7:log:1 ")}, 0}, Soon()));
  EXPECT_TRUE(a.Is(true));
}

TEST_F(AcksTest, A_number_of_an_earlier_store_is_never_published_by_a_later_one) {
  const auto before = Now();
  Answer1 waiting;
  acks_.When(before, 0, 3, Far(), waiting.Callback());
  acks_.Advance(before, 0, 2);
  store_.WipeForTest();
  // The new store numbers from 1 again; its third entry is another one.
  ASSERT_TRUE(store_.Run({{}, {Write::Max(keys_.Acked(0), 3), Write::AckLog(keys_.AckLog(0), "3:log:1 ")}, 0}, Soon()));
  EXPECT_TRUE(waiting.Is(false));
  Answer1 late;
  acks_.When(before, 0, 1, Far(), late.Callback());
  EXPECT_EQ(late.Get(), false);
}

TEST_F(AcksTest, What_was_said_about_an_earlier_store_counts_nothing_in_a_later_one) {
  const auto before = Now();
  store_.WipeForTest();
  Answer1 fresh;
  acks_.When(Now(), 0, 1, Far(), fresh.Callback());
  acks_.Advance(before, 0, 500);  // a slow relay thread
  EXPECT_FALSE(fresh.Get());
  Answer1 next;
  acks_.When(Now(), 0, 2, Far(), next.Callback());
  EXPECT_FALSE(next.Get());
  acks_.Advance(Now(), 0, 1);
  EXPECT_TRUE(fresh.Is(true));
}

TEST_F(AcksTest, A_wait_in_a_store_that_nobody_has_noticed_yet_is_kept) {
  store_.WipeForTest();
  Answer1 a;
  acks_.When(Now(), 0, 1, Far(), a.Callback());
  EXPECT_FALSE(a.Get());
  acks_.Advance(Now(), 0, 1);
  EXPECT_TRUE(a.Is(true));
}

TEST_F(AcksTest, Stop_tells_everybody) {
  Answer1 a, b;
  acks_.When(Now(), 0, 1, Far(), a.Callback());
  acks_.Stop();
  EXPECT_EQ(a.Get(), false);
  acks_.When(Now(), 0, 1, Far(), b.Callback());
  EXPECT_EQ(b.Get(), false);
}

TEST_F(AcksTest, Racing_waits_and_advances_answer_each_exactly_once) {
  std::atomic<int> answers{0};
  std::atomic<int> published{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (std::uint64_t n = 1; n <= 200; ++n) {
        acks_.When(Now(), 0, n, Far(), [&](bool p) {
          ++answers;
          published += p ? 1 : 0;
        });
      }
    });
  }
  threads.emplace_back([&] {
    for (std::uint64_t n = 1; n <= 200; ++n) acks_.Advance(Now(), 0, n);
  });
  for (auto& t : threads) t.join();
  EXPECT_TRUE(Eventually([&] { return answers == 600; }));
  EXPECT_EQ(published, 600);
}

}  // namespace
}  // namespace stafett::gate::test
