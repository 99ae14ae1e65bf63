#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kWithinWorkingDays = 5;  // D-64
}

Result<gate::Committed> OfferBaton(App& app, const OnCase& on, const std::string& to) {
  auto place = app.tenants.FindPerson(to);
  if (!place) return Invalid("to", "to: no controller's file has this person");
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    auto answer_by = calendar::Format(calendar::AddWorkingDays(calendar::Today(change.now), kWithinWorkingDays));
    return domain::OfferBaton(child, change, to, place->recipient->id, answer_by);
  });
}

}  // namespace stafett::cases::app
