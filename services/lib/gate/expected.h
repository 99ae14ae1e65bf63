// What an applier has read ahead for the records that come next (Applier::Expect), by partition and child. Each is
// taken once: what was not asked for is dropped when the partition's next ones come. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/base/error.h"

namespace stafett::gate {

template <class T>
class Expected {
 public:
  // What was read of these children, in their order. If it could not be read, each is when it is its turn.
  void Put(int partition, const std::vector<std::string>& children, Result<std::vector<T>> read) {
    std::unordered_map<std::string, T> fresh;
    for (std::size_t i = 0; read && i < children.size(); ++i) fresh.emplace(children[i], std::move((*read)[i]));
    const std::lock_guard lock(mutex_);
    by_partition_[partition] = std::move(fresh);
  }
  // What was read for earlier records decides about none of these.
  void Forget(int partition) {
    const std::lock_guard lock(mutex_);
    by_partition_.erase(partition);
  }
  std::optional<T> Take(int partition, const std::string& child) {
    const std::lock_guard lock(mutex_);
    auto node = by_partition_[partition].extract(child);
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped());
  }

 private:
  std::mutex mutex_;
  std::map<int, std::unordered_map<std::string, T>> by_partition_;
};

}  // namespace stafett::gate
