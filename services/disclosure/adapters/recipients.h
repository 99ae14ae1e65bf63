// Whether recipients can be told: in the version in force, and not suspended.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "disclosure/adapters/activation.h"
#include "disclosure/adapters/suspension.h"
#include "disclosure/app/ports.h"

namespace stafett::disclosure::adapters {

class RecipientsOfGate final : public app::Recipients {
 public:
  RecipientsOfGate(host::Parts& host, Regimes& regimes, Suspension& suspension, Activation& activation)
      : host_(host), regimes_(regimes), suspension_(suspension), activation_(activation) {}
  Result<std::map<std::string, std::string>> Suspended(const std::vector<std::string>& of, Deadline deadline) override;
  Result<std::map<std::string, Time>> Untouched(Deadline deadline) override;
  Status Resume(const std::string& recipient, Deadline deadline) override;

 private:
  host::Parts& host_;
  Regimes& regimes_;
  Suspension& suspension_;
  Activation& activation_;
};

}  // namespace stafett::disclosure::adapters
