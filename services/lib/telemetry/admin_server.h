// HTTP for operators and kubelets, on its own address, never reachable from outside:
//   /metrics   Prometheus text
//   /livez     200, or 503 with the loops that stand still; and all loops with the time since their last beat
//   /readyz    200, or 503 with the checks that fail, by name and reason
// JSON bodies: {"ready":false,"failing":[{"name":"kafka","reason":"CONNECTING"}]}
#pragma once

#include <memory>
#include <string>

#include "lib/base/error.h"
#include "lib/telemetry/health.h"
#include "lib/telemetry/metrics.h"

namespace stafett::telemetry {

class AdminServer {
 public:
  // `listen` is "host:port", port 0 for any. `metrics` and `health` must outlive the server.
  // kUnavailable/ADMIN_LISTEN if the address cannot be had.
  static Result<std::unique_ptr<AdminServer>> Start(const std::string& listen, const Metrics& metrics,
                                                    const Health& health);
  ~AdminServer();  // waits for requests in progress
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  int port() const;

 private:
  struct State;
  explicit AdminServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stafett::telemetry
