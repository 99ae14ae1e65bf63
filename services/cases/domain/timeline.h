// Which events of a case a service may read whole, for ListTimeline.
#pragma once

#include <string>
#include <vector>

#include "cases/domain/types.h"

namespace stafett::cases::domain {

// For each event of one case, in their order: did it happen while this service held the case? What was another's (a
// concern off the log, the time before the baton came or after it went) is not in it, though the service holds the case
// now: it is told by disclosure, cut to what each may see, or not at all (promise P1).
std::vector<bool> HeldBy(const std::string& recipient, const std::vector<Event>& events);

}  // namespace stafett::cases::domain
