// Brings this process' policy into force once the gate is open, and again when a recipient has been mended.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "disclosure/adapters/regimes.h"
#include "lib/host/host.h"

namespace stafett::disclosure::adapters {

class Activation {
 public:
  // Throws if the rule file is broken: a process without rules must not start.
  Activation(host::Host& host, Regimes& regimes);
  ~Activation();
  // A recipient whose topic refused when the policy was activated is not part of it: this makes a version with it.
  Status Again(Deadline deadline) { return regimes_.Activate(rules_, text_, deadline); }

 private:
  void Run();
  host::Host& host_;
  Regimes& regimes_;
  std::string text_;
  policy::RuleSet rules_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::disclosure::adapters
