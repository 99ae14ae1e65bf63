#include "consent/app/operations.h"

namespace stafett::consent::app {

void AwaitEnforced(App& app, const gate::Committed& committed, Deadline deadline,
                   std::function<void(const Fence::Answer&)> done) {
  // The record is on the log: whatever fails here, the withdrawal stands, and all that may be said is "not yet".
  auto withdrawal = app.store.WithdrawalOf(committed, deadline);
  if (!withdrawal || deadline.Passed()) return done({});
  app.fence.Await(*withdrawal, deadline, std::move(done));
}

}  // namespace stafett::consent::app
