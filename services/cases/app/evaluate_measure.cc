#include "cases/app/operations.h"
#include "lib/calendar/calendar.h"

namespace stafett::cases::app {

namespace {
constexpr int kWithinDays = 42;  // D-63, P6W: a policy default without a source
}

Result<gate::Committed> EvaluateMeasure(App& app, const OnCase& on, const std::string& measure,
                                        domain::Evaluation evaluation) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    auto said = evaluation;
    if (said.evaluation_date.empty() && !said.end) {
      said.evaluation_date = calendar::Format(calendar::AddDays(calendar::Today(change.now), kWithinDays));
    }
    return domain::EvaluateMeasure(child, change, measure, std::move(said));
  });
}

}  // namespace stafett::cases::app
