// What every handler of a process shares. Built once in main, outlives the server.
#pragma once

#include "lib/base/executor.h"
#include "lib/base/time.h"
#include "lib/rpc/authenticate.h"
#include "lib/telemetry/metrics.h"

namespace stafett::rpc {

struct Runtime {
  Executor& executor;
  const Authenticator& authenticator;
  telemetry::Metrics& metrics;
  Millis no_deadline{5'000};   // a caller without a deadline gets this one (design §3, 5)
  Millis longest{30'000};      // nobody waits longer, whatever the caller says
  Millis least_to_begin{100};  // with less left nothing is begun: TOO_LATE
};

}  // namespace stafett::rpc
