#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> ChangeMeasure(App& app, const OnCase& on, const domain::Measure& wanted) {
  auto next = wanted;
  if (!next.responsible.empty()) {
    auto place = app.tenants.FindPerson(next.responsible);
    if (!place) return Invalid("responsible", "responsible: no controller's file has this person");
    next.responsible_recipient = place->recipient->id;
  }
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::ChangeMeasure(child, change, next);
  });
}

}  // namespace stafett::cases::app
