#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kWithinDays = 14;  // D-62: first joint meeting
}

Result<gate::Committed> SetLevel(App& app, const OnCase& on, domain::Level level, const std::string& reason,
                                 std::string next_date) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    auto date =
        next_date.empty() ? calendar::Format(calendar::AddDays(calendar::Today(change.now), kWithinDays)) : next_date;
    return domain::SetLevel(child, change, level, reason, date);
  });
}

}  // namespace stafett::cases::app
