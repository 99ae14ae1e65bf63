#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<std::string> CaseOfPart(App& app, const host::Who& who, const std::string& part, Deadline deadline) {
  STAFETT_TRY(auto child, app.store.ChildOfCase(part, deadline));
  STAFETT_TRY(auto view, app.store.Load(child, deadline));
  const auto* c = view.child.CaseWith(part);
  if (c == nullptr || !domain::MayKnowPart(view.child, *c, part, ToPerson(who), view.now)) return domain::NotAllowed();
  return c->id;
}

}  // namespace stafett::cases::app
