#include "disclosure/adapters/delivery_ages.h"

#include <string>
#include <type_traits>
#include <variant>

namespace stafett::disclosure::adapters {
namespace {

using domain::DeliveryState;

prometheus::Histogram& Of(telemetry::Metrics& metrics, const char* step) {
  // From a machine's moment to the week that a signal is kept.
  constexpr double kMinute = 60;
  constexpr double kHour = 60 * kMinute;
  constexpr double kDay = 24 * kHour;
  return metrics.Histogram(
      "stafett_delivery_age_seconds", "Age of deliveries when a recipient took this step with them for the first time.",
      {0.1, 0.5, 1, 5, 15, kMinute, 5 * kMinute, 15 * kMinute, kHour, 4 * kHour, kDay, 3 * kDay, 7 * kDay},
      {{"step", step}});
}

// Whether the step was taken already.
bool Taken(const domain::Delivery& d, const domain::Fetched&) { return !d.digest.empty(); }
bool Taken(const domain::Delivery& d, const domain::StoredConfirmed&) { return !d.record_ref.empty(); }
bool Taken(const domain::Delivery& d, const domain::OpenedConfirmed&) { return d.state == DeliveryState::kOpened; }

}  // namespace

DeliveryAges::DeliveryAges(telemetry::Metrics& metrics)
    : fetched_(Of(metrics, "fetched")), stored_(Of(metrics, "stored")), opened_(Of(metrics, "opened")) {}

void DeliveryAges::Note(const domain::View& before, const domain::LedgerEvent& event, Time now) {
  std::visit(
      [&](const auto& e) {
        using Event = std::decay_t<decltype(e)>;
        if constexpr (!std::is_same_v<Event, domain::Decided> && !std::is_same_v<Event, domain::SignalWithheld>) {
          const auto* delivery = before.FindDelivery(e.delivery_id);
          if (delivery == nullptr || Taken(*delivery, e)) return;
          constexpr bool kFetched = std::is_same_v<Event, domain::Fetched>;
          constexpr bool kStored = std::is_same_v<Event, domain::StoredConfirmed>;
          auto& ages = kFetched ? fetched_ : kStored ? stored_ : opened_;
          ages.Observe(static_cast<double>(now.ms - delivery->at.ms) / 1000);
        }
      },
      event);
}

}  // namespace stafett::disclosure::adapters
