// Looks at the ends of the log twice a second: says that a partition's view is fresh (the mark stands at the end), and
// notices when the end is below what was acknowledged or read: the log lost its tail.
//
// "Fresh at t" means: everything appended before t is in the store. So t is the store's clock read before the ends are
// asked; a slow round makes the view look older, never younger.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "lib/base/heartbeat.h"
#include "lib/base/time.h"
#include "lib/gate/keys.h"
#include "lib/gate/ports.h"
#include "lib/gate/shards.h"
#include "lib/gate/store.h"

namespace stafett::gate {

class Watch {
 public:
  // `topics`: mark name -> topic. Freshness is about "log".
  Watch(Store& store, Keys keys, Shards& shards, MakeReader make, std::map<std::string, std::string> topics);
  ~Watch();
  void Start(const Beats& beats = {});
  void Stop();
  // By mark name: partition -> next offset, all asked after this call began. Waits for it; kUnavailable when Kafka does
  // not tell in time.
  using Ends = std::map<std::string, std::map<int, std::int64_t>>;
  Result<Ends> FreshEnds(Millis limit) { return EndsSince(Ask(), limit); }
  // The same in two steps: from when they are to be asked, and what they were.
  std::uint64_t Ask();
  Result<Ends> EndsSince(std::uint64_t asked, Millis limit);
  // Sum over partitions of (end - mark), by mark name; what readers have still to do.
  std::map<std::string, std::int64_t> Lag() const;

  // Of all partitions, whoever holds them; every copy sees the same. As old as `age_seconds` says.
  struct View {
    double age_seconds = 0;           // since the last round that went well, or since the start
    double fence_delay_seconds = 0;   // how long the oldest record of the log has been seen, the fence not yet past it
    std::size_t parked_children = 0;  // set aside
  };
  View GetView() const;
  // One round of the thread's loop; for simulations, instead of Start.
  void TurnForTest() {
    (void)Turn([] {});
  }

 private:
  // A record that stood at the log's end when it was seen, the fence not being past it.
  struct Seen {
    std::int64_t end = 0;
    Time since;
  };
  void Run(const Beat& beat);
  Millis Turn(const Beat& beat);  // how long to pause then
  bool Round(Ends& ends, const Beat& beat);
  Millis FenceDelay(int p, std::int64_t fence, std::int64_t end, Time now);
  bool Stopping() const;
  Store& store_;
  Keys keys_;
  Shards& shards_;
  MakeReader make_;
  std::map<std::string, std::string> topics_;
  std::map<std::string, std::unique_ptr<LogReader>> readers_;  // own thread only
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Ends ends_;                // of the last round that went well
  std::uint64_t begun_ = 0;  // rounds
  std::uint64_t ended_ = 0;  // the last round that went well
  bool wanted_ = false;
  bool stop_ = false;
  std::map<std::string, std::int64_t> lag_;
  View view_;                                           // but for its age
  SteadyTime well_ = std::chrono::steady_clock::now();  // when the last round that went well ended
  std::map<int, std::optional<Seen>> unfenced_;         // own thread only
  std::thread thread_;
};

}  // namespace stafett::gate
