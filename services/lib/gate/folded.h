// The folded states of children that a copy keeps: as many, and made of as many bytes of records, as it is told.
//
// A state is lent for reading and does not change meanwhile. When records are added while nobody has borrowed it, they
// are folded into the state itself; else into a copy, and who borrowed the old one keeps it. So what it costs to bring
// a child up to date is what is new, however long its story is.
//
// Thread-safe. What was borrowed may outlive the cache.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::gate {

// What a folded state rests on: lengths of the two lists, in one generation of the store.
struct Lengths {
  std::uint64_t own = 0;
  std::uint64_t inputs = 0;
  bool Within(const Lengths& of) const { return own <= of.own && inputs <= of.inputs; }
  bool operator==(const Lengths&) const = default;
};

template <class State>
class Folded {
 public:
  Folded(std::size_t max_states, std::size_t max_bytes)
      : core_(std::make_shared<Core>()), max_states_(max_states), max_bytes_(max_bytes) {}

  // Nothing kept of that generation: no lengths.
  Lengths Known(const std::string& child, std::uint64_t generation) {
    std::lock_guard lock(core_->mutex);
    auto* entry = core_->Find(child, generation);
    if (entry == nullptr) return {};
    core_->order.splice(core_->order.begin(), core_->order, entry->place);
    return entry->lengths;
  }

  // The state at exactly these lengths. `fold(state, lengths) -> Status` brings it there from what is kept: it is asked
  // only if that is not less than `from`. `keep`: whether it may be kept then. Nothing: what is kept is less or more
  // by now, read again.
  template <class Fold>
  Result<std::optional<std::shared_ptr<const State>>> Bring(const std::string& child, std::uint64_t generation,
                                                            const Lengths& from, const Lengths& to, std::size_t bytes,
                                                            bool keep, Deadline deadline, const Fold& fold) {
    std::unique_lock lock(core_->mutex);
    while (true) {
      auto* entry = core_->Find(child, generation);
      if (entry == nullptr || !entry->busy) break;
      // Somebody is folding it: nearly always what is wanted.
      if (core_->folded.wait_until(lock, deadline.at) == std::cv_status::timeout) return Late();
    }
    auto* entry = core_->Find(child, generation);
    const auto has = entry == nullptr ? Lengths{} : entry->lengths;
    if (!from.Within(has) || !has.Within(to)) return std::optional<std::shared_ptr<const State>>();
    if (entry != nullptr && has == to) return Lend(entry->kept);

    if (entry == nullptr || !keep || entry->kept->lent > 0) {
      std::shared_ptr<const State> old;
      if (entry != nullptr) old = Lend(entry->kept);
      lock.unlock();
      auto kept = std::make_shared<Kept>();
      if (old) kept->state = *old;
      old.reset();  // giving it back takes the lock
      STAFETT_CHECK_OK(fold(kept->state, has));
      lock.lock();
      // Whoever was quicker has kept it.
      entry = core_->Find(child, generation);
      const bool as_it_was = entry == nullptr ? has == Lengths{} : entry->lengths == has && !entry->busy;
      if (keep && as_it_was) Put(child, generation, kept, to, bytes);
      return Lend(kept);
    }
    entry->busy = true;
    auto kept = entry->kept;
    lock.unlock();
    auto folded = fold(kept->state, has);
    lock.lock();
    entry = core_->Find(child, generation);
    entry->busy = false;
    core_->folded.notify_all();
    if (!folded) {
      core_->Drop(child);  // nothing half folded stays
      return tl::unexpected(std::move(folded).error());
    }
    Put(child, generation, kept, to, bytes);
    return Lend(kept);
  }

  // Not what the store says.
  void Drop(const std::string& child) {
    std::lock_guard lock(core_->mutex);
    core_->Drop(child);
  }

 private:
  struct Kept {
    State state;
    int lent = 0;  // guarded by Core::mutex
  };
  using Order = std::list<std::string>;
  struct Entry {
    std::shared_ptr<Kept> kept;
    Lengths lengths;
    std::uint64_t generation = 0;
    std::size_t bytes = 0;
    bool busy = false;  // somebody folds into it
    Order::iterator place;
  };
  struct Core {
    std::mutex mutex;
    std::condition_variable folded;
    Order order;  // the least used last
    std::unordered_map<std::string, Entry> entries;
    std::size_t bytes = 0;

    Entry* Find(const std::string& child, std::uint64_t generation) {
      auto it = entries.find(child);
      return it == entries.end() || it->second.generation != generation ? nullptr : &it->second;
    }
    void Drop(const std::string& child) {
      auto it = entries.find(child);
      if (it == entries.end() || it->second.busy) return;
      bytes -= it->second.bytes;
      order.erase(it->second.place);
      entries.erase(it);
    }
  };

  static tl::unexpected<Error> Late() {
    return Fail(Code::kUnavailable, "BUSY", "somebody else has been reading this child for too long; try again");
  }

  // With the lock held.
  std::shared_ptr<const State> Lend(const std::shared_ptr<Kept>& kept) {
    ++kept->lent;
    return {&kept->state, [core = core_, kept](const State*) {
              std::lock_guard lock(core->mutex);
              --kept->lent;
            }};
  }
  // With the lock held. `bytes` are added to what the state was made of before.
  void Put(const std::string& child, std::uint64_t generation, std::shared_ptr<Kept> kept, const Lengths& lengths,
           std::size_t bytes) {
    auto& core = *core_;
    auto [it, added] = core.entries.try_emplace(child);
    auto& entry = it->second;
    if (added) {
      entry.place = core.order.insert(core.order.begin(), child);
    } else if (entry.generation != generation) {
      if (entry.busy) return;
      core.bytes -= std::exchange(entry.bytes, 0);
    }
    entry.kept = std::move(kept);
    entry.lengths = lengths;
    entry.generation = generation;
    entry.bytes += bytes;
    core.bytes += bytes;
    while (core.entries.size() > 1 && (core.entries.size() > max_states_ || core.bytes > max_bytes_)) {
      if (core.entries.at(core.order.back()).busy) break;
      core.Drop(core.order.back());
    }
  }

  std::shared_ptr<Core> core_;
  std::size_t max_states_, max_bytes_;
};

}  // namespace stafett::gate
