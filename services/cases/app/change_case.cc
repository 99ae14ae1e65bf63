#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

domain::Person ToPerson(const host::Who& who) {
  return {who.person, who.role, who.unit, who.recipient, who.Leads(), who.guardian};
}

std::string NameOf(const gate::Command& command) { return command.request_scope + "/" + command.request_id; }

Result<gate::Committed> ChangeCase(App& app, const OnCase& on, const DecideOnCase& decide) {
  STAFETT_TRY(auto child, app.store.ChildOfCase(on.case_id, on.deadline));
  return app.store.Change(on.command, child, on.deadline, [&](const domain::Child& state, Time now) {
    domain::Change change{ToPerson(on.who),  on.case_id, on.etag, calendar::Format(calendar::Today(now)), now,
                          NameOf(on.command)};
    return decide(state, change);
  });
}

}  // namespace stafett::cases::app
