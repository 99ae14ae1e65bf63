#include "consent/app/operations.h"

namespace stafett::consent::app {

Result<std::vector<Reading>> ListConsents(App& app, const host::Who& who, const std::string& child, Deadline deadline) {
  STAFETT_TRY(auto id, app.references.ToChild(ViewerOf(who), child));
  STAFETT_TRY(auto view, app.store.Load(id, deadline));
  std::vector<Reading> out;
  for (const auto& [consent_id, c] : view.child.consents) {
    if (auto shown = domain::Show(c, ToPerson(who))) out.push_back({c, std::move(*shown), id, view.now});
  }
  return out;
}

}  // namespace stafett::consent::app
