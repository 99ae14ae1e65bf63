#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kWithinDays = 42;  // D-63, P6W: a policy default without a source
}

Result<gate::Committed> StartMeasure(App& app, const OnCase& on, const domain::Measure& measure) {
  auto started = measure;
  if (started.responsible.empty()) {
    started.responsible = on.who.person;
    started.responsible_recipient = on.who.recipient;
  } else {
    auto place = app.tenants.FindPerson(started.responsible);
    if (!place) return Invalid("responsible", "responsible: no controller's file has this person");
    started.responsible_recipient = place->recipient->id;
  }
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    auto next = started;
    if (next.start.empty()) next.start = change.today;
    if (next.evaluation_date.empty()) {
      next.evaluation_date = calendar::Format(calendar::AddDays(calendar::Today(change.now), kWithinDays));
    }
    return domain::StartMeasure(child, change, std::move(next));
  });
}

}  // namespace stafett::cases::app
