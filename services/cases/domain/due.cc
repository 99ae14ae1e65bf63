#include "cases/domain/due.h"

#include "cases/domain/awaited.h"

namespace stafett::cases::domain {

std::optional<Due> DueOf(const Child& child, const std::string& awaited_id, const Person& who) {
  if (who.guardian || who.recipient.empty()) return std::nullopt;
  for (const auto& [id, c] : child.cases) {
    for (auto& awaited : AwaitedIn(c)) {
      if (awaited.id != awaited_id || awaited.recipient != who.recipient) continue;
      if (awaited.person == who.id || who.leads) return Due{id, std::move(awaited)};
    }
  }
  return std::nullopt;
}

}  // namespace stafett::cases::domain
