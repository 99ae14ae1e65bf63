#include "consent/app/operations.h"

namespace stafett::consent::app {

Result<std::vector<domain::PreviewLine>> Preview(App& app, const host::Who& who, const std::string& child,
                                                 const std::string& purpose, const std::vector<domain::Scope>& scopes,
                                                 Deadline deadline) {
  if (who.guardian) return Fail(Code::kPermissionDenied, "STAFF_ONLY", "a consent is prepared by staff of a service");
  if (purpose != domain::kFollowUp) return Invalid("purpose", "purpose: must be follow-up");
  STAFETT_CHECK_OK(CheckKnown(app, scopes));
  STAFETT_CHECK_OK(domain::CheckScopes(scopes));
  STAFETT_TRY(auto id, app.references.ToChild(ViewerOf(who), child));
  STAFETT_TRY(auto view, app.store.Load(id, deadline));
  if (!view.child.registered) return domain::NotAllowed();
  std::vector<domain::PreviewScope> asked;
  for (const auto& s : scopes) {
    asked.push_back({{s.recipient, app.tenants.FindRecipient(s.recipient)->agency}, s.categories});
  }
  STAFETT_TRY(auto rules, app.rules());
  return domain::Preview(rules->rules, {who.recipient, who.agency}, purpose, asked, view.now);
}

}  // namespace stafett::consent::app
