#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> EndGoal(App& app, const OnCase& on, const std::string& goal, bool reached,
                                const std::string& reason) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::EndGoal(child, change, goal, reached, reason);
  });
}

}  // namespace stafett::cases::app
