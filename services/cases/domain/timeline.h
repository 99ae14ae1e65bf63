// Which events of a case a service may read whole, for ListTimeline.
#pragma once

#include <string>
#include <vector>

#include "cases/domain/types.h"

namespace stafett::cases::domain {

// For each event of one case, in their order: is it this service's to read whole? It is, if it happened while the
// service held the case, and if what somebody wrote in it (a note, a bright spot) was written there. What was another's
// is not, though the service holds the case now: it is told by disclosure, cut to what each may see, or not at all
// (promise P1).
std::vector<bool> WholeFor(const std::string& recipient, const std::vector<Event>& events);
// For each of them the version of the case behind it, as this service counts (Case::VersionFor).
std::vector<std::uint64_t> VersionsFor(const std::string& recipient, const std::vector<Event>& events);

}  // namespace stafett::cases::domain
