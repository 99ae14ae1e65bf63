// A process' connections, by its configuration.
#pragma once

#include "lib/config/service.h"
#include "lib/kafka/kafka.h"
#include "lib/redis/client.h"
#include "lib/telemetry/health.h"

namespace stafett::host {

redis::Options RedisOptions(const config::Service& config);
kafka::Connection KafkaConnection(const config::Service& config);

// How long a loop may take for one round. The longest that is planned is the barrier's look at the stores, 2 s for
// Redis and 5 s for each of three topics; all else takes 3 s at most between two beats.
inline constexpr Millis kLoopLimit{30'000};
// Beats that `health` listens to; it must live at least as long as who asks for one.
Beats BeatsOf(telemetry::Health& health);

}  // namespace stafett::host
