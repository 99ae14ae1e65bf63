#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> DeclineBaton(App& app, const OnCase& on, const std::string& reason) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::DeclineBaton(child, change, reason);
  });
}

}  // namespace stafett::cases::app
