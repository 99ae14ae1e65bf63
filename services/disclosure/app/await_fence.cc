#include <algorithm>
#include <thread>

#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {

// P4: passed means that every output for records below the withdrawal and the withdrawal itself is on Kafka, and that
// every read admitted from now on is decided on facts that contain it.
Result<FenceAnswer> AwaitFence(App& app, const std::string& child, const std::string& event_id,
                               const std::string& consent, const std::vector<std::string>& recipients,
                               Deadline deadline) {
  FenceAnswer out;
  auto pause = Millis(1);
  while (true) {
    STAFETT_TRY(auto f, app.ledger.Fence(child, event_id, deadline));
    if (f.offset && f.fence > *f.offset) {
      out.passed = true;
      for (auto& r : f.readings) {
        if (std::find(recipients.begin(), recipients.end(), r.recipient) == recipients.end()) continue;
        if (std::find(r.consents.begin(), r.consents.end(), consent) == r.consents.end()) continue;
        out.reads.push_back(std::move(r));
      }
      return out;
    }
    if (deadline.Left() < Millis(30)) return out;
    // The router answers within milliseconds; each look is one read of the store.
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, Millis(16));
  }
}

}  // namespace stafett::disclosure::app
