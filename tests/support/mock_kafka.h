// librdkafka's built-in mock cluster: good for error paths, proves nothing about durability.
#pragma once

#include <librdkafka/rdkafka.h>
// After rdkafka.h: it does not include what it needs.
#include <librdkafka/rdkafka_mock.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace stafett::test {

class MockKafka {
 public:
  enum Api : std::int16_t { kProduce = 0, kFetch = 1, kListOffsets = 2, kMetadata = 3, kInitProducerId = 22 };

  explicit MockKafka(int brokers = 1) : brokers_(brokers) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (handle_ == nullptr) throw std::runtime_error("mock kafka");
    cluster_ = rd_kafka_mock_cluster_new(handle_, brokers);
  }
  ~MockKafka() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  MockKafka(const MockKafka&) = delete;
  MockKafka& operator=(const MockKafka&) = delete;

  std::string bootstrap() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void CreateTopic(const std::string& topic, int partitions) {
    rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, brokers_);
  }
  // The next requests of this kind fail, one error each.
  void PushErrors(Api api, const std::vector<rd_kafka_resp_err_t>& errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, api, errors.size(), errors.data());
  }
  void SetTopicError(const std::string& topic, rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(cluster_, topic.c_str(), error);
  }
  void Down() {
    for (int id = 1; id <= brokers_; ++id) rd_kafka_mock_broker_set_down(cluster_, id);
  }
  void Up() {
    for (int id = 1; id <= brokers_; ++id) rd_kafka_mock_broker_set_up(cluster_, id);
  }
  void MoveLeader(const std::string& topic, int partition, int broker) {
    rd_kafka_mock_partition_set_leader(cluster_, topic.c_str(), partition, broker);
  }

 private:
  int brokers_;
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace stafett::test
