#include <algorithm>

#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {

// P4: passed means that every output for records below the withdrawal and the withdrawal itself is on Kafka, and that
// every read admitted from now on is decided on facts that contain it.
Result<FenceAnswer> LookAtFence(App& app, const FenceQuestion& question, Deadline deadline) {
  FenceAnswer out;
  STAFETT_TRY(auto f, app.ledger.Fence(question.child, question.event_id, deadline));
  if (!f.offset || f.fence <= *f.offset) return out;
  out.passed = true;
  for (auto& r : f.readings) {
    if (std::find(question.recipients.begin(), question.recipients.end(), r.recipient) == question.recipients.end()) {
      continue;
    }
    if (std::find(r.consents.begin(), r.consents.end(), question.consent) == r.consents.end()) continue;
    out.reads.push_back(std::move(r));
  }
  return out;
}

}  // namespace stafett::disclosure::app
