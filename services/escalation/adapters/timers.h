// What time does: raises what did not come, passes on what nobody took. Any number of copies may do it at once.
//
//   once          a step's request_id is derived from the word, or the escalation, and the step: the second of two that
//                 race, and one after a restart or a rebuild, find it remembered, or find the state moved on.
//   never early   the store refuses a step before its time (Guard::NotBefore), by its own clock; and a step is taken
//   only
//                 when the partition's log has been applied up to an end that was seen after the step was due (design
//                 §5): what was answered in time is known by then.
//   none forgotten whatever says something of a child puts it into the sorted set "timers" with score 0, in the same
//   step;
//                 a look at the child gives it the time of its next step, guarded by the lengths it was looked at with.
//                 So a score is never later than the child's next step. A rebuild puts every child in again. With other
//                 controllers' files than before (other lines, other times) all are looked at again.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "escalation/adapters/gate_escalation_store.h"
#include "lib/base/heartbeat.h"
#include "lib/telemetry/metrics.h"

namespace stafett::escalation::adapters {

class Timers {
 public:
  static constexpr Millis kEvery{250};
  static constexpr std::int64_t kBatch = 64;         // children of a partition in one round
  static constexpr Millis kRetry{10'000};            // before a child is looked at again that could not be
  static constexpr Millis kUnownedEvery{3'600'000};  // the same, if no line takes it up

  struct Options {
    std::function<std::set<int>()> partitions;  // to look after; none while the gate is closed
    std::string files;                          // names the controllers' files: their hash
  };
  Timers(GateEscalationStore& store, const domain::Plan& plan, telemetry::Metrics& metrics, Options options);
  ~Timers();
  void Start(const Beats& beats = {});
  void Stop();
  // One round. True: there may be more to do at once.
  bool Turn();

 private:
  enum class Looked { kSettled, kTaken, kNotFresh, kFailed };
  Looked Look(int partition, const std::string& child);
  Result<bool> Take(int partition, const std::string& child, const domain::Step& step);
  Status Settle(int partition, const std::string& child, const gate::Loaded<domain::State>& loaded,
                const std::optional<domain::Step>& next);
  Status AllAgain(int partition);
  void CountOpen();

  GateEscalationStore& store_;
  const domain::Plan& plan_;
  Options options_;
  prometheus::Gauge& due_;
  prometheus::Gauge& late_;
  prometheus::Histogram& lateness_;
  prometheus::Counter& unowned_;
  std::map<AwaitedKind, prometheus::Gauge*> open_, oldest_;
  SteadyTime counted_{};
  double late_seconds_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::escalation::adapters
