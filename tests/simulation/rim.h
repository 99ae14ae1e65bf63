// The store as one copy of a service sees it: others go on while it asks, an answer may be lost, and when the copy has
// died nothing reaches the store any more.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "lib/gate/memory_store.h"

namespace stafett::simulation {

enum class Reply {
  kGiven,
  kLost,          // it has happened, and nobody is told
  kLostOnTheWay,  // it has not, and nobody is told
  kAway           // nothing was sent
};

class RimStore final : public gate::Store {
 public:
  struct Hooks {
    std::function<void()> between;                   // before anything reaches the store
    std::function<Reply()> reply;                    // to the next transaction
    std::function<void(gate::Transaction&)> weaken;  // what a weakened variant leaves out; none: nothing
  };
  RimStore(gate::MemoryStore& store, Hooks hooks) : store_(store), hooks_(std::move(hooks)) {}
  void Die() { dead_ = true; }

  Result<gate::Answer> Read(const std::vector<gate::Get>& gets, Deadline deadline) override {
    if (dead_) return Away();
    hooks_.between();
    return store_.Read(gets, deadline);
  }
  Result<gate::Outcome> Run(const gate::Transaction& tx, Deadline deadline) override {
    if (dead_) return Away();
    hooks_.between();
    const auto reply = hooks_.reply();
    if (reply == Reply::kAway) return Away();
    if (reply == Reply::kLostOnTheWay) return Unknown();
    auto outcome = hooks_.weaken ? RunWeakened(tx, deadline) : store_.Run(tx, deadline);
    if (reply == Reply::kLost) return Unknown();
    return outcome;
  }
  std::unique_ptr<gate::StreamReader> OpenStreams() override { return store_.OpenStreams(); }
  std::uint64_t Generation() const override { return store_.Generation(); }
  bool Connected() const override { return !dead_; }

 private:
  static tl::unexpected<Error> Away() { return Fail(Code::kUnavailable, "REDIS_AWAY", "the store is away"); }
  static tl::unexpected<Error> Unknown() { return Fail(Code::kUnknownOutcome, "REDIS_TIMEOUT", "no reply"); }
  Result<gate::Outcome> RunWeakened(gate::Transaction tx, Deadline deadline) {
    hooks_.weaken(tx);
    return store_.Run(tx, deadline);
  }
  gate::MemoryStore& store_;
  Hooks hooks_;
  bool dead_ = false;
};

}  // namespace stafett::simulation
