#include "disclosure/rpc/fence_waits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace stafett::disclosure::rpc_api {
namespace {

constexpr Millis kLong{60'000};

TEST(FenceWaits, What_has_passed_already_is_answered_on_the_callers_thread) {
  FenceWaits waits;
  std::thread::id looked;
  EXPECT_TRUE(waits.Wait(Deadline::In(kLong), [&](bool) {
    looked = std::this_thread::get_id();
    return true;
  }));
  EXPECT_EQ(looked, std::this_thread::get_id());
}

TEST(FenceWaits, All_who_wait_are_answered_when_it_passes_and_nobody_before) {
  FenceWaits waits;
  std::atomic<bool> passed{false};
  std::vector<std::promise<bool>> answers(300);
  std::vector<int> looks(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    ASSERT_TRUE(waits.Wait(Deadline::In(kLong), [&, i](bool last) {
      ++looks[i];
      if (!passed) return false;
      answers[i].set_value(!last);
      return true;
    }));
  }
  auto first = answers[0].get_future();
  EXPECT_EQ(first.wait_for(Millis(50)), std::future_status::timeout);
  passed = true;
  EXPECT_TRUE(first.get());
  for (std::size_t i = 1; i < answers.size(); ++i) EXPECT_TRUE(answers[i].get_future().get());
  for (int n : looks) EXPECT_GE(n, 2);
}

TEST(FenceWaits, Who_runs_out_of_time_gets_one_last_look) {
  FenceWaits waits;
  std::promise<void> answered;
  std::atomic<int> last_looks{0};
  ASSERT_TRUE(waits.Wait(Deadline::In(FenceWaits::kSpare * 3), [&](bool last) {
    if (!last) return false;
    ++last_looks;
    answered.set_value();
    return false;  // whatever it says, it was the last
  }));
  answered.get_future().get();
  EXPECT_EQ(last_looks, 1);
}

TEST(FenceWaits, It_beats_also_when_nobody_waits) {
  std::atomic<int> beats{0};
  FenceWaits waits([&](const std::string&) -> Beat { return [&] { ++beats; }; });
  for (const auto end = Deadline::In(Millis(10'000)); beats < 3 && !end.Passed();) {
    std::this_thread::sleep_for(Millis(1));
  }
  EXPECT_GE(beats, 3);
}

TEST(FenceWaits, Nobody_waits_without_time) {
  FenceWaits waits;
  int looks = 0;
  EXPECT_TRUE(waits.Wait(Deadline::In(Millis(1)), [&](bool last) {
    EXPECT_TRUE(last);
    ++looks;
    return false;
  }));
  EXPECT_EQ(looks, 1);
}

TEST(FenceWaits, More_than_it_can_look_for_are_refused) {
  std::atomic<std::size_t> last_looks{0};
  {
    FenceWaits waits;
    auto never = [&](bool last) {
      if (last) ++last_looks;
      return false;
    };
    for (std::size_t i = 0; i < FenceWaits::kMost; ++i) ASSERT_TRUE(waits.Wait(Deadline::In(kLong), never));
    EXPECT_FALSE(waits.Wait(Deadline::In(kLong), never));
  }
  EXPECT_EQ(last_looks, FenceWaits::kMost);  // when it ends, everybody is told how it stands
}

}  // namespace
}  // namespace stafett::disclosure::rpc_api
