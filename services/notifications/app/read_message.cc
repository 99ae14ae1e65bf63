#include "notifications/app/operations.h"

namespace stafett::notifications::app {

Result<Reading> ReadMessage(App& app, const host::Who& who, const std::string& message_id, Deadline deadline) {
  if (who.guardian) return domain::NotAllowed();
  STAFETT_TRY(auto place, app.store.Find(message_id, deadline));
  STAFETT_TRY(auto view, app.store.Load(place.child, deadline));
  const auto* m = view.child.Find(message_id);
  if (m == nullptr) return domain::NotAllowed();
  std::optional<domain::Workplace> works;
  if (auto reader = app.tenants.FindPerson(m->person)) works = {reader->recipient->id, reader->recipient->controller};
  const domain::Asker asker{who.person, who.recipient, who.controller, who.Leads(), who.role == "DISCLOSURE_OFFICER"};
  const auto sight = domain::SightOf(*m, asker, works);
  if (sight == domain::Sight::kNone) return domain::NotAllowed();
  return Reading{*m, sight};
}

}  // namespace stafett::notifications::app
