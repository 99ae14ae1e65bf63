#include "lib/gate/watch.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

namespace stafett::gate {
namespace {
constexpr Millis kEvery{500};
constexpr Millis kAgain{100};  // after a round that failed
SteadyTime Now() { return std::chrono::steady_clock::now(); }
}  // namespace

Watch::Watch(Store& store, Keys keys, Shards& shards, MakeReader make, std::map<std::string, std::string> topics)
    : store_(store), keys_(std::move(keys)), shards_(shards), make_(std::move(make)), topics_(std::move(topics)) {}

Watch::~Watch() { Stop(); }

void Watch::Start(const Beats& beats) {
  thread_ = std::thread([this, beat = BeatOf(beats, "watch")] { Run(beat); });
}
void Watch::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Watch::Stopping() const {
  std::lock_guard lock(mutex_);
  return stop_;
}

std::uint64_t Watch::Ask() {
  std::lock_guard lock(mutex_);
  wanted_ = true;
  wake_.notify_all();
  return begun_ + 1;  // the round under way has perhaps asked already
}

Result<Watch::Ends> Watch::EndsSince(std::uint64_t asked, Millis limit) {
  std::unique_lock lock(mutex_);
  if (!wake_.wait_for(lock, limit, [&] { return stop_ || ended_ >= asked; }) || stop_) {
    return Fail(Code::kUnavailable, "LOG_UNAVAILABLE", "the ends of the log are not to be had");
  }
  return ends_;
}

std::map<std::string, std::int64_t> Watch::Lag() const {
  std::lock_guard lock(mutex_);
  return lag_;
}

Watch::View Watch::GetView() const {
  std::lock_guard lock(mutex_);
  View view = view_;
  view.age_seconds = std::chrono::duration<double>(Now() - well_).count();
  return view;
}

Millis Watch::FenceDelay(int p, std::int64_t fence, std::int64_t end, Time now) {
  auto& seen = unfenced_[p];
  if (seen && (fence >= seen->end || end < seen->end)) seen.reset();  // passed; or another log
  if (!seen && fence < end) seen = Seen{end, now};
  return seen ? Millis(now.ms - seen->since.ms) : Millis(0);
}

void Watch::Run(const Beat& beat) {
  while (!Stopping()) {
    beat();
    const auto pause = Turn(beat);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, pause, [this] { return stop_ || wanted_; });
  }
  readers_.clear();
}

Millis Watch::Turn(const Beat& beat) {
  std::uint64_t round = 0;
  {
    std::lock_guard lock(mutex_);
    wanted_ = false;
    round = ++begun_;
  }
  Ends ends;
  if (!Round(ends, beat)) return kAgain;
  std::lock_guard lock(mutex_);
  ends_ = std::move(ends);
  ended_ = round;
  well_ = Now();
  wake_.notify_all();
  return kEvery;
}

bool Watch::Round(Ends& ends, const Beat& beat) {
  const auto generation = store_.Generation();
  auto before = store_.Read({}, Deadline::In(Millis(1000)));
  if (!before) return false;
  for (const auto& [name, topic] : topics_) {
    auto& reader = readers_[name];
    if (!reader) {
      auto made = make_(topic);
      if (!made) return false;
      reader = std::move(*made);
    }
    for (int p = 0; p < keys_.partitions(); ++p) {
      if (Stopping()) return false;
      beat();
      // Read marks after ends would be wrong the other way round: a mark may only be compared with a later end.
      auto w = reader->Watermarks(p, Millis(1500));
      if (!w) return false;
      ends[name][p] = w->second;
    }
  }
  std::vector<Get> gets;
  for (const auto& [name, topic] : topics_) {
    for (int p = 0; p < keys_.partitions(); ++p) {
      gets.push_back(Get::String(keys_.Mark(p, name)));
      gets.push_back(Get::String(keys_.Top(p, topic)));
    }
  }
  const auto of_partitions = gets.size();
  for (int p = 0; p < keys_.partitions(); ++p) {
    gets.push_back(Get::String(keys_.Fence(p)));
    gets.push_back(Get::Hash(keys_.Index(p, "parked")));
    gets.push_back(Get::String(RewindsOf(keys_.Mark(p, "log"))));
  }
  auto read = store_.Read(gets, Deadline::In(Millis(1000)));
  if (!read) return false;
  Transaction fresh;
  fresh.generation = generation;
  auto held = shards_.Held();
  std::map<std::string, std::int64_t> lag;
  std::size_t i = 0;
  for (const auto& [name, topic] : topics_) {
    for (int p = 0; p < keys_.partitions(); ++p) {
      auto mark = std::strtoll(read->values[i].string.c_str(), nullptr, 10);
      const auto& top = read->values[i + 1];
      i += 2;
      const auto end = ends[name][p];
      auto known = std::max<std::int64_t>(mark, top.present ? std::strtoll(top.string.c_str(), nullptr, 10) + 1 : 0);
      lag[name] += std::max<std::int64_t>(0, end - mark);
      if (end < known) {
        // The marks were read after the end: look again before crying wolf.
        beat();
        auto w = readers_[name]->Watermarks(p, Millis(1500));
        if (!w) return false;
        if (w->second < known) {
          shards_.Halt(p, "TAIL_LOST", generation);
          continue;
        }
      }
      if (name == "log" && mark >= end && held.contains(p)) {
        // Not if somebody set the mark back meanwhile: what waited there is to be read first.
        const auto& rewinds = read->values[of_partitions + 3 * static_cast<std::size_t>(p) + 2].string;
        fresh.guards.push_back(Guard::Equals(RewindsOf(keys_.Mark(p, "log")), rewinds));
        fresh.writes.push_back(Write::Set(keys_.Fresh(p), std::to_string(before->clock.ms)));
      }
    }
  }
  if (!fresh.writes.empty()) (void)store_.Run(fresh, Deadline::In(Millis(1000)));
  View view;
  for (int p = 0; p < keys_.partitions(); ++p) {
    const auto* values = &read->values[of_partitions + 3 * static_cast<std::size_t>(p)];
    view.parked_children += values[1].list.size() / 2;
    if (!ends.contains("log")) continue;
    const auto delay = FenceDelay(p, std::strtoll(values[0].string.c_str(), nullptr, 10), ends["log"][p], before->now);
    view.fence_delay_seconds = std::max(view.fence_delay_seconds, static_cast<double>(delay.count()) / 1000);
  }
  std::lock_guard lock(mutex_);
  lag_ = std::move(lag);
  view_ = view;
  return true;
}

}  // namespace stafett::gate
