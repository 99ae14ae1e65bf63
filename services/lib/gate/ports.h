// What the gate needs of Kafka, as ports, so that relay and tailer run in tests over an in-memory log
// (tests/support/memory_log.h) and in production over lib/kafka (kafka_ports.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "lib/kafka/kafka.h"

namespace stafett::gate {

class Publisher {
 public:
  // Reports everything that was taken and not yet reported (as failed) before it returns.
  virtual ~Publisher() = default;
  virtual Status Send(kafka::Message message, kafka::OnDelivery done) = 0;
};
using MakePublisher = std::function<Result<std::unique_ptr<Publisher>>()>;

class LogReader {
 public:
  virtual ~LogReader() = default;
  // Starts or restarts these; others go on as they are.
  virtual Status Assign(const std::map<int, std::int64_t>& next_offsets) = 0;
  virtual Status Stop(const std::vector<int>& partitions) = 0;
  virtual kafka::Polled Poll(std::size_t max, Millis wait) = 0;
  virtual Result<std::pair<std::int64_t, std::int64_t>> Watermarks(int partition, Millis timeout) = 0;
};
using MakeReader = std::function<Result<std::unique_ptr<LogReader>>(const std::string& topic)>;

MakePublisher KafkaPublisher(kafka::Connection connection);
MakeReader KafkaReader(kafka::Connection connection);

}  // namespace stafett::gate
