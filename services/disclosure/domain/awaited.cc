#include "disclosure/domain/awaited.h"

#include <algorithm>

namespace stafett::disclosure::domain {
bool GroundHolds(const View& view, const Delivery& delivery, Time now) {
  const auto& consents = delivery.consents;
  auto withdrawn = [&](const std::string& id) { return IsWithdrawn(view, id, delivery.recipient); };
  if (std::any_of(consents.begin(), consents.end(), withdrawn)) return false;
  const auto ends = GroundEnds(view, delivery);
  return !ends || now < *ends;
}

std::optional<Time> GroundEnds(const View& view, const Delivery& delivery) {
  std::optional<Time> last;
  for (const auto& id : delivery.consents) {
    auto it = view.consents.find(id);
    if (it == view.consents.end()) return std::nullopt;  // what is not known is waited for
    last = std::max(last.value_or(Time{}), it->second.until);
  }
  return last;
}

bool ToBeStored(const View& view, const Delivery& delivery, Time now) {
  const bool told = delivery.state == DeliveryState::kSignalled || delivery.state == DeliveryState::kFetched;
  return told && GroundHolds(view, delivery, now);
}

std::optional<DeliveryState> NextDue(const Delivery& delivery, Tells tells) {
  auto due = [](DeliveryState next, bool told) { return told ? std::optional(next) : std::nullopt; };
  const bool retraction = delivery.kind == DeliveryKind::kRetraction;
  switch (delivery.state) {
    case DeliveryState::kSignalled:
    case DeliveryState::kWithheld:
      return retraction ? due(DeliveryState::kStored, tells.stored) : DeliveryState::kFetched;
    case DeliveryState::kFetched: return due(DeliveryState::kStored, tells.stored);
    case DeliveryState::kStored: return due(DeliveryState::kOpened, tells.opened && !retraction);
    case DeliveryState::kOpened:
    case DeliveryState::kWithdrawn: break;
  }
  return std::nullopt;
}

}  // namespace stafett::disclosure::domain
