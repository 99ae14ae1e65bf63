#include "consent/app/operations.h"

namespace stafett::consent::app {

domain::Person ToPerson(const host::Who& who) { return {who.person, who.recipient, who.guardian}; }

std::string ViewerOf(const host::Who& who) { return who.guardian ? "me/" + who.person : who.recipient; }

Result<gate::Committed> ChangeConsent(App& app, const OnConsent& on, const DecideOnConsent& decide) {
  STAFETT_TRY(auto child, app.store.ChildOfConsent(on.consent_id, on.deadline));
  return app.store.Change(on.command, child, on.deadline, [&](const domain::Child& state, Time now) {
    domain::Change change{ToPerson(on.who), on.consent_id, on.etag, now};
    return decide(state, change);
  });
}

}  // namespace stafett::consent::app
