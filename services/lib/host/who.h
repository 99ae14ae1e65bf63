// Who acts, in the words of the field: a caller found in the controllers' files. Made once per call at the rim;
// the domain decides on it and never sees a token.
#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/gate/envelope.h"
#include "lib/policy/policy.h"
#include "lib/rpc/caller.h"
#include "lib/tenants/tenants.h"

namespace stafett::host {

struct Who {
  std::string recipient;   // "r-…": the service that the calling organisation is; empty for our own services
  std::string controller;  // "c-…"
  policy::Agency agency = policy::Agency::kUnknown;
  std::string organisation;
  std::string person;  // "p-…"; empty for a bare machine token
  std::string role;
  std::string unit;
  std::string purpose;
  bool guardian = false;
  bool internal = false;
  gate::Actor actor;

  bool Leads() const { return !guardian && (role == "HEAD" || role == "LEADER"); }
};

// kPermissionDenied/UNKNOWN_ORGANISATION, and for staff /NOT_EMPLOYED when the attested unit is not one of the
// organisation's or the person does not work there with that role.
Result<Who> Identify(const rpc::Caller& caller, const tenants::Tenants& tenants);

// The one answer to everybody who may not: the same whether the thing exists or not (AIP-211, promise P1).
tl::unexpected<Error> NotAllowed();

}  // namespace stafett::host
