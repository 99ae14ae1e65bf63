#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {

// P3: nothing counts as received but this, under the recipient's own credentials, with the content's digest.
Result<domain::DeliveryState> ConfirmStored(App& app, const host::Who& who, const gate::Command& command,
                                            Deadline deadline, const std::string& delivery_id,
                                            const std::string& record_ref, const std::string& digest) {
  STAFETT_TRY(auto child, app.ledger.ChildOfDelivery(delivery_id, deadline));
  auto state = domain::DeliveryState::kStored;
  auto done = app.ledger.Change(
      command, child, deadline,
      [&](const Case& c) -> Result<std::optional<domain::LedgerEvent>> {
        const auto* d = c.view->ToldOf(delivery_id, who.recipient);
        if (d == nullptr) return host::NotAllowed();
        state = d->state;
        if (d->kind == domain::DeliveryKind::kRetraction) {
          // There is nothing to fetch; storing the retraction itself is what is confirmed.
          if (!d->record_ref.empty()) return std::optional<domain::LedgerEvent>();
        } else {
          if (d->digest.empty()) {
            return Fail(Code::kFailedPrecondition, "NOT_FETCHED",
                        "fetch the content before confirming that it is stored");
          }
          if (d->digest != digest) {
            return Fail(Code::kFailedPrecondition, "DIGEST_MISMATCH",
                        "the digest is not that of the content that was fetched last");
          }
          if (!d->record_ref.empty()) {
            if (d->record_ref == record_ref) return std::optional<domain::LedgerEvent>();
            return Fail(Code::kFailedPrecondition, "STORED_ELSEWHERE", "confirmed before with another record_ref");
          }
        }
        state = domain::DeliveryState::kStored;
        return std::optional<domain::LedgerEvent>(
            domain::StoredConfirmed{delivery_id, who.recipient, record_ref, digest});
      },
      nullptr);
  if (!done) return tl::unexpected(std::move(done).error());
  return state;
}

}  // namespace stafett::disclosure::app
