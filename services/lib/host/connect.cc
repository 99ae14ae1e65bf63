#include "lib/host/connect.h"

#include <pthread.h>

#include <utility>

namespace stafett::host {
namespace {

// A loop's thread is called like it in top, ps and debuggers: 15 letters are all that the kernel keeps.
void NameThread(const std::string& loop) {
  static thread_local bool named = false;
  if (!std::exchange(named, true)) pthread_setname_np(pthread_self(), loop.substr(0, 15).c_str());
}

}  // namespace

redis::Options RedisOptions(const config::Service& c) {
  redis::Options o;
  o.host = c.redis.host;
  o.port = c.redis.port;
  o.user = c.redis.user;
  o.password = c.redis.password.Reveal();
  o.client_name = c.instance;
  return o;
}

kafka::Connection KafkaConnection(const config::Service& config) {
  kafka::Connection c;
  c.bootstrap = config.kafka.bootstrap;
  c.user = config.kafka.user;
  c.password = config.kafka.password.Reveal();
  c.mechanism = config.kafka.mechanism;
  c.client_id = config.instance;
  return c;
}

Beats BeatsOf(telemetry::Health& health) {
  return [&health](const std::string& loop) -> Beat {
    return [beat = health.AddLoop(loop, kLoopLimit), loop] {
      NameThread(loop);
      beat.Beat();
    };
  };
}

}  // namespace stafett::host
