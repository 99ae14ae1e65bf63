#include "consent/app/operations.h"

namespace stafett::consent::app {

Result<gate::Committed> Refuse(App& app, const OnConsent& on, const Word& word) {
  return ChangeConsent(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::Refuse(child, change, word.consenter, word.recipients, word.evidence);
  });
}

}  // namespace stafett::consent::app
