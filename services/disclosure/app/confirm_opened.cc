#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {

Result<domain::DeliveryState> ConfirmOpened(App& app, const host::Who& who, const gate::Command& command,
                                            Deadline deadline, const std::string& delivery_id) {
  STAFETT_TRY(auto child, app.ledger.ChildOfDelivery(delivery_id, deadline));
  auto done = app.ledger.Change(
      command, child, deadline,
      [&](const Case& c) -> Result<std::optional<domain::LedgerEvent>> {
        const auto* d = c.view->ToldOf(delivery_id, who.recipient);
        if (d == nullptr || who.guardian) return host::NotAllowed();
        if (d->state == domain::DeliveryState::kOpened) return std::optional<domain::LedgerEvent>();
        if (d->record_ref.empty()) {
          return Fail(Code::kFailedPrecondition, "NOT_STORED", "confirm that it is stored before that it was opened");
        }
        return std::optional<domain::LedgerEvent>(domain::OpenedConfirmed{delivery_id, who.recipient, who.role});
      },
      nullptr);
  if (!done) return tl::unexpected(std::move(done).error());
  return domain::DeliveryState::kOpened;
}

}  // namespace stafett::disclosure::app
