#include "consent/app/operations.h"

namespace stafett::consent::app {

Result<WithdrawalReading> ReadWithdrawal(App& app, const host::Who& who, const std::string& request_id,
                                         Deadline deadline) {
  STAFETT_TRY(auto committed, app.store.Remembered(who.organisation, request_id, deadline));
  STAFETT_TRY(auto withdrawal, app.store.WithdrawalOf(committed, deadline));
  auto reading = ReadConsent(app, who, withdrawal.consent_id, deadline);
  if (!reading) {
    // Somebody else's of the same organisation: to this caller there is none (P1).
    if (reading.error().code == Code::kPermissionDenied) return gate::UnknownRequest();
    return tl::unexpected(std::move(reading).error());
  }
  return WithdrawalReading{std::move(committed), *std::move(reading)};
}

}  // namespace stafett::consent::app
