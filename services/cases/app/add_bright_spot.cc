#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> AddBrightSpot(App& app, const OnCase& on, std::vector<domain::Section> sections) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::AddBrightSpot(child, change, sections);
  });
}

}  // namespace stafett::cases::app
