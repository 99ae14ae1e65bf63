#include "lib/gate/acks.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stafett::gate {
namespace {
constexpr Millis kWait{200};
constexpr Millis kPause{100};  // before the store is asked again
}  // namespace

Acks::Acks(Store& store, Keys keys) : store_(store), keys_(std::move(keys)) {}
Acks::~Acks() { Stop(); }

void Acks::Start(const Beats& beats) {
  follow_ = std::thread([this, beat = BeatOf(beats, "acks")] { Follow(beat); });
  expire_ = std::thread([this, beat = BeatOf(beats, "acks-expiry")] { Expire(beat); });
}

void Acks::Stop() {
  {
    std::lock_guard lock(mutex_);
    if (stop_) return;
    stop_ = true;
  }
  wake_.notify_all();
  if (follow_.joinable()) follow_.join();
  if (expire_.joinable()) expire_.join();
  streams_.reset();
  std::map<int, std::vector<Waiter>> left;
  {
    std::lock_guard lock(mutex_);
    left.swap(waiters_);
  }
  for (auto& [p, list] : left) {
    for (auto& w : list) w.done(false);
  }
}

void Acks::MoveTo(std::uint64_t generation, std::vector<Done>& dropped) {
  if (generation <= generation_) return;
  generation_ = generation;
  acked_.clear();
  for (auto& [p, list] : waiters_) {
    for (auto& w : list) dropped.push_back(std::move(w.done));
  }
  waiters_.clear();
}

void Acks::When(std::uint64_t generation, int partition, std::uint64_t number, SteadyTime until, Done done) {
  std::vector<Done> dropped;
  bool known = false;
  {
    std::lock_guard lock(mutex_);
    MoveTo(generation, dropped);
    known = generation == generation_ && number <= acked_[partition];
    if (!known && generation == generation_ && !stop_) {
      waiters_[partition].push_back({number, until, std::move(done)});
      done = nullptr;
      wake_.notify_all();
    }
  }
  for (auto& d : dropped) d(false);
  if (done) done(known);
}

void Acks::Advance(std::uint64_t generation, int partition, std::uint64_t number) {
  std::vector<Done> ready;
  std::vector<Done> dropped;
  {
    std::lock_guard lock(mutex_);
    MoveTo(generation, dropped);
    auto& acked = acked_[partition];
    if (generation == generation_ && number > acked) {
      acked = number;
      auto& list = waiters_[partition];
      auto rest = std::stable_partition(list.begin(), list.end(), [&](const Waiter& w) { return w.number > number; });
      for (auto it = rest; it != list.end(); ++it) ready.push_back(std::move(it->done));
      list.erase(rest, list.end());
    }
  }
  for (auto& done : dropped) done(false);
  for (auto& done : ready) done(true);
}

std::size_t Acks::Waiting() const {
  std::lock_guard lock(mutex_);
  std::size_t n = 0;
  for (const auto& [p, list] : waiters_) n += list.size();
  return n;
}

void Acks::Follow(const Beat& beat) {
  while (true) {
    beat();
    const auto pause = Turn(kWait);
    std::unique_lock lock(mutex_);
    if (stop_) return;
    if (pause > Millis(0)) wake_.wait_for(lock, pause, [this] { return stop_; });
  }
}

Millis Acks::Turn(Millis wait) {
  const auto generation = store_.Generation();
  if (!streams_) streams_ = store_.OpenStreams();
  if (last_.empty() || generation != followed_) {
    followed_ = generation;
    for (int p = 0; p < keys_.partitions(); ++p) last_[keys_.AckLog(p)] = "$";
  }
  std::vector<Done> dropped;
  {
    std::lock_guard lock(mutex_);
    MoveTo(generation, dropped);
  }
  for (auto& done : dropped) done(false);
  std::vector<std::pair<std::string, std::string>> positions(last_.begin(), last_.end());
  auto entries = streams_->Read(positions, 1000, wait);
  if (entries) {
    for (const auto& e : *entries) last_[e.stream] = e.id;
    if (news_ && !entries->empty()) news_();
  }
  std::vector<int> wanted;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [p, list] : waiters_) {
      if (!list.empty()) wanted.push_back(p);
    }
  }
  const auto pause = entries ? Millis(0) : kPause;
  if (wanted.empty()) return pause;
  std::vector<Get> gets;
  gets.reserve(wanted.size());
  for (int p : wanted) gets.push_back(Get::String(keys_.Acked(p)));
  auto acked = store_.Read(gets, Deadline::In(Millis(1000)));
  // Read in the generation that it is told for, or not at all.
  if (!acked || generation != store_.Generation()) return pause;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Advance(generation, wanted[i], std::strtoull(acked->values[i].string.c_str(), nullptr, 10));
  }
  return pause;
}

void Acks::Expire(const Beat& beat) {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    beat();
    auto now = std::chrono::steady_clock::now();
    auto next = now + Millis(1000);
    std::vector<Done> late;
    for (auto& [p, list] : waiters_) {
      auto rest = std::stable_partition(list.begin(), list.end(), [&](const Waiter& w) { return w.until > now; });
      for (auto it = rest; it != list.end(); ++it) late.push_back(std::move(it->done));
      list.erase(rest, list.end());
      for (const auto& w : list) next = std::min(next, w.until);
    }
    if (!late.empty()) {
      lock.unlock();
      for (auto& done : late) done(false);
      lock.lock();
      continue;
    }
    wake_.wait_until(lock, next);
  }
}

}  // namespace stafett::gate
