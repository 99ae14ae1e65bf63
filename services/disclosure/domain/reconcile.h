// What became of all that a recipient was told in some time (promise P3): the other side holds it against what it has.
#pragma once

#include <vector>

#include "disclosure/domain/awaited.h"

namespace stafett::disclosure::domain {

struct Reconciled {
  Delivery delivery;
  std::optional<DeliveryState> missing;  // the step that is waited for
  bool ended = false;  // taken back, or its ground ran out: nobody waits for a step any more, and none is missing
};

// Of whom, what its system can tell, what was decided in [from, to), and whether those are listed that the recipient
// was never told of because it was suspended: never to itself (promise P1).
struct Asked {
  std::string recipient;
  Tells tells;
  Time from, to;
  bool withheld = false;
};
// Of one child, oldest first, as it is at `now`.
std::vector<Reconciled> Reconcile(const View& view, const Asked& asked, Time now);

}  // namespace stafett::disclosure::domain
