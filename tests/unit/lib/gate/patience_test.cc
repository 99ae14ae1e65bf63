#include "lib/gate/patience.h"

#include <gtest/gtest.h>

namespace stafett::gate {
namespace {

constexpr Millis kLimit{5000};
SteadyTime At(int ms) { return SteadyTime{} + Millis(ms); }

TEST(Patience, Is_over_when_a_record_was_tried_for_so_long) {
  Patience patience;
  for (int ms = 0; ms < 5000; ms += 20) EXPECT_FALSE(patience.Over(7, At(ms), kLimit));
  EXPECT_TRUE(patience.Over(7, At(5000), kLimit));
}

TEST(Patience, Time_in_which_nothing_could_be_tried_does_not_count) {
  Patience patience;
  EXPECT_FALSE(patience.Over(7, At(0), kLimit));
  EXPECT_FALSE(patience.Over(7, At(60'000), kLimit));
  EXPECT_FALSE(patience.Over(7, At(60'020), kLimit));
}

TEST(Patience, Each_record_has_its_own) {
  Patience patience;
  for (int ms = 0; ms < 4980; ms += 20) EXPECT_FALSE(patience.Over(7, At(ms), kLimit));
  EXPECT_FALSE(patience.Over(8, At(5000), kLimit));
}

}  // namespace
}  // namespace stafett::gate
