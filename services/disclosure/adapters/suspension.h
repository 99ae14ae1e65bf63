// Recipients whose topic refuses for good: suspended, said so, passed over, so that the fence goes on (design §4.5).
// And the thread that brings this process' policy into force once the gate is open.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "disclosure/adapters/regimes.h"
#include "lib/host/host.h"

namespace stafett::disclosure::adapters {

class Suspension {
 public:
  Suspension(host::Host& host, Regimes& regimes);
  // recipient -> librdkafka's name of the error
  std::map<std::string, std::string> All() const;

 private:
  bool Rejected(const std::string& topic, const std::string& error);
  host::Host& host_;
  Regimes& regimes_;
  telemetry::Observation count_;
};

class Activation {
 public:
  // Throws if the rule file is broken: a process without rules must not start.
  Activation(host::Host& host, Regimes& regimes);
  ~Activation();

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::disclosure::adapters
