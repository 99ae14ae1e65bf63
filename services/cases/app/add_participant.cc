#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> AddParticipant(App& app, const OnCase& on, const std::string& recipient) {
  if (app.tenants.FindRecipient(recipient) == nullptr) {
    return Invalid("recipient", "recipient: no controller's file has this service");
  }
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::AddParticipant(child, change, recipient);
  });
}

}  // namespace stafett::cases::app
