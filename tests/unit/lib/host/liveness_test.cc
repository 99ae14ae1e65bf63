// A thread that stands still is named by /livez, and no other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "lib/gate/gate.h"
#include "lib/host/host.h"
#include "unit/lib/gate/support.h"

namespace stafett::host {
namespace {
using gate::test::Clear;
using gate::test::Eventually;
using ::testing::ElementsAre;

// The store in memory, with a Read that stands still for who takes the lease of a shard.
class StuckStore final : public gate::Store {
 public:
  Result<gate::Answer> Read(const std::vector<gate::Get>& gets, Deadline deadline) override {
    const bool of_shards = !gets.empty() && gets[0].key == lease_;
    if (of_shards && hold) {
      held = true;
      (void)Eventually([&] { return !hold; });
    }
    return store_.Read(gets, deadline);
  }
  Result<gate::Outcome> Run(const gate::Transaction& tx, Deadline deadline) override {
    return store_.Run(tx, deadline);
  }
  std::unique_ptr<gate::StreamReader> OpenStreams() override { return store_.OpenStreams(); }
  std::uint64_t Generation() const override { return store_.Generation(); }
  bool Connected() const override { return store_.Connected(); }
  std::atomic<bool> hold{false}, held{false};

 private:
  gate::MemoryStore store_;
  const std::string lease_ = gate::Keys("cases", gate::test::kPartitions).Lease(0);
};

TEST(Liveness, A_loop_that_stands_still_is_named_and_the_others_are_not) {
  std::atomic<std::int64_t> ms{0};
  telemetry::Health health([&] { return SteadyTime(Millis(ms)); });
  StuckStore store;
  test::MemoryLog log;
  gate::GateOptions options;
  options.service = "cases";
  options.instance = "a";
  options.partitions = gate::test::kPartitions;
  options.ordered_topics = {"log"};
  options.followed = {{"log", "log"}};
  options.beats = BeatsOf(health);
  gate::Gate gate(store, options, log.Publisher(), log.Reader(), Clear());
  gate.Start();
  EXPECT_TRUE(Eventually([&] { return gate.Open(); }));

  store.hold = true;
  EXPECT_TRUE(Eventually([&] { return store.held.load(); }));
  EXPECT_TRUE(health.Live());  // not at once: a store may take its time
  ms += kLoopLimit.count() + 1;
  EXPECT_TRUE(Eventually([&] { return health.Stalled() == std::vector<std::string>{"shards"}; }));

  store.hold = false;
  EXPECT_TRUE(Eventually([&] { return health.Live(); }));
  gate.Stop();
  EXPECT_TRUE(health.Loops().empty());  // what has ended is not missed
}

}  // namespace
}  // namespace stafett::host
