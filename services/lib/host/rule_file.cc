#include "lib/host/rule_file.h"

#include "lib/base/time.h"
#include "lib/policy/strict_yaml.h"
#include "lib/telemetry/log.h"

namespace stafett::host {
namespace {
using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;
constexpr Millis kLook{2000};
constexpr Millis kTick{100};
}  // namespace

RuleFile::RuleFile(const std::string& path, telemetry::Metrics& metrics, const Beats& beats)
    : path_(path),
      refused_(
          metrics.Gauge("stafett_policy_refused", "1 while the rule file is refused and the last good one stays.")),
      last_good_(path) {
  Look();
  thread_ = std::thread([this, beat = BeatOf(beats, "rule-file")] {
    for (Millis waited{0}; !stop_; waited += kTick) {
      beat();
      if (waited >= kLook) {
        Look();
        waited = Millis(0);
      }
      std::this_thread::sleep_for(kTick);
    }
  });
}

RuleFile::~RuleFile() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void RuleFile::Look() {
  const auto file = yaml::ReadFile(path_, "POLICY_FILE");
  std::lock_guard lock(mutex_);
  const auto seen = last_good_.Look(file);
  if (seen == policy::LastGood::Seen::kSame) return;
  refused_.Set(last_good_.fault() ? 1 : 0);
  if (last_good_.fault()) {
    Log(Severity::kError, "policy.refused", {{"fault", Safe(last_good_.fault()->message)}});
  } else {
    Log(Severity::kInfo, "policy.read", {{"hash", Safe(last_good_.rules()->rules.hash())}});
  }
}

Result<RuleFile::Rules> RuleFile::Last() const {
  std::lock_guard lock(mutex_);
  if (last_good_.rules()) return last_good_.rules();
  return Fail(Code::kFailedPrecondition, "POLICY_REFUSED",
              "the rule file of this service is refused; whoever operates it must mend it");
}

}  // namespace stafett::host
