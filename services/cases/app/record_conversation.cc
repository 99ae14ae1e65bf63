#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kWithinDays = 14;  // D-60, municipal default
}

Result<gate::Committed> RecordConversation(App& app, const OnCase& on, domain::ConversationHeld held) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    auto next = held;
    if (next.next_date.empty()) {
      next.next_date = calendar::Format(calendar::AddDays(calendar::Today(change.now), kWithinDays));
    }
    return domain::RecordConversation(child, change, std::move(next));
  });
}

}  // namespace stafett::cases::app
