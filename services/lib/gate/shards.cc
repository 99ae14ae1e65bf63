#include "lib/gate/shards.h"

namespace stafett::gate {

Shards::Shards(Store& store, Keys keys, std::string owner)
    : store_(store), keys_(std::move(keys)), owner_(std::move(owner)) {}

Shards::~Shards() { Stop(); }

void Shards::Start(const Beats& beats) {
  thread_ = std::thread([this, beat = BeatOf(beats, "shards")] {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      lock.unlock();
      beat();
      Turn();
      lock.lock();
      wake_.wait_for(lock, kEvery, [this] { return stop_; });
    }
  });
}

void Shards::Stop() {
  {
    std::lock_guard lock(mutex_);
    if (stop_) return;
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  Transaction tx;
  for (int p : Held()) tx.writes.push_back(Write::Release(keys_.Lease(p), owner_));
  // Best effort: an unreleased lease runs out by itself.
  if (!tx.writes.empty()) (void)store_.Run(tx, Deadline::In(Millis(500)));
  std::lock_guard lock(mutex_);
  held_.clear();
}

void Shards::Turn() {
  Transaction tx;
  std::vector<Get> gets;
  for (int p = 0; p < keys_.partitions(); ++p) {
    tx.writes.push_back(Write::Lease(keys_.Lease(p), owner_, kTtl));
    gets.push_back(Get::String(keys_.Lease(p)));
    gets.push_back(Get::String(keys_.Halt(p)));
  }
  std::set<int> held;
  std::map<int, std::string> halted;
  if (store_.Run(tx, Deadline::In(kTtl / 2))) {
    if (auto read = store_.Read(gets, Deadline::In(kTtl / 2))) {
      for (int p = 0; p < keys_.partitions(); ++p) {
        auto at = static_cast<std::size_t>(p) * 2;
        if (read->values[at].string == owner_) held.insert(p);
        if (!read->values[at + 1].string.empty()) halted[p] = read->values[at + 1].string;
      }
    }
  }
  std::lock_guard lock(mutex_);
  held_ = std::move(held);
  halted.merge(halted_);  // what was noticed here stays until the process ends or the key is cleared and it restarts
  halted_ = std::move(halted);
}

std::set<int> Shards::Held() const {
  std::lock_guard lock(mutex_);
  std::set<int> out;
  for (int p : held_) {
    if (!halted_.contains(p)) out.insert(p);
  }
  return out;
}

std::map<int, std::string> Shards::Halted() const {
  std::lock_guard lock(mutex_);
  return halted_;
}

void Shards::Halt(int partition, const std::string& why) {
  {
    std::lock_guard lock(mutex_);
    halted_[partition] = why;
  }
  Transaction tx;
  tx.writes.push_back(Write::Set(keys_.Halt(partition), why));
  (void)store_.Run(tx, Deadline::In(Millis(1000)));  // if it fails, the other copies notice by themselves
}

}  // namespace stafett::gate
