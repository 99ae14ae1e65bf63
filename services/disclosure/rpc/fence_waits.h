// Those who wait for the fence to pass a withdrawal. One thread looks for all of them: a thread of the executor each
// would let a handful of withdrawals stop every other call.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "lib/base/heartbeat.h"
#include "lib/base/time.h"

namespace stafett::disclosure::rpc_api {

class FenceWaits {
 public:
  // One look, of a few seconds at most; true when it has answered. `last`: there is no time for another, so it must
  // answer now.
  using Look = std::function<bool(bool last)>;
  static constexpr std::size_t kMost = 1000;  // a look is one read of the store, each at least every kLongest
  static constexpr Millis kShortest{1}, kLongest{16}, kSpare{30};
  static constexpr Millis kIdle{1000};  // with nobody waiting it still beats

  explicit FenceWaits(const Beats& beats = {});
  ~FenceWaits();  // everybody gets a last look
  FenceWaits(const FenceWaits&) = delete;
  FenceWaits& operator=(const FenceWaits&) = delete;

  // Looks at once, on the caller's thread, and goes on on its own until `look` has answered or less than kSpare is left
  // of `deadline`. False: too many wait already; `look` is not called again.
  bool Wait(Deadline deadline, Look look);

 private:
  struct Waiter {
    Look look;
    Deadline deadline;
    Millis pause;
    SteadyTime next;
  };
  void Run(const Beat& beat);
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;          // guarded by mutex_
  std::list<Waiter> new_;      // the same
  std::size_t count_ = 0;      // the same
  std::list<Waiter> waiting_;  // of the thread alone
  std::thread thread_;
};

}  // namespace stafett::disclosure::rpc_api
