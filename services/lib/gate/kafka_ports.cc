#include <utility>

#include "lib/gate/ports.h"

namespace stafett::gate {
namespace {

class RealPublisher final : public Publisher {
 public:
  explicit RealPublisher(std::unique_ptr<kafka::Producer> producer) : producer_(std::move(producer)) {}
  Status Send(kafka::Message message, kafka::OnDelivery done) override {
    return producer_->Send(std::move(message), std::move(done));
  }

 private:
  std::unique_ptr<kafka::Producer> producer_;
};

class RealReader final : public LogReader {
 public:
  explicit RealReader(std::unique_ptr<kafka::Reader> reader) : reader_(std::move(reader)) {}
  Status Assign(const std::map<int, std::int64_t>& next_offsets) override { return reader_->Assign(next_offsets); }
  Status Stop(const std::vector<int>& partitions) override { return reader_->Stop(partitions); }
  kafka::Polled Poll(std::size_t max, Millis wait) override { return reader_->Poll(max, wait); }
  Result<std::pair<std::int64_t, std::int64_t>> Watermarks(int partition, Millis timeout) override {
    return reader_->Watermarks(partition, timeout);
  }

 private:
  std::unique_ptr<kafka::Reader> reader_;
};

}  // namespace

MakePublisher KafkaPublisher(kafka::Connection connection) {
  return [connection = std::move(connection)]() -> Result<std::unique_ptr<Publisher>> {
    STAFETT_TRY(auto producer, kafka::Producer::Create(connection));
    return std::make_unique<RealPublisher>(std::move(producer));
  };
}

MakeReader KafkaReader(kafka::Connection connection) {
  return [connection = std::move(connection)](const std::string& topic) -> Result<std::unique_ptr<LogReader>> {
    STAFETT_TRY(auto reader, kafka::Reader::Create(connection, topic));
    return std::make_unique<RealReader>(std::move(reader));
  };
}

}  // namespace stafett::gate
