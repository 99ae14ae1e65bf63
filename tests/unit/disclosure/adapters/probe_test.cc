#include "disclosure/adapters/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/memory_log.h"

namespace stafett::disclosure::adapters {
namespace {
using stafett::test::Fate;
using stafett::test::MemoryLog;
using testing::ElementsAre;
using testing::IsEmpty;

Probed Of(MemoryLog& log, const std::set<std::string>& recipients, Millis timeout = Millis(10'000)) {
  return Probe(log.Publisher(), "to.", recipients, timeout).value();
}

TEST(Probe, One_topic_that_refuses_says_nothing_about_the_others) {
  MemoryLog log;
  std::atomic<bool> ended{false};
  log.Decide([&](const kafka::Message& m) {
    if (m.topic == "to.a") return Fate::kReject;
    if (m.topic == "to.b") return Fate::kRefuse;
    return ended.exchange(true) ? Fate::kAck : Fate::kFail;  // the producer ended with the refusal
  });
  const auto probed = Of(log, {"a", "b", "c", "d"});
  EXPECT_THAT(probed.refuse, ElementsAre("a", "b"));
  EXPECT_THAT(probed.take, ElementsAre("c", "d"));
}

TEST(Probe, Whose_topic_gives_no_word_in_time_neither_takes_nor_refuses) {
  MemoryLog log;
  log.Decide([](const kafka::Message& m) { return m.topic == "to.a" ? Fate::kHold : Fate::kAck; });
  const auto probed = Of(log, {"a", "b"}, Millis(200));
  EXPECT_THAT(probed.refuse, IsEmpty());
  EXPECT_THAT(probed.take, ElementsAre("b"));
}

TEST(Probe, Who_was_active_and_gives_no_word_stays_active_and_who_refuses_does_not) {
  const Probed probed{{"new"}, {"refuses"}};
  EXPECT_THAT(StillActive(probed, {"refuses", "silent"}), ElementsAre("new", "silent"));
}

}  // namespace
}  // namespace stafett::disclosure::adapters
