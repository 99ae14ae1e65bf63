// Who waits for which outbox entry to be on the broker. Completed by the relay of this copy at the delivery report,
// or, when another copy relays the shard, by its note in the ack stream.
//
// A number means something in one generation of the store only: another one may have given it to another entry. Who
// waited in an earlier generation is told false, and nothing said about an earlier one counts in a later.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/base/heartbeat.h"
#include "lib/gate/keys.h"
#include "lib/gate/store.h"

namespace stafett::gate {

class Acks {
 public:
  using Done = std::function<void(bool published)>;
  Acks(Store& store, Keys keys);
  ~Acks();
  void Start(const Beats& beats = {});
  void Stop();  // everybody who waits is told false

  // Calls `done` once: true when entry `number` of partition p is acknowledged, false when `until` comes first.
  // On a thread of the gate; must not block. At once if it is known to be acknowledged already.
  void When(std::uint64_t generation, int partition, std::uint64_t number, SteadyTime until, Done done);
  // Everything up to and including `number` is on the broker.
  void Advance(std::uint64_t generation, int partition, std::uint64_t number);
  std::size_t Waiting() const;
  // Called, on a thread of the gate, whenever any copy has noted that something was acknowledged; must not block.
  // Before Start.
  void OnNews(std::function<void()> news) { news_ = std::move(news); }
  // One round of the loop that follows; for simulations, instead of Start.
  void TurnForTest() { (void)Turn(Millis(0)); }

 private:
  struct Waiter {
    std::uint64_t number;
    SteadyTime until;
    Done done;
  };
  void Follow(const Beat& beat);  // thread: the ack streams of all partitions
  Millis Turn(Millis wait);       // how long to pause then
  void Expire(const Beat& beat);  // thread: deadlines
  // Forgets what an earlier generation was about; `dropped` gets who waited there.
  void MoveTo(std::uint64_t generation, std::vector<Done>& dropped);

  Store& store_;
  Keys keys_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::map<int, std::uint64_t> acked_;
  std::uint64_t generation_ = 0;
  std::map<int, std::vector<Waiter>> waiters_;
  std::function<void()> news_;
  std::unique_ptr<StreamReader> streams_;    // following thread only, as are the next
  std::map<std::string, std::string> last_;  // stream -> id; "$" until the first entry was seen
  std::uint64_t followed_ = 0;               // the generation that they belong to
  std::thread follow_;
  std::thread expire_;
};

}  // namespace stafett::gate
