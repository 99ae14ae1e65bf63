// The state of a child in one service: a fold over two lists in the store, the service's own records and what it took
// from the log. Folded states are cached; a read brings only what is new, and every decision is guarded by the two
// lengths it was made on (Committer, Tailer). So a stale cache costs a retry, never a wrong decision.
//
// Order of the fold: an own record that was decided on n inputs (Envelope::inputs) comes right behind the n-th input.
// That is the order in which the store took them, so every copy, a cache and a rebuilt store fold alike.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/gate/envelope.h"
#include "lib/gate/keys.h"
#include "lib/gate/store.h"

namespace stafett::gate {

// An element of the input list: a record of another service with its place in the log.
struct Input {
  std::int64_t offset = 0;
  Time appended;  // the broker's append time
  std::string record;
};
std::string EncodeInput(const Input& input);
Result<Input> DecodeInput(std::string_view bytes);

// One step of a fold.
struct Entry {
  bool own = true;
  std::int64_t offset = -1;  // inputs only
  Time appended;             // inputs only
  std::string_view record;
};

template <class State>
struct Loaded {
  std::shared_ptr<const State> state;
  std::uint64_t own = 0;  // lengths that the state rests on
  std::uint64_t inputs = 0;
  std::uint64_t generation = 0;  // of the store; a transaction that rests on this state carries it
  Time now;
  std::vector<Value> extra;  // answers to the extra Gets, read in the same atomic step
};

template <class State>
class Children {
 public:
  // Must not keep the string_view. An error leaves the state unusable and is returned by Load.
  using Fold = std::function<Status(State&, const Entry&)>;

  Children(Store& store, Keys keys, Fold fold, std::size_t max_cached = 10'000)
      : store_(store), keys_(std::move(keys)), fold_(std::move(fold)), max_cached_(max_cached) {}

  Result<Loaded<State>> Load(int partition, const std::string& child, Deadline deadline, std::vector<Get> extra = {}) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto generation = store_.Generation();
      Cached cached = Find(child, generation);
      std::vector<Get> gets{Get::Length(keys_.Own(partition, child)), Get::Length(keys_.Inputs(partition, child)),
                            Get::List(keys_.Own(partition, child), static_cast<std::int64_t>(cached.own)),
                            Get::List(keys_.Inputs(partition, child), static_cast<std::int64_t>(cached.inputs))};
      gets.insert(gets.end(), extra.begin(), extra.end());
      STAFETT_TRY(auto answer, store_.Read(gets, deadline));
      auto own = static_cast<std::uint64_t>(answer.values[0].number);
      auto inputs = static_cast<std::uint64_t>(answer.values[1].number);
      if (generation != store_.Generation() || own < cached.own || inputs < cached.inputs) {
        Drop(child);  // another Redis, or one that lost its tail: what was cached is not its state
        continue;
      }
      const auto& new_own = answer.values[2].list;
      const auto& new_inputs = answer.values[3].list;
      if (!new_own.empty() || !new_inputs.empty() || !cached.state) {
        auto next = cached.state ? std::make_shared<State>(*cached.state) : std::make_shared<State>();
        std::size_t taken = 0;
        auto take_inputs = [&](std::uint64_t until) -> Status {
          for (; taken < new_inputs.size() && cached.inputs + taken < until; ++taken) {
            STAFETT_TRY(auto input, DecodeInput(new_inputs[taken]));
            STAFETT_CHECK_OK(fold_(*next, Entry{false, input.offset, input.appended, input.record}));
          }
          return {};
        };
        for (const auto& record : new_own) {
          STAFETT_CHECK_OK(take_inputs(InputsOf(record)));
          STAFETT_CHECK_OK(fold_(*next, Entry{true, -1, Time{}, record}));
        }
        STAFETT_CHECK_OK(take_inputs(inputs));
        cached = Cached{next, own, inputs, generation};
        Put(child, cached);
      }
      Loaded<State> out{cached.state, own, inputs, generation, answer.now, {}};
      out.extra.assign(std::make_move_iterator(answer.values.begin() + 4),
                       std::make_move_iterator(answer.values.end()));
      return out;
    }
    return Fail(Code::kUnavailable, "STORE_CHANGED", "the store changed while reading; try again");
  }

  const Keys& keys() const { return keys_; }
  Store& store() { return store_; }

 private:
  struct Cached {
    std::shared_ptr<const State> state;
    std::uint64_t own = 0;
    std::uint64_t inputs = 0;
    std::uint64_t generation = 0;
  };
  using Order = std::list<std::string>;

  Cached Find(const std::string& child, std::uint64_t generation) {
    std::lock_guard lock(mutex_);
    auto it = cache_.find(child);
    if (it == cache_.end() || it->second.first.generation != generation) return {};
    order_.splice(order_.begin(), order_, it->second.second);
    return it->second.first;
  }
  void Put(const std::string& child, const Cached& cached) {
    std::lock_guard lock(mutex_);
    auto it = cache_.find(child);
    if (it != cache_.end()) {
      it->second.first = cached;
      return;
    }
    order_.push_front(child);
    cache_.emplace(child, std::make_pair(cached, order_.begin()));
    if (cache_.size() > max_cached_) {
      cache_.erase(order_.back());
      order_.pop_back();
    }
  }
  void Drop(const std::string& child) {
    std::lock_guard lock(mutex_);
    auto it = cache_.find(child);
    if (it == cache_.end()) return;
    order_.erase(it->second.second);
    cache_.erase(it);
  }

  Store& store_;
  Keys keys_;
  Fold fold_;
  std::size_t max_cached_;
  std::mutex mutex_;
  Order order_;
  std::unordered_map<std::string, std::pair<Cached, Order::iterator>> cache_;
};

}  // namespace stafett::gate
