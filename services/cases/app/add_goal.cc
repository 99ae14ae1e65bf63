#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> AddGoal(App& app, const OnCase& on, const std::string& goal) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::AddGoal(child, change, goal);
  });
}

}  // namespace stafett::cases::app
