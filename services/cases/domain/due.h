// What awaits somebody, for ListDue. It rests on AwaitedIn (awaited.h): whatever a case is found to wait for there is
// listed here, and by nothing else.
#pragma once

#include <optional>
#include <string>

#include "cases/domain/decide.h"
#include "cases/domain/types.h"
#include "lib/base/awaited.h"

namespace stafett::cases::domain {

struct Due {
  std::string case_id;
  Awaited awaited;
};

// What is waited for under this id (Awaited::id), if this person may know it: whoever it awaits, and who leads the
// service that it awaits; of another service than the holder's, while a consent keeps it in the log.
std::optional<Due> DueOf(const Child& child, const std::string& awaited_id, const Person& who, Time now);

}  // namespace stafett::cases::domain
