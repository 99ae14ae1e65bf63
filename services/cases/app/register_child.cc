#include "cases/app/operations.h"
#include "cases/domain/national_number.h"

namespace stafett::cases::app {

Result<gate::Committed> RegisterChild(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                                      const std::string& national_number, const std::string& name,
                                      std::vector<domain::Guardian> guardians) {
  if (who.guardian) return Fail(Code::kPermissionDenied, "STAFF_ONLY", "a child is registered by staff of a service");
  auto number = domain::ParseNationalNumber(national_number);
  if (!number) return Invalid("national_number", "national_number: not a valid national number or D-number");
  if (number->synthetic && app.production) {
    return Invalid("national_number", "national_number: synthetic numbers are not accepted in production");
  }
  if (!number->synthetic && !app.production) {
    return Invalid("national_number", "national_number: only synthetic numbers (month + 80) outside production");
  }
  for (const auto& g : guardians) {
    if (g.person.empty()) return Invalid("guardians", "guardians: each needs a person id");
  }
  return app.store.Register(command, national_number, deadline,
                            domain::ChildRegistered{name, number->birth_date, std::move(guardians)});
}

}  // namespace stafett::cases::app
