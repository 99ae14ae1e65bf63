#include "cases/app/operations.h"

namespace stafett::cases::app {

Result<gate::Committed> WriteNote(App& app, const OnCase& on, std::vector<domain::Section> sections) {
  return ChangeCase(app, on, [&](const domain::Child& child, const domain::Change& change) {
    return domain::WriteNote(child, change, sections);
  });
}

}  // namespace stafett::cases::app
