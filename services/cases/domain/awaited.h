// What is waited for in a case, as the log says it in clear for escalation.
#pragma once

#include <vector>

#include "cases/domain/types.h"
#include "lib/base/awaited.h"

namespace stafett::cases::domain {

// All that is waited for in a case as it stands. Open: the holder's next step, always (promise P6). The answer to an
// offered baton, while it can be given.
std::vector<Awaited> AwaitedIn(const Case& c);
// What an event changes in it: the new words, and who is no longer waited for.
std::vector<Awaited> AwaitedBy(const Child& before, const Event& event);

}  // namespace stafett::cases::domain
