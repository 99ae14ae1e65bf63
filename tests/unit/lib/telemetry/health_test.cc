#include "lib/telemetry/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stafett::telemetry {
namespace {

using testing::ElementsAre;

TEST(Health, NothingKnownIsNotReady) { EXPECT_FALSE(Health().Ready()); }

TEST(Health, ReadyWhenNoCheckFails) {
  Health health;
  health.Set("redis", true);
  EXPECT_TRUE(health.Ready());
  health.Set("kafka", false, "CONNECTING");
  EXPECT_FALSE(health.Ready());
  const std::vector<Check> failing = health.Failing();
  ASSERT_EQ(failing.size(), 1U);
  EXPECT_EQ(failing[0].name, "kafka");
  EXPECT_EQ(failing[0].reason, "CONNECTING");
  health.Set("kafka", true, "CONNECTING");
  EXPECT_TRUE(health.Ready());
  EXPECT_EQ(health.Checks()[0].reason, "") << "a check that is well has no reason";
}

TEST(Health, TheListenerHearsChangesOnly) {
  Health health;
  std::vector<bool> heard;
  health.OnReadyChange([&](bool ready) { heard.push_back(ready); });
  health.Set("a", true);
  health.Set("a", true);
  health.Set("b", false, "X");
  health.OnReadyChange({});
  health.Set("b", true);
  EXPECT_THAT(heard, ElementsAre(false, true, false));
}

TEST(Health, ALoopThatDoesNotBeatIsNamed) {
  SteadyTime now{};
  Health health([&] { return now; });
  EXPECT_TRUE(health.Live());
  const Heartbeat relay = health.AddLoop("relay", Millis(1000));
  {
    const Heartbeat reader = health.AddLoop("reader", Millis(5000));
    now += Millis(1000);
    EXPECT_TRUE(health.Live());
    now += Millis(1);
    EXPECT_THAT(health.Stalled(), ElementsAre("relay"));
    now += Millis(5000);
    EXPECT_THAT(health.Stalled(), ElementsAre("relay", "reader"));
  }
  relay.Beat();
  EXPECT_TRUE(health.Live()) << "a loop that ended is not missed";
}

}  // namespace
}  // namespace stafett::telemetry
