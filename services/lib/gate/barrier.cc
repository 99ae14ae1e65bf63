#include "lib/gate/barrier.h"

#include <cstdlib>

namespace stafett::gate {
namespace {

// events.md §2.5, step 1, and design §3.1.
constexpr std::pair<const char*, const char*> kRedisMust[] = {
    {"appendonly", "yes"},
    {"appendfsync", "always"},
    {"no-appendfsync-on-rewrite", "no"},
    {"maxmemory-policy", "noeviction"},
};

// Without it the append-only file grows until the disk is full.
constexpr char kRewrite[] = "auto-aof-rewrite-percentage";

std::string Line(const std::string& where, const std::string& setting, const std::string& is, const std::string& must) {
  return where + " " + setting + " is '" + is + "', must be '" + must + "'";
}

}  // namespace

Result<RedisFacts> AskRedis(redis::Client& client, Deadline deadline) {
  RedisFacts facts;
  std::vector<std::string> settings{kRewrite};
  for (const auto& [setting, must] : kRedisMust) settings.emplace_back(setting);
  for (const auto& setting : settings) {
    STAFETT_TRY(auto reply, client.Call({"CONFIG", "GET", setting}, deadline));
    for (std::size_t i = 0; i + 1 < reply.array.size(); i += 2) {
      facts.config[reply.array[i].string] = reply.array[i + 1].string;
    }
  }
  STAFETT_TRY(auto info, client.Call({"INFO", "replication"}, deadline));
  auto at = info.string.find("role:");
  if (at != std::string::npos) {
    auto end = info.string.find_first_of("\r\n", at);
    facts.role = info.string.substr(at + 5, end - at - 5);
  }
  return facts;
}

std::vector<std::string> UnsafeRedis(const RedisFacts& facts) {
  std::vector<std::string> wrong;
  for (const auto& [setting, must] : kRedisMust) {
    auto it = facts.config.find(setting);
    std::string is = it == facts.config.end() ? "(not told)" : it->second;
    if (is != must) wrong.push_back(Line("redis", setting, is, must));
  }
  auto rewrite = facts.config.find(kRewrite);
  if (rewrite == facts.config.end() || std::atoi(rewrite->second.c_str()) <= 0) {
    wrong.push_back(Line("redis", kRewrite, rewrite == facts.config.end() ? "(not told)" : rewrite->second, "above 0"));
  }
  if (facts.role != "master") wrong.push_back(Line("redis", "role", facts.role, "master"));
  return wrong;
}

std::vector<std::string> UnsafeTopic(const std::string& name, const kafka::TopicDescription& topic, TopicKind kind,
                                     int partitions) {
  std::vector<std::string> wrong;
  auto where = "topic " + name;
  if (topic.partitions != partitions) {
    wrong.push_back(Line(where, "partitions", std::to_string(topic.partitions), std::to_string(partitions)));
  }
  auto must = [&](const std::string& setting, const std::string& value) {
    auto it = topic.settings.find(setting);
    std::string is = it == topic.settings.end() ? "(not told)" : it->second;
    if (is != value) wrong.push_back(Line(where, setting, is, value));
  };
  must("unclean.leader.election.enable", "false");
  if (kind == TopicKind::kLog) {
    must("cleanup.policy", "delete");
    must("retention.ms", "-1");
    must("retention.bytes", "-1");
    must("message.timestamp.type", "LogAppendTime");
  } else {
    must("cleanup.policy", "compact");
  }
  // Durable means: flushed by the one broker, or acknowledged by at least two of three.
  auto setting = [&](const char* key) {
    auto it = topic.settings.find(key);
    return it == topic.settings.end() ? std::string() : it->second;
  };
  bool flushed = setting("flush.messages") == "1";
  const int in_sync = std::atoi(setting("min.insync.replicas").c_str());
  // Kafka would refuse every record.
  if (in_sync > topic.replication) {
    wrong.push_back(Line(where, "min.insync.replicas", setting("min.insync.replicas"),
                         "at most its replicas, " + std::to_string(topic.replication)));
  }
  bool replicated = topic.replication >= 3 && in_sync >= 2;
  if (!flushed && !replicated) {
    wrong.push_back(where +
                    " is neither flushed (flush.messages=1) nor replicated (3 replicas, min.insync.replicas=2)");
  }
  return wrong;
}

}  // namespace stafett::gate
