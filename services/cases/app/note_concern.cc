#include "cases/app/operations.h"
#include "lib/base/id.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kDecideWithinDays = 14;  // D-60, municipal default
}

std::string CaseIdOf(const gate::Command& command, const std::string& child) {
  return DerivedId("ca", command.request_scope + "/" + command.request_id + "/" + child);
}

Result<gate::Committed> NoteConcern(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                                    const std::string& child, const std::string& concern, std::string next_date) {
  STAFETT_TRY(auto id, app.references.ToChild(who.recipient, child));
  auto case_id = CaseIdOf(command, id);
  return app.store.Change(command, id, deadline, [&](const domain::Child& state, Time now) {
    auto today = calendar::Today(now);
    domain::Change change{ToPerson(who), case_id, "", calendar::Format(today), now};
    auto date = next_date.empty() ? calendar::Format(calendar::AddDays(today, kDecideWithinDays)) : next_date;
    return domain::NoteConcern(state, change, concern, date);
  });
}

}  // namespace stafett::cases::app
