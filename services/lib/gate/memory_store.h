// The fake of the Store, for unit tests and simulation: the same guards and writes in memory, with a clock that the
// test moves. Honest because it passes the same suite as Redis does.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "lib/gate/store.h"

namespace stafett::gate {

class MemoryStore final : public Store {
 public:
  Result<Answer> Read(const std::vector<Get>& gets, Deadline deadline) override;
  Result<Outcome> Run(const Transaction& tx, Deadline deadline) override;
  std::unique_ptr<StreamReader> OpenStreams() override;
  std::uint64_t Generation() const override { return generation_.load(); }
  bool Connected() const override { return !down_; }

  // ---- what only a fake can do ----
  void AdvanceForTest(Millis by);  // also backwards: the clock falls, the time does not
  // Everything is gone, as after a lost disk; the generation changes as on a connect to another server.
  void WipeForTest();
  // An older copy of the data comes back, as from a backup or a disk that lost its end; the generation changes.
  struct Data;
  std::shared_ptr<const Data> CopyForTest() const;
  void RollBackForTest(const std::shared_ptr<const Data>& copy);
  // Nothing answers: Read and Run say kUnavailable.
  void DownForTest(bool down) { down_ = down; }
  // The next `n` Runs do their work and then say kUnknownOutcome: the reply was lost.
  void LoseRepliesForTest(int n) { lose_replies_ = n; }
  // Called before every Run takes effect, on its thread and without a lock: a place to let something else happen first.
  void BeforeRunForTest(std::function<void(const Transaction&)> hook);
  // Every key with its content, for comparing; outboxes and ack streams are left out.
  std::map<std::string, std::string> DumpForTest() const;
  std::vector<StreamEntry> StreamForTest(const std::string& key) const;

  struct Stream {
    std::vector<StreamEntry> entries;
    std::uint64_t next = 1;
    StreamPlace last;
  };
  struct Data {
    std::int64_t seen_ms = 0;  // highest time ever written
    std::map<std::string, std::string> strings;
    std::map<std::string, std::int64_t> expiry_ms;
    std::map<std::string, std::vector<std::string>> lists;
    std::map<std::string, std::map<std::string, std::string>> hashes;
    std::map<std::string, std::map<std::string, std::int64_t>> sorted;
    std::map<std::string, Stream> streams;
  };

 private:
  friend class MemoryStreamReader;
  bool Holds(const Guard& g) const;
  Status Check(const Write& w) const;
  const char* TypeOf(const std::string& key) const;
  void Do(const Write& w, std::vector<std::uint64_t>& numbers);
  void Place(const std::string& key, const std::string& field, const std::string& member, const std::string& names);
  void Fence(const std::string& key, const std::string& outbox, const std::string& acked_key, const std::string& mark);
  // An outbox entry; with a time, an ack stream's.
  std::uint64_t Append(const std::string& key, std::vector<std::pair<std::string, std::string>> fields,
                       std::int64_t at_ms = 0);
  std::string StringAt(const std::string& key) const;
  Time NowLocked() const;
  void ExpireLocked();

  mutable std::mutex mutex_;
  std::condition_variable appended_;
  std::int64_t clock_ms_ = 1'700'000'000'000;
  Data d_;
  std::function<void(const Transaction&)> before_run_;
  std::atomic<std::uint64_t> generation_{1};
  std::atomic<int> lose_replies_{0};
  std::atomic<bool> down_{false};
};

}  // namespace stafett::gate
