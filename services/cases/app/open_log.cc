#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kWithinDays = 42;  // D-63, P6W: a policy default without a source
}

Result<gate::Committed> OpenLog(App& app, const OnCase& on, const std::string& goal, std::string next_date) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    auto date =
        next_date.empty() ? calendar::Format(calendar::AddDays(calendar::Today(change.now), kWithinDays)) : next_date;
    return domain::OpenLog(child, change, goal, date);
  });
}

}  // namespace stafett::cases::app
