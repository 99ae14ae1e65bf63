#include "lib/host/who.h"

namespace stafett::host {

tl::unexpected<Error> NotAllowed() {
  return Fail(Code::kPermissionDenied, "NOT_ALLOWED", "permission denied on this resource (or it might not exist)");
}

Result<Who> Identify(const rpc::Caller& caller, const tenants::Tenants& tenants) {
  Who who;
  who.internal = caller.internal;
  who.organisation = caller.organisation;
  who.actor.organisation = caller.organisation;
  who.actor.supplier = caller.supplier;
  who.actor.client = caller.client_id;
  if (caller.internal) return who;
  const auto* recipient = tenants.RecipientOfOrganisation(caller.organisation);
  if (recipient == nullptr) {
    return Fail(Code::kPermissionDenied, "UNKNOWN_ORGANISATION",
                "the calling organisation is not in any controller's file");
  }
  who.recipient = recipient->id;
  who.controller = recipient->controller;
  who.agency = recipient->agency;
  if (!caller.person) return who;
  const auto& person = *caller.person;
  who.guardian = person.IsGuardian();
  if (!who.guardian) {
    auto place = tenants.FindPerson(person.id);
    if (!place || place->recipient->id != recipient->id || place->unit->id != person.unit ||
        place->person->role != person.role) {
      return Fail(Code::kPermissionDenied, "NOT_EMPLOYED",
                  "the controller's file does not have this person in this unit and role");
    }
  }
  who.person = person.id;
  who.role = person.role;
  who.unit = person.unit;
  who.purpose = person.purpose;
  who.actor.person = person.id;
  who.actor.role = person.role;
  who.actor.unit = person.unit;
  return who;
}

}  // namespace stafett::host
