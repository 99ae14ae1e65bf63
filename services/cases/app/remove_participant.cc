#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> RemoveParticipant(App& app, const OnCase& on, const std::string& recipient) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::RemoveParticipant(child, change, recipient);
  });
}

}  // namespace stafett::cases::app
