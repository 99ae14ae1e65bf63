#include "lib/gate/shards.h"

#include <optional>
#include <utility>

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
  const auto generation = store_.Generation();
  std::map<int, std::string> unsaid;
  std::uint64_t round = 0;
  {
    std::lock_guard lock(mutex_);
    round = ++round_;
    std::erase_if(halted_, [&](const auto& e) { return !e.second.said && e.second.generation < generation; });
    for (const auto& [p, halt] : halted_) {
      if (!halt.said) unsaid[p] = halt.why;
    }
  }
  Transaction tx;
  std::vector<Get> gets;
  for (int p = 0; p < keys_.partitions(); ++p) {
    tx.writes.push_back(Write::Lease(keys_.Lease(p), owner_, kTtl));
    gets.push_back(Get::String(keys_.Lease(p)));
    gets.push_back(Get::String(keys_.Halt(p)));
  }
  for (const auto& [p, why] : unsaid) tx.writes.push_back(Write::Set(keys_.Halt(p), why));
  if (!unsaid.empty()) tx.generation = generation;
  std::optional<Answer> read;
  if (store_.Run(tx, Deadline::In(kTtl / 2))) {
    if (auto answer = store_.Read(gets, Deadline::In(kTtl / 2))) read = std::move(*answer);
  }
  std::lock_guard lock(mutex_);
  held_.clear();
  if (!read) return;  // what stood still stands still
  for (const auto& [p, why] : unsaid) halted_[p] = {why, generation, true, round - 1};
  std::erase_if(halted_, [&](const auto& e) { return e.second.said && e.second.round < round; });
  for (int p = 0; p < keys_.partitions(); ++p) {
    auto at = static_cast<std::size_t>(p) * 2;
    if (read->values[at].string == owner_) held_.insert(p);
    const auto& why = read->values[at + 1].string;
    if (!why.empty()) halted_[p] = {why, generation, true, round - 1};
  }
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
  std::map<int, std::string> out;
  for (const auto& [p, halt] : halted_) out[p] = halt.why;
  return out;
}

void Shards::Halt(int partition, const std::string& why, std::uint64_t generation) {
  {
    std::lock_guard lock(mutex_);
    halted_[partition] = {why, generation, false, round_};
  }
  Transaction tx;
  tx.generation = generation;
  tx.writes.push_back(Write::Set(keys_.Halt(partition), why));
  // If it fails it is said in the next round.
  if (!store_.Run(tx, Deadline::In(Millis(1000)))) return;
  std::lock_guard lock(mutex_);
  // A round that is under way may have read before this was written.
  if (auto it = halted_.find(partition); it != halted_.end()) it->second = {why, generation, true, round_};
}

}  // namespace stafett::gate
