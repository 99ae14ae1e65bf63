// The gate of one service, wired: shards, relay, acknowledgements, readers, watch, barrier.
//
// Life: construct, AddTailer/AddCompacted, Start, (Open() becomes true when the barrier is passed), Stop.
// Everything that is asked before Open() is refused with kUnavailable.
//
// Open is a property of one generation of the store: at the moment that the store is another one, or has lost data, the
// gate is closed, whoever has noticed. What was decided in an earlier generation is refused by the store itself
// (Transaction::generation). Who runs transactions of his own on a decision (not through Execute or an Applier) asks
// Admits(loaded.generation) and sets tx.generation = loaded.generation.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/heartbeat.h"
#include "lib/gate/acks.h"
#include "lib/gate/barrier.h"
#include "lib/gate/commit.h"
#include "lib/gate/compacted.h"
#include "lib/gate/keys.h"
#include "lib/gate/parking.h"
#include "lib/gate/ports.h"
#include "lib/gate/progress.h"
#include "lib/gate/relay.h"
#include "lib/gate/shards.h"
#include "lib/gate/store.h"
#include "lib/gate/tailer.h"
#include "lib/gate/watch.h"

namespace stafett::gate {

struct GateOptions {
  std::string service;
  std::string instance;  // this copy
  int partitions = 24;
  std::int64_t outbox_limit = 100'000;  // entries of one partition that wait for Kafka; then OUTBOX_FULL
  std::string log_topic = "stafett.log";
  std::set<std::string> ordered_topics;         // log, and ledger for disclosure
  std::map<std::string, std::string> followed;  // mark name -> topic, for watch and barrier
  // Settings of stores; lines that name what is unsafe. Called at start, after every reconnect, and while the gate is
  // open, as anybody may change them at any time.
  std::function<Result<std::vector<std::string>>()> check_stores;
  Millis check_every{30'000};
  // Told about changes of state, for log and readiness: name, ok, reason.
  std::function<void(const std::string& name, bool ok, const std::string& reason)> tell;
  std::function<void(int partition, const Parked&)> parked;  // told of each child that is set aside
  Beats beats;                                               // of every thread
};

enum class ReceiptState { kStored, kPublished };

class Gate {
 public:
  Gate(Store& store, GateOptions options, MakePublisher publisher, MakeReader reader, SealBody seal_body);
  ~Gate();

  void AddTailer(std::string topic, std::string mark, Applier& applier);  // "log" waits for all others
  void AddCompacted(std::string topic, std::string mark, Compacted::Writes writes);
  void Use(SideTopics& side) { relay_->Use(side); }
  void Start();
  void Stop();
  bool Open() const { return Admits(store_.Generation()); }
  bool Admits(std::uint64_t generation) const { return generation != 0 && committer_.Admits(generation); }
  Status RequireOpen() const;

  const Keys& keys() const { return keys_; }
  Store& store() { return store_; }
  Committer& committer() { return committer_; }
  Parking& parking() { return *parking_; }  // after AddTailer of "log"
  int PartitionOf(std::string_view child) const;
  std::set<int> Held() const { return shards_.Held(); }  // partitions that this copy works on

  // Calls done(kPublished) at the broker's acknowledgement, or done(kStored) when `until` comes first.
  void WhenPublished(const Committed& committed, SteadyTime until, std::function<void(ReceiptState)> done);
  // Called, on a thread of the gate, whenever Kafka has acknowledged something of this service, whichever copy sent it:
  // somebody may have to be told. It must not block. Before Start.
  void OnNews(std::function<void()> news) { acks_.OnNews(std::move(news)); }
  // kNotFound if this organisation has sent no such command in the last 7 days.
  Result<ReceiptState> Receipt(const std::string& scope, const std::string& request_id, Deadline deadline);

  struct Stats {
    Relay::Stats relay;
    std::map<std::string, Tailer::Stats> tailers;
    std::map<std::string, std::int64_t> lag;
    Watch::View view;
    std::uint64_t conflicts = 0, unknown = 0;
    std::size_t halted = 0, held = 0, waiting = 0;
    bool open = false;
    Progress::View recovery;  // known while the store is brought to the log's end
  };
  Stats GetStats() const;
  Relay& relay() { return *relay_; }
  // The loops of all threads but those that only wait for deadlines, one round each, by name; for simulations, instead
  // of Start.
  struct Loop {
    std::string name;
    std::function<void()> turn;
  };
  std::vector<Loop> LoopsForTest();

 private:
  // How far the store of one generation has been brought to the log's end.
  struct Barrier {
    enum class Stage { kStores, kRelay, kEnds, kSideTopics, kLog } stage = Stage::kStores;
    std::uint64_t generation = 0;
    std::uint64_t asked = 0;  // round of the watch that tells the ends…
    Deadline until{};         // …by then
    Watch::Ends ends;
  };
  void Supervise(const Beat& beat);  // thread: barrier, again whenever the store is another one
  Millis Turn(Millis wait);          // how long to pause then
  bool CheckStores();
  void WatchSettings(const Beat& beat);  // thread: closes the gate when a setting has become unsafe
  // Goes on from where barrier_ stands. Nothing: passed. Else how long to pause before it goes on.
  std::optional<Millis> PassBarrier(Millis wait);
  bool CaughtUp(const Watch::Ends& ends, bool without_log);
  void TellProgress();
  std::uint64_t Passed() const;  // records, by all readers
  void Tell(const std::string& name, bool ok, const std::string& reason) const;
  void TellHalted();
  void TellConnected();
  void StartParts();
  void Pause(Millis time);

  Store& store_;
  GateOptions options_;
  Keys keys_;
  MakePublisher publisher_;
  MakeReader make_reader_;
  Committer committer_;
  Shards shards_;
  Acks acks_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<Watch> watch_;
  std::vector<std::pair<std::string, std::unique_ptr<Tailer>>> tailers_;
  std::vector<std::pair<std::string, std::unique_ptr<Compacted>>> compacted_;
  std::unique_ptr<Parking> parking_;
  std::atomic<std::uint64_t> side_topics_read_{0};  // the generation in which they were
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::atomic<bool> stopping_{false};
  bool started_ = false;  // the parts; supervising thread only, as are the next
  std::optional<Barrier> barrier_;
  Progress progress_;
  SteadyTime progress_noted_{}, progress_told_{};  // supervising thread only, as is the next
  bool halted_told_ = false;
  std::optional<bool> connected_told_;
  std::atomic<bool> unsafe_{false};  // found while open; the supervisor has yet to ask again
  std::thread supervise_, settings_;
};

}  // namespace stafett::gate
