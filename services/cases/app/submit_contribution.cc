#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kWithinWorkingDays = 5;  // as an offered baton's (D-64): a policy default without a source
}

Result<gate::Committed> SubmitContribution(App& app, const OnCase& on, std::vector<domain::Section> sections) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    auto answer_by = calendar::Format(calendar::AddWorkingDays(calendar::Today(change.now), kWithinWorkingDays));
    return domain::SubmitContribution(child, change, sections, answer_by);
  });
}

}  // namespace stafett::cases::app
