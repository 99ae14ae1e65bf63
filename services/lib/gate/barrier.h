// Refuses unsafe stores by name: a setting that lets an acknowledged write vanish is not a warning (design §3.1).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/kafka/kafka.h"
#include "lib/redis/client.h"

namespace stafett::gate {

// What Redis says of itself: CONFIG GET and INFO replication.
struct RedisFacts {
  std::map<std::string, std::string> config;
  std::string role;
};
Result<RedisFacts> AskRedis(redis::Client& client, Deadline deadline);

// Each line names a setting, its value and the value that it must have. Empty: safe.
std::vector<std::string> UnsafeRedis(const RedisFacts& facts);

enum class TopicKind { kLog, kCompacted };
std::vector<std::string> UnsafeTopic(const std::string& name, const kafka::TopicDescription& topic, TopicKind kind,
                                     int partitions);

}  // namespace stafett::gate
