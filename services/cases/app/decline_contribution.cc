#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> DeclineContribution(App& app, const OnCase& on, const std::string& contribution,
                                            domain::DeclineReason reason) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::DeclineContribution(child, change, contribution, reason);
  });
}

}  // namespace stafett::cases::app
