#include "lib/gate/progress.h"

#include <gtest/gtest.h>

namespace stafett::gate {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  void After(int seconds, std::uint64_t done, std::uint64_t left) {
    progress_.Note(begun_ + std::chrono::seconds(seconds), done, left);
  }
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  Progress progress_;
};

TEST_F(ProgressTest, What_was_read_before_is_not_of_this_rebuild) {
  progress_.Begin(begun_, 5000);
  After(2, 5400, 600);
  const auto view = progress_.Look();
  EXPECT_TRUE(view.known);
  EXPECT_DOUBLE_EQ(view.share, 0.4);
  EXPECT_EQ(view.records, 1000U);
  EXPECT_DOUBLE_EQ(view.per_second, 200);
  EXPECT_DOUBLE_EQ(view.seconds_left, 3);
  EXPECT_EQ(ToText(view), "40 % of 1000 records, 200 a second, 4 s left");
}

TEST_F(ProgressTest, The_speed_is_of_the_last_seconds) {
  progress_.Begin(begun_, 0);
  for (int s = 1; s <= 10; ++s) After(s, 10, 1000);  // waits for something
  for (int s = 11; s <= 15; ++s) After(s, static_cast<std::uint64_t>(10 + 100 * (s - 10)), 1000);
  EXPECT_DOUBLE_EQ(progress_.Look().per_second, 100);
}

// More may turn out to be read: another pass, a partition taken over.
TEST_F(ProgressTest, The_share_never_falls) {
  progress_.Begin(begun_, 0);
  After(1, 900, 100);
  After(2, 1000, 9000);
  EXPECT_DOUBLE_EQ(progress_.Look().share, 0.9);
}

TEST_F(ProgressTest, Nothing_to_read_is_all_of_it_and_nothing_is_known_when_it_has_ended) {
  progress_.Begin(begun_, 7);
  After(1, 7, 0);
  EXPECT_DOUBLE_EQ(progress_.Look().share, 1);
  EXPECT_EQ(ToText(progress_.Look()), "100 % of 0 records, 0 a second");
  progress_.End();
  EXPECT_FALSE(progress_.Look().known);
}

}  // namespace
}  // namespace stafett::gate
