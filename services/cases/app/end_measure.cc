#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> EndMeasure(App& app, const OnCase& on, const std::string& measure, const std::string& reason) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::EndMeasure(child, change, measure, reason);
  });
}

}  // namespace stafett::cases::app
