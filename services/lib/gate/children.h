// The state of a child in one service: a fold over two lists in the store, the service's own records and what it took
// from the log. Folded states are cached; a read brings only what is new, and every decision is guarded by the two
// lengths it was made on (Committer, Tailer). So a stale cache costs a retry, never a wrong decision.
//
// Order of the fold: an own record that was decided on n inputs (Envelope::inputs) comes right behind the n-th input.
// That is the order in which the store took them, so every copy, a cache and a rebuilt store fold alike.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/gate/envelope.h"
#include "lib/gate/folded.h"
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
      : store_(store), keys_(std::move(keys)), fold_(std::move(fold)), folded_(max_cached, kMaxBytes) {}

  Result<Loaded<State>> Load(int partition, const std::string& child, Deadline deadline, std::vector<Get> extra = {}) {
    STAFETT_TRY(auto loaded, LoadAll(partition, {child}, deadline, std::move(extra)));
    return std::move(loaded.front());
  }

  // Several children of one partition, all in one atomic step; in the order asked for. Each gets the answers to the
  // extra Gets.
  Result<std::vector<Loaded<State>>> LoadAll(int partition, const std::vector<std::string>& children, Deadline deadline,
                                             const std::vector<Get>& extra = {}) {
    for (int attempt = 1; attempt <= kAttempts; ++attempt) {
      const auto generation = store_.Generation();
      const bool cached = attempt < kAttempts;  // others are quicker again and again: without them then
      std::vector<Lengths> known;
      auto gets = extra;
      for (const auto& child : children) {
        const auto& k = known.emplace_back(cached ? folded_.Known(child, generation) : Lengths{});
        const auto own = keys_.Own(partition, child), inputs = keys_.Inputs(partition, child);
        gets.push_back(Get::Length(own));
        gets.push_back(Get::Length(inputs));
        gets.push_back(Get::List(own, static_cast<std::int64_t>(k.own)));
        gets.push_back(Get::List(inputs, static_cast<std::int64_t>(k.inputs)));
      }
      STAFETT_TRY(auto answer, store_.Read(gets, deadline));
      if (generation != store_.Generation()) continue;
      std::vector<Loaded<State>> out;
      for (std::size_t i = 0; i < children.size(); ++i) {
        const auto* values = &answer.values[extra.size() + 4 * i];
        const Lengths is{static_cast<std::uint64_t>(values[0].number), static_cast<std::uint64_t>(values[1].number)};
        const New added{known[i], is, values[2].list, values[3].list};
        STAFETT_TRY(auto state, cached ? Bring(children[i], generation, added, deadline) : Alone(added));
        if (!state) break;
        out.push_back({std::move(*state),
                       is.own,
                       is.inputs,
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
  static constexpr int kAttempts = 3;
  // Of records that cached states were folded from; a state has about twice the bytes of its records.
  static constexpr std::size_t kMaxBytes = 64U << 20U;
  using Shared = std::optional<std::shared_ptr<const State>>;
  // What the store has of a child from some lengths on, up to what it is now.
  struct New {
    Lengths from, is;
    const std::vector<std::string>& own;
    const std::vector<std::string>& inputs;
  };

  // Nothing: the store is another one, or lost its tail; or somebody else has cached more by now.
  Result<Shared> Bring(const std::string& child, std::uint64_t generation, const New& added, Deadline deadline) {
    if (!added.from.Within(added.is)) {
      folded_.Drop(child);  // what was cached is not its state
      return Shared();
    }
    std::size_t bytes = 0;
    // A rebuild has given back an own record, and not yet what it follows: the order of the fold will be another.
    bool whole = true;
    for (const auto& record : added.own) {
      bytes += record.size();
      whole = whole && InputsOf(record) <= added.is.inputs;
    }
    for (const auto& input : added.inputs) bytes += input.size();
    return folded_.Bring(child, generation, added.from, added.is, bytes, whole, deadline,
                         [&](State& state, const Lengths& has) { return FoldNew(state, has, added); });
  }

  Result<Shared> Alone(const New& added) {
    auto state = std::make_shared<State>();
    STAFETT_CHECK_OK(FoldNew(*state, {}, added));
    return Shared(std::move(state));
  }

  // What is new to a state that has so much already.
  Status FoldNew(State& state, const Lengths& has, const New& added) {
    auto taken = has.inputs - added.from.inputs;
    auto take_inputs = [&](std::uint64_t until) -> Status {
      for (; taken < added.inputs.size() && added.from.inputs + taken < until; ++taken) {
        STAFETT_TRY(auto input, DecodeInput(added.inputs[taken]));
        STAFETT_CHECK_OK(fold_(state, Entry{false, input.offset, input.appended, input.record}));
      }
      return {};
    };
    for (auto i = has.own - added.from.own; i < added.own.size(); ++i) {
      STAFETT_CHECK_OK(take_inputs(InputsOf(added.own[i])));
      STAFETT_CHECK_OK(fold_(state, Entry{true, -1, Time{}, added.own[i]}));
    }
    return take_inputs(added.is.inputs);
  }

  Store& store_;
  Keys keys_;
  Fold fold_;
  Folded<State> folded_;
};

}  // namespace stafett::gate
