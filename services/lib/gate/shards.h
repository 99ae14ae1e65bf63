// Which partitions this copy works on, and which stand still. A lease only saves work: with two holders at once
// everything stays correct (they repeat committed bytes), so nothing here needs to be fast or exact.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "lib/base/heartbeat.h"
#include "lib/gate/keys.h"
#include "lib/gate/store.h"

namespace stafett::gate {

class Shards {
 public:
  // `owner` names this copy, unique among running processes.
  Shards(Store& store, Keys keys, std::string owner);
  ~Shards();  // releases what it holds
  void Start(const Beats& beats = {});
  void Stop();

  std::set<int> Held() const;
  // Why partition p stands still, empty if it does not. Set by whoever notices, seen by all copies; it goes on when the
  // store does not say so any more (the auditor, which has mended the log).
  std::map<int, std::string> Halted() const;
  // `generation`: of the store that it was noticed with. It says nothing about another one, where it is noticed anew.
  void Halt(int partition, const std::string& why, std::uint64_t generation);
  // One round: renew, read. Called by the own thread; tests call it directly.
  void TurnForTest() { Turn(); }

 private:
  void Turn();
  static constexpr Millis kEvery{700};
  static constexpr Millis kTtl{3000};

  Store& store_;
  Keys keys_;
  std::string owner_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::set<int> held_;
  struct Halt_ {
    std::string why;
    std::uint64_t generation = 0;
    bool said = false;        // the store has it: what it says counts from then on…
    std::uint64_t round = 0;  // …in rounds that began later than this
  };
  std::map<int, Halt_> halted_;
  std::uint64_t round_ = 0;
  std::thread thread_;
};

}  // namespace stafett::gate
