// One process of Stafett, put together: configuration, stores, gate, keys, callers, server. Every main.cc is this
// with its own service in the middle. Run starts admin, gRPC, gate; it stops gRPC, use cases, gate.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/executor.h"
#include "lib/base/heartbeat.h"
#include "lib/config/service.h"
#include "lib/gate/gate.h"
#include "lib/gate/redis_store.h"
#include "lib/host/connect.h"
#include "lib/host/keyring.h"
#include "lib/rpc/authenticate.h"
#include "lib/rpc/runtime.h"
#include "lib/rpc/server.h"
#include "lib/rpc/stop_signal.h"
#include "lib/rpc/tokens.h"
#include "lib/telemetry/health.h"
#include "lib/telemetry/metrics.h"
#include "lib/tenants/tenants.h"

namespace stafett::host {

// Which topics a service follows besides the log.
struct Follows {
  bool keys = false;      // data keys of children: without, nothing can be sealed or opened here
  bool identity = false;  // cases only
  bool ledger = false;    // disclosure only
};

class Host {
 public:
  // Throws std::runtime_error with a sentence for the operator when something that must be there is not.
  Host(const config::Service& config, Follows follows);
  ~Host();

  const config::Service& config() const { return config_; }
  const tenants::Tenants& tenants() const { return tenants_; }
  gate::Gate& gate() { return *gate_; }
  KeyRing& keys() { return *keys_; }  // of a service that follows keys
  rpc::Runtime& runtime() { return *runtime_; }
  telemetry::Metrics& metrics() { return metrics_; }
  telemetry::Health& health() { return health_; }
  kafka::Connection kafka() const;

  // Serves these, and to operators what is set aside, until SIGTERM or SIGINT, then drains. 0, or 1 with a log line if
  // a port could not be had.
  int Run(const std::vector<rpc::NamedService>& services);
  // Called first when it stops, before calls in progress are waited for: for those that would not end by themselves.
  void BeforeDrain(std::function<void()> drain) { before_drain_.push_back(std::move(drain)); }
  // Called when no more calls are taken and before the gate stops: for loops that have to write down what they did.
  void BeforeStop(std::function<void()> stop) { before_stop_.push_back(std::move(stop)); }

 private:
  void Observe();

  config::Service config_;
  rpc::StopSignal stop_;  // before any thread
  telemetry::Metrics metrics_;
  telemetry::Health health_;
  tenants::Tenants tenants_;
  std::unique_ptr<gate::RedisStore> store_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<gate::Gate> gate_;
  std::unique_ptr<rpc::TokenVerifier> tokens_;
  std::unique_ptr<rpc::Authenticator> authenticator_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<rpc::Runtime> runtime_;
  std::vector<telemetry::Observation> observations_;
  std::vector<std::function<void()>> before_drain_, before_stop_;
};

// Reads a secret file or throws with its name and what to do.
seal::Secret RequireSecret(const std::optional<std::string>& path, const char* key);

}  // namespace stafett::host
