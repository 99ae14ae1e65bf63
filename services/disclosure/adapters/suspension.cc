#include "disclosure/adapters/suspension.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "lib/policy/file.h"
#include "lib/telemetry/log.h"

namespace stafett::disclosure::adapters {
using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

Suspension::Suspension(host::Host& host, Regimes& regimes) : host_(host), regimes_(regimes) {
  host_.OnRejected([this](const std::string& topic, const std::string& error) { return Rejected(topic, error); });
  count_ = host_.metrics().Observe("stafett_recipients_suspended", "Recipients whose topic refuses signals.",
                                   [this] { return static_cast<double>(All().size()); });
}

std::map<std::string, std::string> Suspension::All() const {
  std::map<std::string, std::string> out;
  auto read = host_.gate().store().Read({gate::Get::Hash(regimes_.SuspendedKey())}, Deadline::In(Millis(500)));
  if (!read) return out;
  const auto& list = read->values[0].list;
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) out[list[i]] = list[i + 1];
  return out;
}

bool Suspension::Rejected(const std::string& topic, const std::string& error) {
  const auto& prefix = host_.config().kafka.recipient_prefix;
  if (!topic.starts_with(prefix)) return false;
  auto recipient = topic.substr(prefix.size());
  gate::Transaction tx;
  tx.writes.push_back(gate::Write::HashSet(regimes_.SuspendedKey(), recipient, error));
  // Only once it is stored that this recipient gets nothing may its signals be passed over.
  auto outcome = host_.gate().store().Run(tx, Deadline::In(Millis(1000)));
  if (!outcome) return false;
  Log(Severity::kError, "recipient.suspended", {{"recipient", Safe(recipient)}, {"reason", Safe(error)}});
  return true;
}

Activation::Activation(host::Host& host, Regimes& regimes) {
  std::ifstream file(host.config().policy);
  std::stringstream text;
  text << file.rdbuf();
  auto rules = policy::LoadRules(text.str(), host.config().policy);
  if (!rules) throw std::runtime_error(rules.error().message);
  host.health().Set("policy", false, "NOT_ACTIVATED");
  thread_ = std::thread([this, &host, &regimes, rules = *rules, text = text.str()] {
    while (!stop_) {
      if (host.gate().Open() && !regimes.Activated()) {
        auto done = regimes.Activate(rules, text, Deadline::In(Millis(10'000)));
        if (done) {
          host.health().Set("policy", true);
          Log(Severity::kInfo, "policy.activated", {{"hash", Safe(rules.hash())}});
          return;
        }
        Log(Severity::kWarn, "policy.not_activated", {{"reason", Safe(done.error().reason)}});
      }
      for (int i = 0; i < 10 && !stop_; ++i) std::this_thread::sleep_for(Millis(20));
    }
  });
}

Activation::~Activation() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

}  // namespace stafett::disclosure::adapters
