// Whose an id is (of a case, a consent, a delivery), remembered by a process. The answer never changes once there is
// one, so it is asked of the store once; what is not found is asked each time, it may come. Of one generation of the
// store: another one may not have it yet. Thread-safe.
//
// What a caller may not know costs the store as much as what is not there (promise P1): an id that is found for the
// first time is asked for and then its child, later its child alone; one that is not is asked for twice, later once. An
// id that others have used is found already: so much shows to who has an id of 128 random bits.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "lib/gate/store.h"

namespace stafett::gate {

class Found {
 public:
  static constexpr std::size_t kMost = 50'000;  // then it begins anew
  explicit Found(Store& store) : store_(store) {}

  // The child at `key`; nothing if there is none.
  Result<std::optional<std::string>> ChildAt(const std::string& key, Deadline deadline) {
    const auto generation = store_.Generation();
    {
      const std::lock_guard lock(mutex_);
      if (generation == generation_) {
        if (auto it = children_.find(key); it != children_.end()) return it->second;
      }
    }
    STAFETT_TRY(auto read, store_.Read({Get::String(key)}, deadline));
    {
      const std::lock_guard lock(mutex_);
      Begin(generation);
      if (read.values[0].present) return children_[key] = std::move(read.values[0].string);
      if (!missed_.insert(key).second) return std::nullopt;
    }
    STAFETT_CHECK_OK(store_.Read({Get::String(key)}, deadline));
    return std::nullopt;
  }

 private:
  void Begin(std::uint64_t generation) {
    if (generation != generation_ || children_.size() >= kMost) children_.clear();
    if (generation != generation_ || missed_.size() >= kMost) missed_.clear();
    generation_ = generation;
  }

  Store& store_;
  std::mutex mutex_;
  std::uint64_t generation_ = 0;
  std::unordered_map<std::string, std::string> children_;
  std::unordered_set<std::string> missed_;
};

}  // namespace stafett::gate
