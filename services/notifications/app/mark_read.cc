#include "notifications/app/operations.h"

namespace stafett::notifications::app {

Result<gate::Committed> MarkRead(App& app, const host::Who& who, const gate::Command& command,
                                 const std::string& message_id, Deadline deadline) {
  if (who.guardian) return domain::NotAllowed();
  STAFETT_TRY(auto place, app.store.Find(message_id, deadline));
  return app.store.Change(command, place.child, deadline, [&](const domain::Child& child, Time /*now*/) {
    return domain::MarkRead(child, message_id, who.person);
  });
}

}  // namespace stafett::notifications::app
