#include "disclosure/rpc/fence_waits.h"

#include <algorithm>

namespace stafett::disclosure::rpc_api {

FenceWaits::FenceWaits(const Beats& beats) : thread_([this, beat = BeatOf(beats, "fence")] { Run(beat); }) {}

FenceWaits::~FenceWaits() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool FenceWaits::Wait(Deadline deadline, Look look) {
  const bool last = deadline.Left() < kSpare;
  if (look(last) || last) return true;
  {
    std::lock_guard lock(mutex_);
    if (stop_ || count_ == kMost) return false;
    ++count_;
    new_.push_back({std::move(look), deadline, kShortest, std::chrono::steady_clock::now() + kShortest});
  }
  wake_.notify_all();
  return true;
}

void FenceWaits::Run(const Beat& beat) {
  while (true) {
    beat();
    bool stop = false;
    {
      std::unique_lock lock(mutex_);
      auto something = [this] { return stop_ || !new_.empty(); };
      if (waiting_.empty()) {
        wake_.wait_for(lock, kIdle, something);
      } else {
        auto first = std::min_element(waiting_.begin(), waiting_.end(),
                                      [](const Waiter& a, const Waiter& b) { return a.next < b.next; });
        wake_.wait_until(lock, first->next, something);
      }
      waiting_.splice(waiting_.end(), new_);
      stop = stop_;
    }
    std::size_t answered = 0;
    const auto now = std::chrono::steady_clock::now();
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      const bool last = stop || it->deadline.Left() < kSpare;
      if (!last && it->next > now) {
        ++it;
        continue;
      }
      beat();
      if (it->look(last) || last) {
        it = waiting_.erase(it);
        ++answered;
        continue;
      }
      // The router answers within milliseconds: often at first, then seldom.
      it->pause = std::min(it->pause * 2, kLongest);
      it->next = std::chrono::steady_clock::now() + it->pause;
      ++it;
    }
    std::lock_guard lock(mutex_);
    count_ -= answered;
    if (stop && new_.empty()) return;
  }
}

}  // namespace stafett::disclosure::rpc_api
