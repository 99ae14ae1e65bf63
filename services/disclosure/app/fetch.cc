#include "disclosure/app/operations.h"
#include "lib/base/id.h"
#include "lib/seal/seal.h"

namespace stafett::disclosure::app {

Result<FetchedContent> Fetch(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                             const std::string& delivery_id) {
  STAFETT_TRY(auto child, app.ledger.ChildOfDelivery(delivery_id, deadline));
  FetchedContent out;
  std::optional<Reading> reading;
  auto done = app.ledger.Change(
      command, child, deadline,
      [&](const Case& c) -> Result<std::optional<domain::LedgerEvent>> {
        const auto* delivery = c.view->ToldOf(delivery_id, who.recipient);
        if (delivery == nullptr) return host::NotAllowed();
        STAFETT_TRY(auto decision, domain::DecideRead(*c.view, *delivery, c.regime, c.known, c.now));
        const auto& item = c.view->items.at(delivery->item);
        out.delivery = *delivery;
        out.fields = decision.fields;
        out.rule = decision.rule;
        out.case_ref = app.references.CaseFor(who.recipient, delivery->case_id);
        const auto who_it_is = domain::IdentityFrom(*c.view, item, c.regime);
        STAFETT_TRY(auto content, app.contents.Show(who_it_is, item, decision.fields, out.case_ref));
        out.type_url = content.type_url;
        out.value = content.value;
        out.identity = content.identity;
        out.digest = seal::Sha256(content.value);
        out.origin = domain::GiverOf(c.regime, item);
        out.happened = item.happened;
        reading = Reading{NewId("rd"), who.recipient, decision.consents, c.now};
        return std::optional<domain::LedgerEvent>(
            domain::Fetched{delivery_id, who.recipient, decision.fields, out.digest, decision.rule});
      },
      &reading);
  if (!done) return tl::unexpected(std::move(done).error());
  out.child = child;
  out.reading = *reading;
  return out;
}

}  // namespace stafett::disclosure::app
