#include "disclosure/domain/reconcile.h"

#include <algorithm>
#include <tuple>

namespace stafett::disclosure::domain {

std::vector<Reconciled> Reconcile(const View& view, const Asked& asked, Time now) {
  std::vector<Reconciled> out;
  for (const auto& [id, d] : view.deliveries) {
    if (d.recipient != asked.recipient || d.at < asked.from || !(d.at < asked.to)) continue;
    if (d.untold && !asked.withheld) continue;
    Reconciled row{d, std::nullopt, false};
    row.ended = d.state == DeliveryState::kWithdrawn || !GroundHolds(view, d, now);
    if (!row.ended) row.missing = NextDue(d, asked.tells);
    out.push_back(std::move(row));
  }
  auto place = [](const Reconciled& r) { return std::tie(r.delivery.at, r.delivery.sequence, r.delivery.id); };
  std::sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return out;
}

}  // namespace stafett::disclosure::domain
