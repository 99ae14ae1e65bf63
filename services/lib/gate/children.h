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
    STAFETT_TRY(auto loaded, LoadAll(partition, {child}, deadline, std::move(extra)));
    return std::move(loaded.front());
  }

  // Several children of one partition, all in one atomic step; in the order asked for. Each gets the answers to the
  // extra Gets.
  Result<std::vector<Loaded<State>>> LoadAll(int partition, const std::vector<std::string>& children, Deadline deadline,
                                             std::vector<Get> extra = {}) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto generation = store_.Generation();
      std::vector<Cached> cached;
      auto gets = extra;
      for (const auto& child : children) {
        const auto& c = cached.emplace_back(Find(child, generation));
        const auto own = keys_.Own(partition, child), inputs = keys_.Inputs(partition, child);
        gets.push_back(Get::Length(own));
        gets.push_back(Get::Length(inputs));
        gets.push_back(Get::List(own, static_cast<std::int64_t>(c.own)));
        gets.push_back(Get::List(inputs, static_cast<std::int64_t>(c.inputs)));
      }
      STAFETT_TRY(auto answer, store_.Read(gets, deadline));
      const bool same = generation == store_.Generation();
      std::vector<Loaded<State>> out;
      for (std::size_t i = 0; i < children.size(); ++i) {
        const auto* values = &answer.values[extra.size() + 4 * i];
        STAFETT_TRY(bool whole, Bring(children[i], cached[i], generation, same, values));
        if (!whole) break;
        out.push_back({cached[i].state,
                       cached[i].own,
                       cached[i].inputs,
                       generation,
                       answer.now,
                       {answer.values.begin(), answer.values.begin() + static_cast<std::ptrdiff_t>(extra.size())}});
      }
      if (out.size() == children.size()) return out;
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

  // Folds what is new. `values`: the two lengths and the two lists from there on. False: another store, or one that
  // lost its tail; what was cached is not its state.
  Result<bool> Bring(const std::string& child, Cached& cached, std::uint64_t generation, bool same,
                     const Value* values) {
    const auto own = static_cast<std::uint64_t>(values[0].number);
    const auto inputs = static_cast<std::uint64_t>(values[1].number);
    if (!same || own < cached.own || inputs < cached.inputs) {
      Drop(child);
      return false;
    }
    const auto& new_own = values[2].list;
    const auto& new_inputs = values[3].list;
    if (new_own.empty() && new_inputs.empty() && cached.state) return true;
    auto next = cached.state ? std::make_shared<State>(*cached.state) : std::make_shared<State>();
    std::size_t taken = 0;
    auto take_inputs = [&](std::uint64_t until) -> Status {
      for (; taken < new_inputs.size() && cached.inputs + taken < until; ++taken) {
        STAFETT_TRY(auto input, DecodeInput(new_inputs[taken]));
        STAFETT_CHECK_OK(fold_(*next, Entry{false, input.offset, input.appended, input.record}));
      }
      return {};
    };
    bool complete = true;  // not while a rebuild has given back an own record, and not yet what it follows
    for (const auto& record : new_own) {
      complete = complete && InputsOf(record) <= inputs;
      STAFETT_CHECK_OK(take_inputs(InputsOf(record)));
      STAFETT_CHECK_OK(fold_(*next, Entry{true, -1, Time{}, record}));
    }
    STAFETT_CHECK_OK(take_inputs(inputs));
    cached = Cached{next, own, inputs, generation};
    if (complete) Put(child, cached);
    return true;
  }

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
