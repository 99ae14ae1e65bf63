#include "lib/gate/barrier.h"

#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

RedisFacts SafeRedis() {
  return {{{"appendonly", "yes"},
           {"appendfsync", "always"},
           {"no-appendfsync-on-rewrite", "no"},
           {"maxmemory-policy", "noeviction"},
           {"auto-aof-rewrite-percentage", "100"}},
          "master"};
}

kafka::TopicDescription SafeLog() {
  return {kPartitions,
          1,
          {{"unclean.leader.election.enable", "false"},
           {"cleanup.policy", "delete"},
           {"retention.ms", "-1"},
           {"retention.bytes", "-1"},
           {"message.timestamp.type", "LogAppendTime"},
           {"flush.messages", "1"},
           {"min.insync.replicas", "1"}}};
}

kafka::TopicDescription SafeCompacted() {
  auto t = SafeLog();
  t.settings["cleanup.policy"] = "compact";
  t.settings["retention.ms"] = "604800000";
  return t;
}

TEST(BarrierTest, Safe_stores_pass) {
  EXPECT_THAT(UnsafeRedis(SafeRedis()), IsEmpty());
  EXPECT_THAT(UnsafeTopic("log", SafeLog(), TopicKind::kLog, kPartitions), IsEmpty());
  EXPECT_THAT(UnsafeTopic("keys", SafeCompacted(), TopicKind::kCompacted, kPartitions), IsEmpty());
}

TEST(BarrierTest, Each_unsafe_setting_of_redis_is_named) {
  for (const auto& [setting, value] : std::map<std::string, std::string>{{"appendonly", "no"},
                                                                         {"appendfsync", "everysec"},
                                                                         {"no-appendfsync-on-rewrite", "yes"},
                                                                         {"maxmemory-policy", "allkeys-lru"},
                                                                         {"auto-aof-rewrite-percentage", "0"}}) {
    auto facts = SafeRedis();
    facts.config[setting] = value;
    EXPECT_THAT(UnsafeRedis(facts), ElementsAre(AllOf(HasSubstr(setting), HasSubstr(value)))) << setting;
    facts.config.erase(setting);
    EXPECT_THAT(UnsafeRedis(facts), ElementsAre(HasSubstr(setting))) << setting;
  }
  auto replica = SafeRedis();
  replica.role = "slave";
  EXPECT_THAT(UnsafeRedis(replica), ElementsAre(HasSubstr("role")));
}

TEST(BarrierTest, Each_unsafe_setting_of_a_topic_is_named) {
  for (const auto& [setting, value] : std::map<std::string, std::string>{{"unclean.leader.election.enable", "true"},
                                                                         {"cleanup.policy", "compact"},
                                                                         {"retention.ms", "604800000"},
                                                                         {"retention.bytes", "1000"},
                                                                         {"message.timestamp.type", "CreateTime"}}) {
    auto topic = SafeLog();
    topic.settings[setting] = value;
    EXPECT_THAT(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions),
                ElementsAre(AllOf(HasSubstr("log"), HasSubstr(setting))));
    topic.settings.erase(setting);
    EXPECT_THAT(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions), ElementsAre(HasSubstr(setting)));
  }
  auto keys = SafeCompacted();
  keys.settings["cleanup.policy"] = "delete";
  EXPECT_THAT(UnsafeTopic("keys", keys, TopicKind::kCompacted, kPartitions), ElementsAre(HasSubstr("cleanup.policy")));
  keys.settings["cleanup.policy"] = "compact,delete";
  EXPECT_THAT(UnsafeTopic("keys", keys, TopicKind::kCompacted, kPartitions), ElementsAre(HasSubstr("cleanup.policy")));
}

TEST(BarrierTest, Another_number_of_partitions_is_refused) {
  auto topic = SafeLog();
  ++topic.partitions;
  EXPECT_THAT(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions), ElementsAre(HasSubstr("partitions")));
}

TEST(BarrierTest, A_topic_is_flushed_or_replicated) {
  auto topic = SafeLog();
  topic.settings["flush.messages"] = "9223372036854775807";
  EXPECT_THAT(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions), ElementsAre(HasSubstr("flush.messages")));
  topic.replication = 3;
  EXPECT_EQ(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions).size(), 1U);
  topic.settings["min.insync.replicas"] = "2";
  EXPECT_THAT(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions), IsEmpty());
  topic.replication = 2;
  EXPECT_EQ(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions).size(), 1U);
}

TEST(BarrierTest, A_topic_wants_no_more_replicas_in_sync_than_it_has) {
  auto topic = SafeLog();
  topic.settings["min.insync.replicas"] = "2";
  EXPECT_THAT(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions),
              ElementsAre(AllOf(HasSubstr("log"), HasSubstr("min.insync.replicas"), HasSubstr("'2'"))));
  topic.replication = 2;
  EXPECT_THAT(UnsafeTopic("log", topic, TopicKind::kLog, kPartitions), IsEmpty());
}

}  // namespace
}  // namespace stafett::gate::test
