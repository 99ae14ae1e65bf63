// What an applier has read ahead for the records that come next (Applier::Expect), by partition and child. Each is
// taken once: what was not asked for is dropped when the partition's next ones come. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace stafett::gate {

template <class T>
class Expected {
 public:
  using Children = std::unordered_map<std::string, T>;
  void Put(int partition, Children children) {
    const std::lock_guard lock(mutex_);
    by_partition_[partition] = std::move(children);
  }
  std::optional<T> Take(int partition, const std::string& child) {
    const std::lock_guard lock(mutex_);
    auto node = by_partition_[partition].extract(child);
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped());
  }

 private:
  std::mutex mutex_;
  std::map<int, Children> by_partition_;
};

}  // namespace stafett::gate
