#include "disclosure/adapters/activation.h"

#include <algorithm>
#include <chrono>

#include "lib/telemetry/log.h"

namespace stafett::disclosure::adapters {
namespace {
using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;
constexpr Millis kPatience{10'000};
constexpr Millis kTick{200};
constexpr Millis kRetry{5000};  // each try sends a probe to every recipient's topic
}  // namespace

Activation::Activation(host::Host& host, Regimes& regimes, const host::RuleFile& file)
    : host_(host),
      regimes_(regimes),
      file_(file),
      waits_(host.metrics().Gauge("stafett_policy_not_activated",
                                  "1 while rules that are to come into force cannot be written to the log.")) {
  host.health().Set("policy", false, file.Last() ? "NOT_ACTIVATED" : "POLICY_REFUSED");
  thread_ = std::thread([this, beat = BeatOf(host::BeatsOf(host_.health()), "activation")] { Run(beat); });
}

Activation::~Activation() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Activation::Run(const Beat& beat) {
  while (!stop_) {
    beat();
    const bool done = !host_.gate().Open() || Turn();
    const auto until = std::chrono::steady_clock::now() + (done ? kTick : kRetry);
    while (!stop_ && std::chrono::steady_clock::now() < until) {
      beat();
      std::this_thread::sleep_for(Millis(20));
    }
  }
}

bool Activation::Turn() {
  std::lock_guard lock(activating_);
  const auto wanted = Wanted();
  if (!wanted) {
    Log(Severity::kWarn, "policy.not_activated", {{"reason", Safe(wanted.error().reason)}});
    return false;
  }
  if (!*wanted) return true;
  const auto& hash = (*wanted)->rules.hash();
  if (hash == activated_) return true;
  auto done = regimes_.Activate(**wanted, kPatience);
  waits_.Set(done ? 0 : 1);
  if (!done) {
    Log(Severity::kWarn, "policy.not_activated", {{"reason", Safe(done.error().reason)}});
    return false;
  }
  activated_ = hash;
  host_.health().Set("policy", true);
  Log(Severity::kInfo, "policy.activated", {{"hash", Safe(activated_)}});
  return true;
}

Result<host::RuleFile::Rules> Activation::Wanted() const {
  if (auto last = file_.Last()) return last;
  if (!activated_.empty()) return host::RuleFile::Rules();
  return regimes_.LastActivated(Deadline::In(kPatience));
}

Status Activation::Again(Deadline deadline) {
  std::lock_guard lock(activating_);
  STAFETT_TRY(auto last, regimes_.LastActivated(deadline));
  if (!last) {
    return Fail(Code::kFailedPrecondition, "NOT_ACTIVATED", "no rules are in force yet; nobody is told anything");
  }
  return regimes_.Activate(*last, std::max(deadline.Left() / 2, Millis(0)));
}

}  // namespace stafett::disclosure::adapters
