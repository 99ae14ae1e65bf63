#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<Reading> ReadCase(App& app, const host::Who& who, const std::string& case_id, Deadline deadline) {
  STAFETT_TRY(auto child, app.store.ChildOfCase(case_id, deadline));
  STAFETT_TRY(auto view, app.store.Load(child, deadline));
  const auto* c = view.child.Find(case_id);
  if (c == nullptr || !domain::MayRead(*c, ToPerson(who))) return domain::NotAllowed();
  return Reading{*c, child};
}

}  // namespace stafett::cases::app
