#include "notifications/app/operations.h"

namespace stafett::notifications::app {

texts::Texts::Wanted Words() {
  return {{"mail.subject", {}},
          {"mail.body", {"count", "date", "link"}},
          {"inbox.raised", {"date"}},
          {"inbox.passed-on", {"date"}},
          {"inbox.resolved", {"date"}}};
}

std::string LanguageOf(const tenants::Tenants& tenants, const std::string& person) {
  auto place = tenants.FindPerson(person);
  return place ? place->person->language : "nb";
}

Result<std::string> LineOf(const App& app, const domain::Message& message) {
  const char* key = message.tells == domain::Tells::kRaised     ? "inbox.raised"
                    : message.tells == domain::Tells::kPassedOn ? "inbox.passed-on"
                                                                : "inbox.resolved";
  return app.texts.Format(LanguageOf(app.tenants, message.person), key, {{"date", message.queued}});
}

}  // namespace stafett::notifications::app
