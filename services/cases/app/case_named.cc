#include "cases/app/operations.h"

namespace stafett::cases::app {

namespace {
constexpr char kPseudonym[] = "k-";
}

Result<std::string> CaseNamed(App& app, const host::Who& who, const std::string& name) {
  if (!name.starts_with(kPseudonym)) return name;
  return app.references.ToCase(who.recipient, name);
}

}  // namespace stafett::cases::app
