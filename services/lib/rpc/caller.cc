#include "lib/rpc/caller.h"

namespace stafett::rpc {

Status RequireScope(const Caller& caller, std::string_view scope) {
  if (caller.HasScope(scope)) return {};
  auto refused = Fail(Code::kPermissionDenied, "SCOPE_MISSING", "the token lacks a scope");
  refused.value().metadata["scope"] = std::string(scope);
  return refused;
}

Status RequirePerson(const Caller& caller) {
  if (caller.person) return {};
  return Fail(Code::kUnauthenticated, "ATTESTATION_REQUIRED",
              "this call is made for a person: send stafett-attestation");
}

Status RequireInternal(const Caller& caller) {
  if (caller.internal) return {};
  return Fail(Code::kPermissionDenied, "INTERNAL_ONLY", "only Stafett's own services may call this");
}

}  // namespace stafett::rpc
