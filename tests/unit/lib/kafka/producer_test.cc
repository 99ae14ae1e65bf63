#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "reports.h"
#include "support/mock_kafka.h"

namespace stafett::kafka {
namespace {

using stafett::test::MockKafka;
using test::MessageTo;
using test::Reports;
using test::To;

TEST(KafkaProducer, Reports_offsets_in_order) {
  MockKafka kafka;
  kafka.CreateTopic("log", 6);
  Reports reports;
  auto producer = Producer::Create(To(kafka.bootstrap()));
  ASSERT_TRUE(producer);
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE((*producer)->Send(MessageTo(i % 3, std::to_string(i)), reports.Of(i)));
  }
  (*producer)->Flush(Millis(20'000));
  const auto all = reports.all();
  ASSERT_EQ(all.size(), 300U);  // Flush came back when all were given
  std::map<int, std::int64_t> next;
  for (const auto& [i, delivery] : all) {
    ASSERT_TRUE(delivery.ok) << delivery.error;
    EXPECT_EQ(delivery.offset, next[i % 3]++);
  }
  EXPECT_FALSE((*producer)->Fatal());
}

TEST(KafkaProducer, Its_poller_beats_and_is_not_missed_when_it_has_ended) {
  MockKafka kafka;
  auto beats = std::make_shared<std::atomic<int>>(0);
  Connection connection = To(kafka.bootstrap());
  connection.beats = [&](const std::string&) -> Beat { return [beats] { ++*beats; }; };
  auto producer = Producer::Create(connection);
  ASSERT_TRUE(producer);
  for (const auto end = Deadline::In(Millis(5'000)); *beats < 3 && !end.Passed();) std::this_thread::yield();
  EXPECT_GE(*beats, 3);
  producer->reset();
  EXPECT_EQ(beats.use_count(), 1);
}

TEST(KafkaProducer, Errors_that_pass_lose_nothing_and_keep_order) {
  MockKafka kafka(3);
  kafka.CreateTopic("log", 1);
  kafka.PushErrors(MockKafka::kProduce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                         RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                         RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE});
  Reports reports;
  auto producer = Producer::Create(To(kafka.bootstrap()));
  ASSERT_TRUE(producer);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE((*producer)->Send(MessageTo(0, std::to_string(i)), reports.Of(i)));
    if (i == 100) kafka.MoveLeader("log", 0, 2);
  }
  ASSERT_TRUE(reports.Wait(200));
  auto reader = Reader::Create(To(kafka.bootstrap()), "log");
  ASSERT_TRUE((*reader)->Assign({{0, 0}}));
  std::vector<std::string> values;
  for (const Deadline end = Deadline::In(Millis(10'000)); values.size() < 200 && !end.Passed();) {
    for (Record& r : (*reader)->Poll(1000, Millis(100)).records) values.push_back(r.value);
  }
  ASSERT_EQ(values.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], std::to_string(i));
  for (const auto& [i, delivery] : reports.all()) EXPECT_TRUE(delivery.ok) << delivery.error;
}

TEST(KafkaProducer, Waits_for_a_broker_however_long) {
  MockKafka kafka;
  kafka.CreateTopic("log", 1);
  kafka.Down();
  Reports reports;
  auto producer = Producer::Create(To(kafka.bootstrap()));
  ASSERT_TRUE((*producer)->Send(MessageTo(0, "x"), reports.Of(0)));
  (*producer)->Flush(Millis(300));
  EXPECT_TRUE(reports.all().empty());
  kafka.Up();
  ASSERT_TRUE(reports.Wait(1));
  EXPECT_TRUE(reports.all()[0].second.ok);
}

TEST(KafkaProducer, Permanent_error_of_a_topic_is_told_and_nothing_behind_it_is_sent) {
  MockKafka kafka;
  kafka.CreateTopic("log", 1);
  kafka.PushErrors(MockKafka::kProduce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  Connection connection = To(kafka.bootstrap());
  connection.extra["max.in.flight"] = "1";  // the second waits in the queue for what becomes of the first
  connection.extra["batch.num.messages"] = "1";
  Reports reports;
  auto producer = Producer::Create(connection);
  ASSERT_TRUE((*producer)->Send(MessageTo(0, "x"), reports.Of(0)));
  ASSERT_TRUE((*producer)->Send(MessageTo(0, "y"), reports.Of(1)));
  ASSERT_TRUE(reports.Wait(1));
  const Delivery refused = reports.all()[0].second;
  EXPECT_FALSE(refused.ok);
  EXPECT_TRUE(refused.permanent);
  EXPECT_EQ(refused.error, "TOPIC_AUTHORIZATION_FAILED");
  for (int i = 0; i < 1000 && !(*producer)->Fatal(); ++i) std::this_thread::sleep_for(Millis(5));
  EXPECT_TRUE((*producer)->Fatal());
  EXPECT_EQ((*producer)->Send(MessageTo(0, "z"), reports.Of(2)).error().code, Code::kUnavailable);
  producer->reset();
  ASSERT_EQ(reports.all().size(), 2U);
  EXPECT_FALSE(reports.all()[1].second.ok);
}

TEST(KafkaProducer, Forbidden_topic_known_from_metadata_is_permanent) {
  MockKafka kafka;
  kafka.CreateTopic("log", 1);
  kafka.SetTopicError("log", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  Reports reports;
  auto producer = Producer::Create(To(kafka.bootstrap()));
  ASSERT_TRUE((*producer)->Send(MessageTo(0, "x"), reports.Of(0)));
  ASSERT_TRUE(reports.Wait(1));
  EXPECT_TRUE(reports.all()[0].second.permanent) << reports.all()[0].second.error;
}

TEST(KafkaProducer, No_such_partition_and_too_large_are_permanent) {
  MockKafka kafka;
  kafka.CreateTopic("log", 1);
  Reports reports;
  auto producer = Producer::Create(To(kafka.bootstrap()));
  ASSERT_TRUE((*producer)->Send(MessageTo(7, "x"), reports.Of(0)));  // nothing is known yet
  ASSERT_TRUE(reports.Wait(1));
  EXPECT_TRUE(reports.all()[0].second.permanent) << reports.all()[0].second.error;
  EXPECT_FALSE((*producer)->Fatal());

  const Status large = (*producer)->Send(MessageTo(0, std::string(2'000'000, 'x')), reports.Of(1));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(large.error().reason, "KAFKA_MSG_SIZE_TOO_LARGE");
  EXPECT_EQ(reports.all().size(), 1U);  // not taken, no report
}

TEST(KafkaProducer, Failed_report_makes_the_producer_useless) {
  MockKafka kafka;
  kafka.CreateTopic("log", 1);
  kafka.PushErrors(MockKafka::kProduce, {RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS});
  Reports reports;
  auto producer = Producer::Create(To(kafka.bootstrap()));
  ASSERT_TRUE((*producer)->Send(MessageTo(0, "x"), reports.Of(0)));
  ASSERT_TRUE(reports.Wait(1));
  EXPECT_FALSE(reports.all()[0].second.ok);
  EXPECT_FALSE(reports.all()[0].second.permanent);
  EXPECT_TRUE((*producer)->Fatal());
  EXPECT_EQ((*producer)->Send(MessageTo(0, "y"), reports.Of(1)).error().code, Code::kUnavailable);
}

TEST(KafkaProducer, Fatal_error_is_seen_without_a_report) {
  MockKafka kafka;
  kafka.CreateTopic("log", 1);
  kafka.PushErrors(MockKafka::kInitProducerId, {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED});
  auto producer = Producer::Create(To(kafka.bootstrap()));
  for (int i = 0; i < 1000 && !(*producer)->Fatal(); ++i) {
    std::this_thread::sleep_for(Millis(5));
  }
  EXPECT_TRUE((*producer)->Fatal());
}

TEST(KafkaProducer, Full_queue_takes_nothing) {
  MockKafka kafka;
  kafka.CreateTopic("log", 1);
  kafka.Down();
  Connection connection = To(kafka.bootstrap());
  connection.extra["queue.buffering.max.messages"] = "5";
  Reports reports;
  auto producer = Producer::Create(connection);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*producer)->Send(MessageTo(0, "x"), reports.Of(i)));
  EXPECT_EQ((*producer)->Send(MessageTo(0, "x"), reports.Of(5)).error().code, Code::kResourceExhausted);
  producer->reset();
  EXPECT_EQ(reports.all().size(), 5U);
}

TEST(KafkaProducer, Destructor_reports_the_rest) {
  MockKafka kafka;
  kafka.CreateTopic("log", 1);
  Reports reports;
  auto producer = Producer::Create(To(kafka.bootstrap()));
  ASSERT_TRUE((*producer)->Send(MessageTo(0, "x"), reports.Of(0)));
  ASSERT_TRUE(reports.Wait(1));
  kafka.Down();
  std::atomic<bool> refused{false};
  Producer* raw = producer->get();
  ASSERT_TRUE(raw->Send(MessageTo(0, "y"), [&, raw](const Delivery& delivery) {
    EXPECT_FALSE(delivery.ok);
    refused = !raw->Send(MessageTo(0, "z"), [](const Delivery&) { FAIL(); });
  }));
  for (int i = 1; i < 50; ++i) ASSERT_TRUE(raw->Send(MessageTo(0, "y"), reports.Of(i)));
  producer->reset();
  const auto all = reports.all();
  ASSERT_EQ(all.size(), 50U);
  for (std::size_t i = 1; i < all.size(); ++i) {
    EXPECT_FALSE(all[i].second.ok);
    EXPECT_FALSE(all[i].second.permanent);
    EXPECT_FALSE(all[i].second.error.empty());
  }
  EXPECT_TRUE(refused);
}

TEST(KafkaProducer, Settings_not_known_are_refused_without_their_value) {
  Connection connection = To("localhost:1");
  connection.extra["no.such.setting"] = "secret";
  const auto producer = Producer::Create(connection);
  ASSERT_FALSE(producer);
  EXPECT_EQ(producer.error().reason, "KAFKA_CONFIG");
  EXPECT_EQ(producer.error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace stafett::kafka
