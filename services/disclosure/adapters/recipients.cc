#include "disclosure/adapters/recipients.h"

#include "disclosure/adapters/awaited_receipts.h"

namespace stafett::disclosure::adapters {

Result<std::map<std::string, std::string>> RecipientsOfGate::Suspended(const std::vector<std::string>& of,
                                                                       Deadline deadline) {
  STAFETT_TRY(auto active, regimes_.Active(deadline));
  STAFETT_TRY(auto suspended, suspension_.All(deadline));
  std::map<std::string, std::string> out;
  for (const auto& recipient : of) {
    if (auto it = suspended.find(recipient); it != suspended.end()) {
      out[recipient] = it->second;
    } else if (!active.contains(recipient)) {
      out[recipient] = "NOT_ACTIVATED";
    }
  }
  return out;
}

Result<std::map<std::string, Time>> RecipientsOfGate::Untouched(Deadline deadline) {
  return AwaitedReceipts::Untouched(host_.gate().store(), host_.gate().keys(), deadline);
}

Status RecipientsOfGate::Resume(const std::string& recipient, Deadline deadline) {
  STAFETT_CHECK_OK(suspension_.Resume(recipient, deadline));
  STAFETT_TRY(auto active, regimes_.Active(deadline));
  if (active.contains(recipient)) return {};
  return activation_.Again(deadline);
}

}  // namespace stafett::disclosure::adapters
