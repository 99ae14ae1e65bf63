// Kafka as Stafett uses it: one idempotent producer, readers with manual assignment, watermarks,
// topic settings. The only folder that includes librdkafka. No consumer groups, no transactions
// (design §3, events.md §3).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/heartbeat.h"
#include "lib/base/time.h"

namespace stafett::kafka {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Connection {
  std::string bootstrap;
  std::string user;  // SASL; empty: PLAINTEXT (tests with the mock cluster)
  // PLAIN where librdkafka is older than 2.6.1: its SCRAM repeats the client's nonce, which Kafka 4 rightly refuses
  // (services/decisions/0003).
  std::string mechanism = "SCRAM-SHA-256";
  std::string password;
  std::string client_id;
  std::map<std::string, std::string> extra;  // raw librdkafka settings, tests only (e.g. "test.mock.num.brokers")
  // librdkafka's own log lines (syslog severity, text: brokers and topics, never keys or values),
  // from any of its threads; must not block. Empty: errors go to stderr. With an infinite message
  // timeout this is where a producer says that it can not reach or log in to a broker.
  std::function<void(int severity, const std::string& line)> on_log;
  Beats beats;  // of our threads: a producer's poller
};

struct Message {
  std::string topic;
  int partition = 0;
  std::string key;
  std::string value;
  Headers headers;
  bool tombstone = false;  // sent with a null value: a compacted topic forgets the key
};

// One report per accepted message, on the producer's poll thread; must not block.
// ok: the broker has it at `offset`. Otherwise nothing is known about this message and any later
// one: destroy the producer and replay from the oldest unacknowledged (rule 6 of events.md §2.5).
struct Delivery {
  bool ok = false;
  std::int64_t offset = -1;
  std::int64_t timestamp_ms = -1;
  bool permanent = false;  // the topic can not take it (authorisation, unknown topic, too large):
                           // other topics may go on, through another producer
  std::string error;       // librdkafka's name of the error, safe to log
};
using OnDelivery = std::function<void(const Delivery&)>;

// Idempotent, acks=all, message.timeout.ms=0 (infinite), linger 0, no Nagle, 5 in flight, murmur2
// irrelevant: partitions are given explicitly. Owns a poll thread.
class Producer {
 public:
  static Result<std::unique_ptr<Producer>> Create(const Connection& connection);
  ~Producer();  // purges what is queued; reports for it are delivered as !ok before return
  // kResourceExhausted when librdkafka's queue is full (nothing was taken); kUnavailable after a
  // fatal error, which a failed report is (enable.gapless.guarantee: nothing behind a message that
  // a broker refused is sent); kFailedPrecondition if this topic can
  // not take it (too large, no such partition). Without success there is no report. Any thread.
  Status Send(Message message, OnDelivery done);
  // Waits until everything sent so far is reported, or the time is over.
  void Flush(Millis timeout);
  bool Fatal() const;

 private:
  Producer();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Record {
  int partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;  // the broker's append time
  std::string key;
  std::string value;
  bool tombstone = false;  // null value
  Headers headers;
};

// What a reader's Poll gives.
struct Polled {
  std::vector<Record> records;       // in order per partition
  std::vector<int> at_end;           // partitions whose end was reached since the last call
  std::vector<int> out_of_range;     // partitions where the wanted offset does not exist: the tail was
                                     // lost or trimmed
  std::optional<std::string> error;  // transient, safe to log
};

// Manual assignment, no group, offsets given by the owner, auto.offset.reset=error,
// check.crcs=true. Not thread-safe: one owner thread.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> Create(const Connection& connection, std::string topic);
  ~Reader();
  // Starts (or restarts) partition p at `offset` (the next one wanted). Other partitions go on as
  // they are; records of p from before the restart are not given any more.
  Status Assign(const std::map<int, std::int64_t>& next_offsets);
  Status Stop(const std::vector<int>& partitions);
  // Up to `max` records, waiting at most `wait` for the first.
  Polled Poll(std::size_t max, Millis wait);
  // First and next offset of the partition as the broker knows them now.
  Result<std::pair<std::int64_t, std::int64_t>> Watermarks(int partition, Millis timeout);

 private:
  Reader();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct TopicDescription {
  int partitions = 0;
  int replication = 0;
  std::map<std::string, std::string> settings;  // retention.ms, cleanup.policy, flush.messages, ...
};
// Metadata and DescribeConfigs of one topic. kNotFound if it does not exist, kPermissionDenied if
// not allowed.
Result<TopicDescription> DescribeTopic(const Connection& connection, const std::string& topic, Millis timeout);

// Java's murmur2 (positive), so that partition(child) agrees with every other client library.
std::uint32_t Murmur2(std::string_view bytes);
int PartitionOf(std::string_view key, int partitions);

}  // namespace stafett::kafka
