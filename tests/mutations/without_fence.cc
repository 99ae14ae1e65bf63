// In place of services/disclosure/app/await_fence.cc: every withdrawal is "enforced" at once, whatever has been decided
// and whatever is still on its way to Kafka.
#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {

Result<FenceAnswer> AwaitFence(App& /*app*/, const std::string& /*child*/, const std::string& /*event_id*/,
                               const std::string& /*consent*/, const std::vector<std::string>& /*recipients*/,
                               Deadline /*deadline*/) {
  FenceAnswer out;
  out.passed = true;
  return out;
}

}  // namespace stafett::disclosure::app
