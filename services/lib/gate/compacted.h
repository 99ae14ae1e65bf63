// Follows a compacted topic (keys, identity): each record is a set of writes; a tombstone too. No versions: the last
// one for a key counts. So what is written is guarded by the mark, like in a Tailer: a copy that slept must not put an
// old value, or a destroyed key, back over a newer one.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/heartbeat.h"
#include "lib/gate/keys.h"
#include "lib/gate/ports.h"
#include "lib/gate/shards.h"
#include "lib/gate/store.h"

namespace stafett::gate {

class Compacted {
 public:
  using Writes = std::function<std::vector<Write>(int partition, const kafka::Record& record)>;
  Compacted(Store& store, Keys keys, Shards& shards, MakeReader make, std::string topic, std::string mark,
            Writes writes);
  ~Compacted();
  void Start(const Beats& beats = {});
  void Stop();
  // One round of the thread's loop; for simulations, instead of Start.
  void TurnForTest() {
    (void)Turn(Millis(0), [] {});
  }

 private:
  Millis Turn(Millis wait, const Beat& beat);  // how long to pause then
  bool Assign(const std::set<int>& held);
  Store& store_;
  Keys keys_;
  Shards& shards_;
  MakeReader make_;
  std::string topic_;
  std::string mark_;
  Writes writes_;
  std::unique_ptr<LogReader> reader_;
  std::map<int, std::int64_t> next_;  // what is assigned, and the offset wanted next
  std::uint64_t generation_ = 0;
  bool again_ = true;  // to be assigned anew, from the marks
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::gate
