// Brings outbox entries to the broker: per partition in order, the stored bytes unchanged, never skipping one.
//
// Interleavings that it survives (each has a test in tests/unit/lib/gate/relay_test.cc):
//   R1 crash after Send, before the ack is noted        -> sent again by the next holder; readers drop by version
//   R2 two holders at once (zombie)                     -> both send the same entries in order: v5 v6 v5 v6
//   R3 a report fails, side topics may have got theirs  -> producer destroyed, all from the oldest unacknowledged again
//   R4 reports out of order over topics                 -> only the unbroken prefix is acknowledged
//   R5 an offset not above the one before               -> the log lost its tail: the partition is halted
//   R6 a side topic refuses for good                    -> SideTopics decides; its entries are withheld, others go on
//   R7 the store is another one than before             -> nothing learnt before is noted in it: producer destroyed,
//                                                          all from what this store says
//   R8 a report from before a lease was lost and won    -> belongs to no entry any more; ignored
//   R9 the store comes back with an entry garbled       -> the service's own list has the same record; if not, the
//                                                          partition is halted
//   R10 the log refuses an entry, and takes the one     -> a broker that knows nothing yet of a producer takes any
//       behind it, which was under way                     number from it: the first entry goes alone. From then on
//                                                          the broker refuses what is behind a gap, and librdkafka
//                                                          does not number it anew (enable.gapless.guarantee)
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "lib/base/heartbeat.h"
#include "lib/gate/acks.h"
#include "lib/gate/keys.h"
#include "lib/gate/ports.h"
#include "lib/gate/shards.h"
#include "lib/gate/store.h"

namespace stafett::gate {

struct OutboxEntry;

// Topics of one partition that may refuse without stopping the rest: a recipient's. Called from threads of the relay,
// which may wait for the store but for nothing else.
class SideTopics {
 public:
  virtual ~SideTopics() = default;
  virtual bool Owns(const std::string& topic) const = 0;
  // The broker refuses it for good: for this entry, and for what is said in Before from now on.
  virtual void Refused(const std::string& topic, const std::string& error) = 0;
  enum class Turn {
    kSend,
    kWithhold,  // it is written down that this entry is not sent. Asked again after a crash: must bear it
    kLater      // that could not be written now
  };
  virtual Turn Before(const kafka::Message& message) = 0;
};

struct RelayOptions {
  std::set<std::string> ordered_topics;  // offsets must rise (R5): log, ledger
};

class Relay {
 public:
  Relay(Store& store, Keys keys, Shards& shards, Acks& acks, MakePublisher make, RelayOptions options);
  ~Relay();
  void Use(SideTopics& side) { side_ = &side; }  // before Start
  void Start(const Beats& beats = {});
  void Stop();  // what is in flight is noted if its report comes within a second

  struct Stats {
    std::uint64_t records = 0, messages = 0;  // acknowledged by Kafka: on ordered topics, on all others
    std::uint64_t restarts = 0, withheld = 0, waiting = 0;
    std::uint64_t mended = 0;  // entries that the store had garbled
    double oldest_seconds = 0;
    bool broken = false;  // no working producer at this moment
  };
  Stats GetStats() const;
  // The generation of the store that it relays for. What earlier ones had in flight is with the broker or gone.
  std::uint64_t Generation() const;
  // One round of each of the two threads' loops; for simulations, instead of Start.
  void TurnForTest() {
    (void)Turn(Millis(0), [] {});
  }
  void NoteForTest() { (void)NoteOnce(); }

 private:
  struct Entry {
    std::uint64_t number = 0;
    std::string topic;
    bool done = false;
    std::int64_t offset = -1;
    SteadyTime since;
  };
  struct Shard {
    std::uint64_t adoption = 0;  // which time that it was taken over
    std::uint64_t round = 0;     // which sending: reports of an earlier one are ignored
    std::uint64_t sent = 0;
    std::uint64_t again_upto = 0;             // entries up to here were sent before…
    SteadyTime again_since;                   // …the oldest of them at this time
    std::deque<Entry> flight;                 // in order; done ones at the front leave
    std::map<std::string, std::int64_t> top;  // ordered topics: highest acknowledged offset
    std::set<std::string> opened;             // ordered topics that have taken something from this producer (R10)
    std::uint64_t to_note = 0;                // acknowledged, not yet written to the store
    std::string pairs;
    std::map<std::string, std::int64_t> top_to_note;
  };
  // How long to pause after a round: until it ends; or, unless the producer was known to be broken, until it breaks.
  struct Pause {
    Millis time{0};
    bool broken = false;
  };
  void Run(const Beat& beat);  // thread: sends
  Pause Turn(Millis wait, const Beat& beat);
  void Note(const Beat& beat);  // thread: writes acknowledgements
  enum class Noted { kNothing, kDone, kFailed };
  Noted NoteOnce();
  void Adopt(const std::set<int>& held, const Beat& beat);
  bool Send(int partition, const StreamEntry& entry);
  bool Mend(int partition, OutboxEntry& entry);  // false: not now, or never
  void Report(int partition, std::uint64_t number, std::uint64_t round, const kafka::Delivery& delivery);
  Pause Restart();

  Store& store_;
  Keys keys_;
  Shards& shards_;
  Acks& acks_;
  MakePublisher make_;
  RelayOptions options_;
  SideTopics* side_ = nullptr;
  std::unique_ptr<Publisher> publisher_;  // relay thread only, as are the next
  std::unique_ptr<StreamReader> streams_;
  bool paused_ = true;  // before the next producer is made; the first one is made at once

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  bool failed_ = false;                 // the producer must be replaced
  std::uint64_t generation_ = 0;        // of the store that by_partition_ was read from
  std::uint64_t ready_generation_ = 0;  // the same, once the producer of the one before is gone
  std::uint64_t last_round_ = 0;        // numbers adoptions and rounds
  std::map<int, Shard> by_partition_;
  Stats stats_;
  std::thread run_;
  std::thread note_;
};

}  // namespace stafett::gate
