// The fence as disclosure's AwaitFence, over gRPC.
#pragma once

#include <memory>

#include "consent/app/ports.h"
#include "lib/config/service.h"
#include "lib/rpc/client_token.h"
#include "lib/telemetry/metrics.h"
#include "stafett/disclosure/v1/disclosure_service.grpc.pb.h"

namespace stafett::consent::adapters {

// Thread-safe. A call in progress needs nothing of this object but the metrics.
class DisclosureFence final : public app::Fence {
 public:
  // Throws std::runtime_error if the configuration lacks peers.disclosure or service_token.
  DisclosureFence(const config::Service& config, telemetry::Metrics& metrics);
  void Await(const app::Withdrawal& withdrawal, Deadline deadline, std::function<void(const Answer&)> done) override;

 private:
  struct Counters {
    explicit Counters(telemetry::Metrics& metrics);
    prometheus::Counter& passed;
    prometheus::Counter& late;
    prometheus::Counter& failed;
    prometheus::Histogram& seconds;
  };
  Counters counters_;
  rpc::ClientToken token_;
  std::unique_ptr<disclosure::v1::Disclosure::Stub> stub_;
};

}  // namespace stafett::consent::adapters
