#include "escalation/app/operations.h"

namespace stafett::escalation::app {

domain::Person ToPerson(const host::Who& who) {
  if (who.guardian) return {};
  return {who.person, who.recipient, who.Leads()};
}

Result<gate::Committed> ChangeEscalation(App& app, const OnEscalation& on, const EscalationStore::Decide& decide) {
  STAFETT_TRY(auto child, app.store.ChildOf(on.escalation_id, on.deadline));
  return app.store.Change(on.command, child, on.deadline, decide);
}

}  // namespace stafett::escalation::app
