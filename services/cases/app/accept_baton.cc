#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kWithinDays = 42;  // D-63, P6W: a policy default without a source
}

Result<gate::Committed> AcceptBaton(App& app, const OnCase& on, std::string next_date) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    auto date =
        next_date.empty() ? calendar::Format(calendar::AddDays(calendar::Today(change.now), kWithinDays)) : next_date;
    return domain::AcceptBaton(child, change, date);
  });
}

}  // namespace stafett::cases::app
