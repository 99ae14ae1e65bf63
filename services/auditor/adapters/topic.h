// One topic of the log, read from place to place and written one record at a time: the auditor's view of Kafka.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/base/heartbeat.h"
#include "lib/gate/ports.h"

namespace stafett::auditor::adapters {

// One owner thread.
class Topic {
 public:
  Topic(std::string name, gate::MakeReader reader, gate::MakePublisher publisher);
  const std::string& name() const { return name_; }
  // The next offset, as the broker knows it now.
  Result<std::int64_t> End(int partition);
  // Every record of [from, end), in order, where `end` is at most what End has said. kUnavailable when they do not
  // come.
  Status Read(int partition, std::int64_t from, std::int64_t end, const Beat& beat,
              const std::function<void(const kafka::Record&)>& met);
  // Where it stands now, acknowledged. After a failure nothing is known of it.
  Result<std::int64_t> Append(kafka::Message message);

 private:
  std::string name_;
  gate::MakeReader make_reader_;
  gate::MakePublisher make_publisher_;
  std::unique_ptr<gate::LogReader> reader_;
  std::unique_ptr<gate::Publisher> publisher_;
};

}  // namespace stafett::auditor::adapters
