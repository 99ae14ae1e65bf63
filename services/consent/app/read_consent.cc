#include "consent/app/operations.h"

namespace stafett::consent::app {

Result<Reading> ReadConsent(App& app, const host::Who& who, const std::string& consent_id, Deadline deadline) {
  STAFETT_TRY(auto child, app.store.ChildOfConsent(consent_id, deadline));
  STAFETT_TRY(auto view, app.store.Load(child, deadline));
  const auto* c = view.child.Find(consent_id);
  if (c == nullptr) return domain::NotAllowed();
  auto shown = domain::Show(*c, ToPerson(who));
  if (!shown) return domain::NotAllowed();
  return Reading{*c, std::move(*shown), child, view.now};
}

}  // namespace stafett::consent::app
