#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "reports.h"
#include "support/mock_kafka.h"

namespace stafett::kafka {
namespace {

using stafett::test::MockKafka;
using test::MessageTo;
using test::Reports;
using test::To;

class KafkaReader : public testing::Test {
 protected:
  void SetUp() override {
    kafka_.CreateTopic("log", 3);
    auto created = Reader::Create(To(kafka_.bootstrap()), "log");
    ASSERT_TRUE(created);
    reader_ = std::move(*created);
  }
  void Send(const std::vector<Message>& messages) {
    Reports reports;
    auto producer = Producer::Create(To(kafka_.bootstrap()));
    for (const Message& m : messages) ASSERT_TRUE((*producer)->Send(m, reports.Of(0)));
    ASSERT_TRUE(reports.Wait(messages.size()));
    for (const auto& [i, delivery] : reports.all()) ASSERT_TRUE(delivery.ok) << delivery.error;
  }
  void SendNumbers(int partition, int count) {
    std::vector<Message> messages;
    for (int i = 0; i < count; ++i) messages.push_back(MessageTo(partition, std::to_string(i)));
    Send(messages);
  }
  // Polls until `done` says so of all that came.
  Polled Collect(const std::function<bool(const Polled&)>& done) {
    Polled all;
    for (const Deadline end = Deadline::In(Millis(10'000)); !end.Passed() && !done(all);) {
      Polled some = reader_->Poll(100, Millis(100));
      std::move(some.records.begin(), some.records.end(), std::back_inserter(all.records));
      all.at_end.insert(all.at_end.end(), some.at_end.begin(), some.at_end.end());
      all.out_of_range.insert(all.out_of_range.end(), some.out_of_range.begin(), some.out_of_range.end());
      if (some.error) all.error = some.error;
    }
    return all;
  }
  MockKafka kafka_;
  std::unique_ptr<Reader> reader_;
};

TEST_F(KafkaReader, Reads_back_from_an_offset_with_headers) {
  std::vector<Message> messages;
  for (int i = 0; i < 20; ++i) {
    messages.push_back(MessageTo(1, std::string("\0v", 2) + std::to_string(i)));
    messages.back().headers = {{"alg", "x"}, {"nonce", std::string("\0\1", 2)}, {"empty", ""}};
  }
  Send(messages);
  ASSERT_TRUE(reader_->Assign({{1, 5}}));
  const Polled got = Collect([](const Polled& p) { return !p.at_end.empty(); });
  ASSERT_EQ(got.records.size(), 15U);
  EXPECT_THAT(got.at_end, testing::ElementsAre(1));
  EXPECT_FALSE(got.error);
  for (int i = 5; i < 20; ++i) {
    const Record& record = got.records[static_cast<std::size_t>(i - 5)];
    EXPECT_EQ(record.partition, 1);
    EXPECT_EQ(record.offset, i);
    EXPECT_EQ(record.key, "ch-1");
    EXPECT_EQ(record.value, messages[static_cast<std::size_t>(i)].value);
    EXPECT_EQ(record.headers, messages[static_cast<std::size_t>(i)].headers);
    EXPECT_FALSE(record.tombstone);
    EXPECT_GT(record.timestamp_ms, 0);
  }
}

TEST_F(KafkaReader, Tombstone_is_not_an_empty_value) {
  Message empty = MessageTo(0, "");
  Message tombstone = MessageTo(0, "");
  tombstone.tombstone = true;
  Send({empty, tombstone});
  ASSERT_TRUE(reader_->Assign({{0, 0}}));
  const Polled got = Collect([](const Polled& p) { return p.records.size() == 2; });
  ASSERT_EQ(got.records.size(), 2U);
  EXPECT_FALSE(got.records[0].tombstone);
  EXPECT_TRUE(got.records[1].tombstone);
}

TEST_F(KafkaReader, New_records_come_soon_and_an_idle_poll_sleeps) {
  ASSERT_TRUE(reader_->Assign({{0, 0}, {1, 0}, {2, 0}}));
  Polled got = Collect([](const Polled& p) { return p.at_end.size() == 3; });
  EXPECT_THAT(got.at_end, testing::UnorderedElementsAre(0, 1, 2));
  const std::clock_t cpu = std::clock();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(reader_->Poll(10, Millis(400)).records.empty());
  EXPECT_GE(std::chrono::steady_clock::now() - start, Millis(380));
  EXPECT_LT(std::clock() - cpu, CLOCKS_PER_SEC / 5);
  SendNumbers(2, 1);
  got = Collect([](const Polled& p) { return !p.records.empty(); });
  EXPECT_EQ(got.records.at(0).partition, 2);
}

TEST_F(KafkaReader, Gives_no_more_than_asked) {
  SendNumbers(0, 50);
  ASSERT_TRUE(reader_->Assign({{0, 0}}));
  std::int64_t next = 0;
  for (const Deadline end = Deadline::In(Millis(10'000)); next < 50 && !end.Passed();) {
    const Polled got = reader_->Poll(7, Millis(100));
    EXPECT_LE(got.records.size(), 7U);
    for (const Record& record : got.records) EXPECT_EQ(record.offset, next++);
  }
  EXPECT_EQ(next, 50);
}

// Restart with records of the old position still queued: none of them may come through.
TEST_F(KafkaReader, Restart_drops_what_was_queued_and_leaves_others_alone) {
  SendNumbers(0, 200);
  SendNumbers(1, 200);
  ASSERT_TRUE(reader_->Assign({{0, 0}, {1, 0}}));
  std::int64_t next_of_1 = 0;
  for (int round = 0; round < 20; ++round) {
    for (const Deadline end = Deadline::In(Millis(5'000)); !end.Passed();) {
      const Polled some = reader_->Poll(1, Millis(100));
      if (some.records.empty()) continue;
      if (some.records[0].partition == 1) {
        EXPECT_EQ(some.records[0].offset, next_of_1++);
        continue;
      }
      break;
    }
    const std::int64_t from = 150 - round;
    ASSERT_TRUE(reader_->Assign({{0, from}}));
    std::int64_t next = from;
    for (const Deadline end = Deadline::In(Millis(5'000)); next < from + 3 && !end.Passed();) {
      for (const Record& record : reader_->Poll(1, Millis(100)).records) {
        if (record.partition == 1) {
          EXPECT_EQ(record.offset, next_of_1++);
        } else {
          ASSERT_EQ(record.offset, next++);
        }
      }
    }
    ASSERT_EQ(next, from + 3);
  }
  ASSERT_TRUE(reader_->Stop({0}));
  SendNumbers(0, 1);
  SendNumbers(1, 1);
  const Polled rest = Collect([](const Polled& p) { return !p.records.empty() && p.records.back().offset == 200; });
  for (const Record& record : rest.records) {
    EXPECT_EQ(record.partition, 1);
    EXPECT_EQ(record.offset, next_of_1++);
  }
  EXPECT_EQ(next_of_1, 201);
}

TEST_F(KafkaReader, Lost_tail_is_out_of_range_never_a_silent_skip) {
  SendNumbers(0, 10);
  ASSERT_TRUE(reader_->Assign({{0, 1000}}));
  Polled got = Collect([](const Polled& p) { return !p.out_of_range.empty(); });
  EXPECT_THAT(got.out_of_range, testing::ElementsAre(0));
  EXPECT_TRUE(got.records.empty());
  ASSERT_TRUE(reader_->Assign({{0, 8}}));  // the owner decides where to go on
  got = Collect([](const Polled& p) { return p.records.size() >= 2; });
  ASSERT_EQ(got.records.size(), 2U);
  EXPECT_EQ(got.records[0].offset, 8);
}

TEST_F(KafkaReader, Special_offsets_are_refused) {
  for (const std::int64_t offset : {-1, -2, -1000, -1001}) {
    EXPECT_EQ(reader_->Assign({{0, offset}}).error().code, Code::kInvalidArgument);
  }
}

TEST_F(KafkaReader, Watermarks) {
  SendNumbers(2, 12);
  const auto marks = reader_->Watermarks(2, Millis(5000));
  ASSERT_TRUE(marks) << marks.error().reason;
  EXPECT_EQ(*marks, (std::pair<std::int64_t, std::int64_t>(0, 12)));
  kafka_.Down();
  EXPECT_EQ(reader_->Watermarks(2, Millis(200)).error().code, Code::kUnavailable);
}

TEST_F(KafkaReader, Fetch_errors_pass) {
  SendNumbers(0, 30);
  kafka_.PushErrors(MockKafka::kFetch, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_UNKNOWN,
                                        RD_KAFKA_RESP_ERR__TRANSPORT});
  ASSERT_TRUE(reader_->Assign({{0, 0}}));
  const Polled got = Collect([](const Polled& p) { return p.records.size() >= 30; });
  ASSERT_EQ(got.records.size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(got.records[i].value, std::to_string(i));
}

TEST_F(KafkaReader, Broker_away_is_an_error_and_passes) {
  SendNumbers(0, 1);
  ASSERT_TRUE(reader_->Assign({{0, 0}}));
  Collect([](const Polled& p) { return !p.at_end.empty(); });
  kafka_.Down();
  EXPECT_TRUE(Collect([](const Polled& p) { return p.error.has_value(); }).error);
  kafka_.Up();
  SendNumbers(0, 1);
  const Polled got = Collect([](const Polled& p) { return !p.records.empty(); });
  ASSERT_EQ(got.records.size(), 1U);
  EXPECT_EQ(got.records[0].offset, 1);
}

TEST(KafkaDescribe, Topic_not_there_and_not_allowed) {
  MockKafka kafka;
  kafka.CreateTopic("log", 6);
  kafka.SetTopicError("log", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  EXPECT_EQ(DescribeTopic(To(kafka.bootstrap()), "log", Millis(5000)).error().code, Code::kPermissionDenied);
  kafka.SetTopicError("log", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  EXPECT_EQ(DescribeTopic(To(kafka.bootstrap()), "log", Millis(5000)).error().code, Code::kNotFound);
  kafka.Down();
  EXPECT_EQ(DescribeTopic(To(kafka.bootstrap()), "log", Millis(300)).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace stafett::kafka
