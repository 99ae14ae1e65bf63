// The lines and waiting times of the controllers' files (deploy/controllers), as the domain asks for them.
#pragma once

#include <string>
#include <vector>

#include "escalation/domain/decide.h"
#include "lib/tenants/tenants.h"

namespace stafett::escalation::app {

class FilesPlan final : public domain::Plan {
 public:
  explicit FilesPlan(const tenants::Tenants& tenants) : tenants_(tenants) {}
  std::vector<domain::Post> Line(const std::string& recipient) const override;
  Time First(const Awaited& word) const override;
  Time Next(const Awaited& word, Time since, bool acknowledged) const override;

 private:
  // Of the controller that answers for the service; nullptr if it, or the kind, is in no file.
  const tenants::WaitingTimes* TimesOf(const Awaited& word) const;
  const tenants::Tenants& tenants_;
};

}  // namespace stafett::escalation::app
