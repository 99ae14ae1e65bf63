#include "escalation/app/operations.h"

namespace stafett::escalation::app {

Result<gate::Committed> TakeOver(App& app, const OnEscalation& on) {
  return ChangeEscalation(app, on, [&](const domain::State& state) {
    return domain::TakeOver(state, ToPerson(on.who), on.escalation_id, app.plan);
  });
}

}  // namespace stafett::escalation::app
