#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> AcceptContribution(App& app, const OnCase& on, const std::string& contribution) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::AcceptContribution(child, change, contribution);
  });
}

}  // namespace stafett::cases::app
