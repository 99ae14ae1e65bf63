// Owning pointers for librdkafka's C objects, and the making of its handle.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/kafka/kafka.h"

namespace stafett::kafka {

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using HandlePtr = std::unique_ptr<rd_kafka_t, Freer<rd_kafka_destroy>>;
using ConfPtr = std::unique_ptr<rd_kafka_conf_t, Freer<rd_kafka_conf_destroy>>;
using TopicPtr = std::unique_ptr<rd_kafka_topic_t, Freer<rd_kafka_topic_destroy>>;
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, Freer<rd_kafka_queue_destroy>>;
using MessagePtr = std::unique_ptr<rd_kafka_message_t, Freer<rd_kafka_message_destroy>>;
using ListPtr = std::unique_ptr<rd_kafka_topic_partition_list_t, Freer<rd_kafka_topic_partition_list_destroy>>;
using ErrorPtr = std::unique_ptr<rd_kafka_error_t, Freer<rd_kafka_error_destroy>>;

// What librdkafka's handle-wide callbacks write to. Must outlive the handle.
class Events {
 public:
  explicit Events(const Connection& connection) : log_(connection.on_log) {}
  bool fatal() const { return fatal_.load(std::memory_order_acquire); }
  void SetFatal() { fatal_.store(true, std::memory_order_release); }
  std::optional<std::string> TakeError();

 private:
  friend struct Callbacks;
  std::function<void(int, const std::string&)> log_;
  std::atomic<bool> fatal_{false};
  std::mutex mutex_;
  std::optional<std::string> error_;  // guarded by mutex_
};

using Settings = std::vector<std::pair<std::string, std::string>>;
using DeliveryCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

// A handle with the connection's settings, then `settings`, then the connection's `extra`.
// `on_delivery` may be null.
Result<HandlePtr> MakeHandle(rd_kafka_type_t type, const Connection& connection, const Settings& settings,
                             Events& events, DeliveryCallback on_delivery);

// kNotFound, kPermissionDenied, else kUnavailable; reason KAFKA_<name>.
Error ErrorFrom(rd_kafka_resp_err_t error, Code otherwise = Code::kUnavailable);

// For librdkafka's int milliseconds.
int ToMs(Millis time);

}  // namespace stafett::kafka
