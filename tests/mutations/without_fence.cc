// In place of services/disclosure/app/look_at_fence.cc: every withdrawal is "enforced" at once, whatever has been
// decided and whatever is still on its way to Kafka.
#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {

Result<FenceAnswer> LookAtFence(App& /*app*/, const FenceQuestion& /*question*/, Deadline /*deadline*/) {
  FenceAnswer out;
  out.passed = true;
  return out;
}

}  // namespace stafett::disclosure::app
