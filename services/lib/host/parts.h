// What a service is made of, apart from being called: its files, keys, metrics, and the gate over whatever stores and
// logs it is given. All that adapters need: in a process they are of a Host, in tests/simulation of nobody.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/service.h"
#include "lib/gate/gate.h"
#include "lib/host/keyring.h"
#include "lib/seal/seal.h"
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

// What lies outside.
struct Rim {
  gate::Store& store;
  gate::MakePublisher relayed;  // the relay's
  gate::MakePublisher probing;  // for a record or two, to see whether a topic takes them
  gate::MakeReader reader;
  std::optional<seal::Secret> kek;                                 // of a service that follows keys
  std::function<Result<std::vector<std::string>>()> check_stores;  // none: they are as they have to be
};

class Parts {
 public:
  Parts(config::Service config, tenants::Tenants tenants);
  ~Parts();
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  // Once, before anything else is asked for; nothing of it runs yet. The gate says how it stands to health().
  void Assemble(Follows follows, Rim rim);

  const config::Service& config() const { return config_; }
  const tenants::Tenants& tenants() const { return tenants_; }
  gate::Gate& gate() { return *gate_; }
  KeyRing& keys() { return *keys_; }  // of a service that follows keys
  telemetry::Metrics& metrics() { return metrics_; }
  telemetry::Health& health() { return health_; }
  const gate::MakePublisher& probing() const { return probing_; }

  // Topics by the name of their mark.
  static std::map<std::string, std::string> Followed(const config::Service& config, Follows follows);

 private:
  config::Service config_;
  telemetry::Metrics metrics_;
  telemetry::Health health_;
  tenants::Tenants tenants_;
  gate::MakePublisher probing_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<gate::Gate> gate_;
};

}  // namespace stafett::host
