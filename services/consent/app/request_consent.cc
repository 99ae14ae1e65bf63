#include "consent/app/operations.h"
#include "lib/base/id.h"
#include "lib/calendar/calendar.h"

namespace stafett::consent::app {

namespace {
constexpr int kMonths = 12;  // R3-05: no statute fixes it
constexpr int kMonthsAtMost = 24;
}  // namespace

std::string ConsentIdOf(const gate::Command& command, const std::string& child) {
  return DerivedId("co", command.request_scope + "/" + command.request_id + "/" + child);
}

Status CheckKnown(const App& app, const std::vector<domain::Scope>& scopes) {
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (app.tenants.FindRecipient(scopes[i].recipient) != nullptr) continue;
    auto path = "scopes[" + std::to_string(i) + "].recipient";
    return Invalid(path, path + ": no controller's file has this service");
  }
  return {};
}

Result<gate::Committed> RequestConsent(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                                       const Asking& asking) {
  STAFETT_CHECK_OK(CheckKnown(app, asking.scopes));
  if (!asking.until.empty() && !calendar::Parse(asking.until)) {
    return Invalid("until", "until: must be a date like 2027-11-22");
  }
  STAFETT_TRY(auto id, app.references.ToChild(ViewerOf(who), asking.child));
  auto consent_id = ConsentIdOf(command, id);
  return app.store.Change(command, id, deadline, [&](const domain::Child& state, Time now) {
    auto today = calendar::Today(now);
    auto until = calendar::Parse(asking.until).value_or(calendar::AddMonths(today, kMonths));
    domain::Term term{calendar::Format(today), calendar::Format(until),
                      calendar::Format(calendar::AddMonths(today, kMonthsAtMost)), calendar::StartOf(until)};
    domain::Change change{ToPerson(who), consent_id, "", now};
    return domain::RequestConsent(state, change,
                                  {asking.purpose, asking.scopes, asking.consenters, std::move(term), asking.language});
  });
}

}  // namespace stafett::consent::app
