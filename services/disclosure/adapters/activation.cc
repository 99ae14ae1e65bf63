#include "disclosure/adapters/activation.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "lib/policy/file.h"
#include "lib/telemetry/log.h"

namespace stafett::disclosure::adapters {
using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

Activation::Activation(host::Host& host, Regimes& regimes) : host_(host), regimes_(regimes) {
  std::ifstream file(host.config().policy);
  std::stringstream text;
  text << file.rdbuf();
  text_ = text.str();
  auto rules = policy::LoadRules(text_, host.config().policy);
  if (!rules) throw std::runtime_error(rules.error().message);
  rules_ = *std::move(rules);
  host.health().Set("policy", false, "NOT_ACTIVATED");
  thread_ = std::thread([this] { Run(); });
}

void Activation::Run() {
  while (!stop_) {
    if (host_.gate().Open()) {
      auto done = Again(Deadline::In(Millis(10'000)));
      if (done) {
        host_.health().Set("policy", true);
        Log(Severity::kInfo, "policy.activated", {{"hash", Safe(rules_.hash())}});
        return;
      }
      Log(Severity::kWarn, "policy.not_activated", {{"reason", Safe(done.error().reason)}});
    }
    for (int i = 0; i < 10 && !stop_; ++i) std::this_thread::sleep_for(Millis(20));
  }
}

Activation::~Activation() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

}  // namespace stafett::disclosure::adapters
