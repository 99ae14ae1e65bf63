#include "escalation/app/operations.h"

namespace stafett::escalation::app {

Result<Reading> ReadEscalation(App& app, const host::Who& who, const std::string& escalation_id, Deadline deadline) {
  STAFETT_TRY(auto child, app.store.ChildOf(escalation_id, deadline));
  STAFETT_TRY(auto state, app.store.Load(child, deadline));
  const auto person = ToPerson(who);
  const auto* x = state.Find(escalation_id);
  if (x == nullptr || !domain::MayKnow(*x, person)) return domain::NotAllowed();
  return Reading{*x, domain::MaySee(*x, person)};
}

}  // namespace stafett::escalation::app
