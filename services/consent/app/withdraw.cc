#include "consent/app/operations.h"

namespace stafett::consent::app {

Result<gate::Committed> Withdraw(App& app, const OnConsent& on, const std::string& consenter,
                                 const std::vector<std::string>& recipients) {
  return ChangeConsent(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::Withdraw(child, change, consenter, recipients);
  });
}

}  // namespace stafett::consent::app
