#include "escalation/app/operations.h"

namespace stafett::escalation::app {

Result<gate::Committed> Resolve(App& app, const OnEscalation& on) {
  return ChangeEscalation(
      app, on, [&](const domain::State& state) { return domain::Resolve(state, ToPerson(on.who), on.escalation_id); });
}

}  // namespace stafett::escalation::app
