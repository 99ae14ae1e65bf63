// The rule file of a process (deploy/policy/rules.yaml), looked at every few seconds. A file that is refused changes
// nothing: the last good one stays, `stafett_policy_refused` is 1, and a line of the log says where the fault is.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lib/base/heartbeat.h"
#include "lib/policy/last_good.h"
#include "lib/telemetry/metrics.h"

namespace stafett::host {

// Thread-safe.
class RuleFile {
 public:
  // Has looked once when it is made.
  RuleFile(const std::string& path, telemetry::Metrics& metrics, const Beats& beats);
  ~RuleFile();
  RuleFile(const RuleFile&) = delete;
  RuleFile& operator=(const RuleFile&) = delete;

  using Rules = std::shared_ptr<const policy::LoadedRules>;
  // The last good ones; kFailedPrecondition/POLICY_REFUSED: no file has been good since this process began.
  Result<Rules> Last() const;

 private:
  void Look();

  const std::string path_;
  prometheus::Gauge& refused_;
  mutable std::mutex mutex_;
  policy::LastGood last_good_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::host
