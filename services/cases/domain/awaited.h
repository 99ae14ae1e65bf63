// What is waited for in a case, as the log says it in clear for escalation.
#pragma once

#include <vector>

#include "cases/domain/types.h"
#include "lib/base/awaited.h"

namespace stafett::cases::domain {

// All that is waited for in a case as it stands. Open: the holder's next step, always (promise P6). While the log is
// open, so that it can be done: the answer to an offered baton and to each contribution, and the evaluation of each
// open measure.
std::vector<Awaited> AwaitedIn(const Case& c);
// What an event changes in it: the new words, and who is no longer waited for.
std::vector<Awaited> AwaitedBy(const Child& before, const Event& event);

// Cases, measures and contributions that a record names in clear, by its subject and words: whoever knows only their
// ids finds the child by them. Every measure is named by the record that starts it, a contribution by the one that
// submits it.
std::vector<std::string> NamedIn(const std::string& subject, const std::vector<Awaited>& words);

}  // namespace stafett::cases::domain
