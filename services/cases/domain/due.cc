#include "cases/domain/due.h"

#include "cases/domain/awaited.h"
#include "cases/domain/rules.h"

namespace stafett::cases::domain {

std::optional<Due> DueOf(const Child& child, const std::string& awaited_id, const Person& who, Time now) {
  if (who.guardian || who.recipient.empty()) return std::nullopt;
  for (const auto& [id, c] : child.cases) {
    for (auto& awaited : AwaitedIn(c)) {
      if (awaited.id != awaited_id || awaited.recipient != who.recipient) continue;
      if (who.recipient != c.holder_recipient && !Consented(child, c, who.recipient, now)) continue;
      if (awaited.person == who.id || who.leads) return Due{id, std::move(awaited)};
    }
  }
  return std::nullopt;
}

}  // namespace stafett::cases::domain
