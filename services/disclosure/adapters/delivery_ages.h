// How old a delivery was when its recipient first fetched it, said that it is stored, that it is opened. Over all
// recipients: one of them alone could be one child (promise P8).
#pragma once

#include "disclosure/domain/view.h"
#include "lib/telemetry/metrics.h"

namespace stafett::disclosure::adapters {

class DeliveryAges {
 public:
  explicit DeliveryAges(telemetry::Metrics& metrics);
  // `before`: the child before the event. Doing a step again is not counted.
  void Note(const domain::View& before, const domain::LedgerEvent& event, Time now);

 private:
  prometheus::Histogram& fetched_;
  prometheus::Histogram& stored_;
  prometheus::Histogram& opened_;
};

}  // namespace stafett::disclosure::adapters
