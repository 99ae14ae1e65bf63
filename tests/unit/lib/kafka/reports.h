// Collects delivery reports.
#pragma once

#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "lib/kafka/kafka.h"

namespace stafett::kafka::test {

class Reports {
 public:
  OnDelivery Of(int message) {
    return [this, message](const Delivery& delivery) {
      const std::lock_guard lock(mutex_);
      all_.emplace_back(message, delivery);
    };
  }
  std::vector<std::pair<int, Delivery>> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  bool Wait(std::size_t count, Millis limit = Millis(20'000)) const {
    for (const Deadline end = Deadline::In(limit); !end.Passed();) {
      if (all().size() >= count) return true;
      std::this_thread::sleep_for(Millis(5));
    }
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<int, Delivery>> all_;  // guarded by mutex_
};

inline Connection To(const std::string& bootstrap) {
  Connection connection;
  connection.bootstrap = bootstrap;
  connection.client_id = "test";
  connection.on_log = [](int, const std::string&) {};  // quiet
  return connection;
}

inline Message MessageTo(int partition, std::string value) {
  Message message;
  message.topic = "log";
  message.partition = partition;
  message.key = "ch-1";
  message.value = std::move(value);
  return message;
}

}  // namespace stafett::kafka::test
