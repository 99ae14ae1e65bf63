// How far a rebuild has come, for whoever waits for it: share, speed, time left. Pure but for its lock; thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "lib/base/time.h"

namespace stafett::gate {

class Progress {
 public:
  static constexpr Millis kWindow{5000};  // over which the speed is taken
  struct View {
    bool known = false;         // nothing is, while nothing is being rebuilt
    double share = 0;           // of the records that are to be read, 0 to 1; never falling
    std::uint64_t records = 0;  // that were to be read, as far as is known by now
    double per_second = 0;      // records
    double seconds_left = 0;    // at this speed; 0: not known
  };

  // `done`: records read since this copy was started. What was read before is not of this rebuild.
  void Begin(SteadyTime at, std::uint64_t done) {
    std::lock_guard lock(mutex_);
    before_ = done;
    samples_ = {{at, done}};
    view_ = {};
  }
  void Note(SteadyTime at, std::uint64_t done, std::uint64_t left) {
    std::lock_guard lock(mutex_);
    samples_.emplace_back(at, done);
    while (samples_.size() > 2 && at - samples_[1].first >= kWindow) samples_.pop_front();
    const auto here = done - std::min(done, before_);
    View v;
    v.known = true;
    v.records = here + left;
    v.share = std::max(view_.share, v.records == 0 ? 1.0 : static_cast<double>(here) / static_cast<double>(v.records));
    const auto& [since, then] = samples_.front();
    const auto seconds = std::chrono::duration<double>(at - since).count();
    if (seconds > 0) v.per_second = static_cast<double>(done - std::min(done, then)) / seconds;
    if (v.per_second > 0) v.seconds_left = static_cast<double>(left) / v.per_second;
    view_ = v;
  }
  void End() {
    std::lock_guard lock(mutex_);
    view_ = {};
  }
  View Look() const {
    std::lock_guard lock(mutex_);
    return view_;
  }

 private:
  mutable std::mutex mutex_;
  std::uint64_t before_ = 0;
  std::deque<std::pair<SteadyTime, std::uint64_t>> samples_;
  View view_;
};

// "43 % of 301100 records, 12345 a second, 14 s left".
inline std::string ToText(const Progress::View& v) {
  auto whole = [](double n) { return std::to_string(static_cast<std::uint64_t>(n)); };
  std::string text =
      whole(100 * v.share) + " % of " + std::to_string(v.records) + " records, " + whole(v.per_second) + " a second";
  if (v.seconds_left > 0) text += ", " + whole(v.seconds_left + 1) + " s left";
  return text;
}

}  // namespace stafett::gate
