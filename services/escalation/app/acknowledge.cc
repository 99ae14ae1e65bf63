#include "escalation/app/operations.h"

namespace stafett::escalation::app {

Result<gate::Committed> Acknowledge(App& app, const OnEscalation& on) {
  return ChangeEscalation(app, on, [&](const domain::State& state) {
    return domain::Acknowledge(state, ToPerson(on.who), on.escalation_id);
  });
}

}  // namespace stafett::escalation::app
