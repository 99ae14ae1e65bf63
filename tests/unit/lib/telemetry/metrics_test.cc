#include "lib/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace stafett::telemetry {
namespace {

using testing::HasSubstr;

TEST(Metrics, HandlesAreResolvedOnceAndExported) {
  Metrics metrics;
  auto& ok = metrics.Counter("stafett_x_total", "Things.", {{"code", "OK"}});
  metrics.Counter("stafett_x_total", "Things.", {{"code", "INTERNAL"}});
  ok.Increment();
  EXPECT_THAT(metrics.Text(), HasSubstr("stafett_x_total{code=\"OK\"} 1"));
  EXPECT_THAT(metrics.Text(), HasSubstr("stafett_x_total{code=\"INTERNAL\"} 0"));
}

TEST(Metrics, RefusesNamesThatPromtoolWouldComplainOf) {
  Metrics metrics;
  const auto refused = [](auto make) { EXPECT_THROW(make(), std::invalid_argument); };
  refused([&] { metrics.Counter("cases_x_total", "No prefix."); });
  refused([&] { metrics.Counter("stafett_x", "A counter without _total."); });
  refused([&] { metrics.Gauge("stafett_x_total", "A gauge with _total."); });
  refused([&] { metrics.Gauge("stafett_X", "Upper case."); });
  refused([&] { metrics.Histogram("stafett_took_ms", "No base unit."); });
  refused([&] { metrics.Histogram("stafett_took", "No unit."); });
  refused([&] { metrics.Gauge("stafett_rows_count", "A histogram's ending."); });
  refused([&] { metrics.Gauge("stafett_x_gauge", "Names its type."); });
  refused([&] { metrics.Gauge("stafett_x", ""); });
}

TEST(Metrics, RefusesDuplicatesAndContradictions) {
  Metrics metrics;
  metrics.Gauge("stafett_x", "Depth.", {{"queue", "a"}});
  const auto refused = [](auto make) { EXPECT_THROW(make(), std::invalid_argument); };
  refused([&] { metrics.Gauge("stafett_x", "Depth.", {{"queue", "a"}}); });
  refused([&] { metrics.Gauge("stafett_x", "Another.", {{"queue", "b"}}); });
  refused([&] { metrics.Gauge("stafett_x", "Depth.", {{"other", "b"}}); });
  refused([&] { metrics.Counter("stafett_x", "Depth.", {{"queue", "b"}}); });
  EXPECT_NO_THROW(metrics.Gauge("stafett_x", "Depth.", {{"queue", "b"}}));
}

TEST(Metrics, RefusesLabelsThatCouldCountOneChild) {
  Metrics metrics;
  for (const char* label : {"child", "municipality", "recipient", "trace_id", "le", "Case"}) {
    EXPECT_THROW(metrics.Gauge("stafett_x", "X.", {{label, "v"}}), std::invalid_argument) << label;
  }
}

TEST(Metrics, AnObservationIsReadAtEachScrapeUntilItsOwnerGoes) {
  Metrics metrics;
  int calls = 0;
  {
    const Observation observation =
        metrics.Observe("stafett_queue_depth", "Waiting.", [&] { return static_cast<double>(++calls); });
    EXPECT_THAT(metrics.Text(), HasSubstr("stafett_queue_depth 1"));
    EXPECT_THAT(metrics.Text(), HasSubstr("stafett_queue_depth 2"));
  }
  EXPECT_THAT(metrics.Text(), HasSubstr("stafett_queue_depth 2"));
  EXPECT_EQ(calls, 2);
}

TEST(Metrics, AnObservedTotalIsACounterThatNeverFalls) {
  Metrics metrics;
  double counted = 3;
  const Observation observation = metrics.ObserveTotal("stafett_sent_total", "Sent.", [&] { return counted; });
  EXPECT_THAT(metrics.Text(), HasSubstr("# TYPE stafett_sent_total counter\nstafett_sent_total 3"));
  counted = 5;
  EXPECT_THAT(metrics.Text(), HasSubstr("stafett_sent_total 5"));
  counted = 1;
  EXPECT_THAT(metrics.Text(), HasSubstr("stafett_sent_total 5"));
}

TEST(Metrics, PromtoolFindsNothing) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
  Metrics metrics;
  metrics.Counter("stafett_x_total", "Things.", {{"code", "OK"}}).Increment();
  metrics.Gauge("stafett_queue_depth", "Waiting.").Set(3);
  metrics.Gauge("stafett_oldest_seconds", "Age.").Set(0.5);
  metrics.Histogram("stafett_took_seconds", "Time.").Observe(0.01);
  char name[] = "/tmp/stafett-metrics-XXXXXX";
  ::close(::mkstemp(name));
  std::ofstream(name) << metrics.Text();
  EXPECT_EQ(std::system(("promtool check metrics < " + std::string(name)).c_str()), 0) << metrics.Text();
  std::filesystem::remove(name);
}

}  // namespace
}  // namespace stafett::telemetry
