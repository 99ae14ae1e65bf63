#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<std::string> CaseOfMeasure(App& app, const std::string& measure, Deadline deadline) {
  STAFETT_TRY(auto child, app.store.ChildOfCase(measure, deadline));
  STAFETT_TRY(auto view, app.store.Load(child, deadline));
  const auto* c = view.child.CaseWithMeasure(measure);
  if (c == nullptr) return domain::NotAllowed();
  return c->id;
}

}  // namespace stafett::cases::app
