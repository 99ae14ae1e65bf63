// The auditor's loop: one partition after the other it compares, mends, trims; and it measures.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "auditor/adapters/audit.h"
#include "auditor/adapters/repairer.h"
#include "lib/gate/shards.h"
#include "lib/telemetry/metrics.h"

namespace stafett::auditor::adapters {

struct AuditorOptions {
  std::vector<std::string> services;
  int partitions = 24;
  std::map<std::string, std::string> topics;  // by the name of the readers' marks: log, ledger
  Millis keep{24 * 3'600'000};                // verified entries stay so long, in case the log loses its tail
};

class Auditor {
 public:
  // `shards` of the auditor's own prefix: copies share the partitions. Everything must outlive it.
  Auditor(gate::Store& store, gate::Shards& shards, const AuditorOptions& options, const gate::MakeReader& reader,
          const gate::MakePublisher& publisher, telemetry::Metrics& metrics);
  ~Auditor();
  void Start(const Beats& beats);
  void Stop();

  // Every partition, all that the outboxes hold: by partition.
  Result<std::map<int, Compared>> Verify(const Beat& beat);
  // One round over what is held; the loop's. True: there is more to do at once.
  bool Turn(const Beat& beat);

 private:
  enum class Found { kNothing, kMore, kFailed };
  Found LookAt(int partition, const Beat& beat);
  enum class Tried { kMended, kNothingToMend, kFailed };
  Tried Mend(int partition, const Beat& beat);
  bool LostItsTail(int partition);
  void Measure();

  gate::Store& store_;
  gate::Shards& shards_;
  int partitions_;
  std::vector<gate::Keys> services_;
  std::map<std::string, Topic> topics_;  // by mark
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<Repairer> repairer_;
  SteadyTime trimmed_, measured_;
  std::set<int> unmended_;  // what nobody but an operator can mend
  std::map<int, int> suspected_;
  prometheus::Counter &verified_, &differs_, &missing_, &untaken_, &damaged_, &mended_, &trimmed_entries_, &repairs_,
      &repaired_;
  prometheus::Gauge &lag_, &lag_seconds_, &unmended_gauge_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::auditor::adapters
