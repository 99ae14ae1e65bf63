// Who calls, after every token verified: an organisation's system, perhaps for a person, or one of
// our own services. Handlers get it from Call::caller(); nothing else tells them who calls.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::rpc {

inline constexpr std::string_view kGuardianRole = "GUARDIAN";
inline constexpr std::string_view kInternalScope = "stafett:internal";

// For whom the call is made, from a signed attestation.
struct Person {
  std::string id;            // opaque, never a national number
  std::string role;          // "GUARDIAN" for parents, else a role of a controller's file
  std::string unit;          // empty for guardians
  std::string organisation;  // the caller's organisation number; empty for guardians
  std::string purpose;
  std::string loa;  // "idporten-loa-high"
  Time issued_at;
  bool IsGuardian() const { return role == kGuardianRole; }
};

struct Caller {
  std::string organisation;  // consumer organisation number, "974760673"; empty for internal services
  std::set<std::string, std::less<>> scopes;
  std::string client_id;
  std::string supplier;  // organisation number of a supplier that acts for it; empty: none
  std::optional<Person> person;
  bool internal = false;  // one of our own services
  Time expires_at;        // when the first of its tokens runs out
  bool HasScope(std::string_view scope) const { return scopes.contains(scope); }
};

// kPermissionDenied/SCOPE_MISSING; the scope's name is in the metadata.
Status RequireScope(const Caller& caller, std::string_view scope);
// kUnauthenticated/ATTESTATION_REQUIRED.
Status RequirePerson(const Caller& caller);
// kPermissionDenied/INTERNAL_ONLY.
Status RequireInternal(const Caller& caller);

}  // namespace stafett::rpc
