#include "lib/telemetry/health.h"

#include <algorithm>
#include <map>
#include <utility>

namespace stafett::telemetry {

struct Heartbeat::Loop {
  std::string name;
  Millis limit{0};
  Health::SteadyClock now;
  std::atomic<SteadyTime> beaten;
};

void Heartbeat::Beat() const {
  if (loop_) loop_->beaten.store(loop_->now(), std::memory_order_relaxed);
}

struct Health::State {
  explicit State(SteadyClock clock) : now(std::move(clock)) {}
  const SteadyClock now;
  mutable std::mutex mutex;
  std::map<std::string, Check, std::less<>> checks;  // guarded by mutex, as is all below
  std::vector<std::weak_ptr<Heartbeat::Loop>> loops;
  std::function<void(bool)> listener;

  bool Ready() const {
    return !checks.empty() && std::all_of(checks.begin(), checks.end(), [](const auto& c) { return c.second.ok; });
  }
};

Health::Health(SteadyClock now) : state_(std::make_unique<State>(std::move(now))) {}
Health::~Health() = default;

void Health::Set(std::string_view name, bool ok, std::string_view reason) {
  std::lock_guard lock(state_->mutex);
  const bool before = state_->Ready();
  state_->checks[std::string(name)] = {std::string(name), ok, ok ? std::string() : std::string(reason)};
  const bool after = state_->Ready();
  if (before != after && state_->listener) state_->listener(after);
}

bool Health::Ready() const {
  std::lock_guard lock(state_->mutex);
  return state_->Ready();
}

std::vector<Check> Health::Checks() const {
  std::lock_guard lock(state_->mutex);
  std::vector<Check> all;
  for (const auto& [name, check] : state_->checks) all.push_back(check);
  return all;
}

std::vector<Check> Health::Failing() const {
  std::vector<Check> checks = Checks();
  std::erase_if(checks, [](const Check& check) { return check.ok; });
  return checks;
}

Heartbeat Health::AddLoop(std::string_view name, Millis limit) {
  auto loop = std::make_shared<Heartbeat::Loop>();
  loop->name = name;
  loop->limit = limit;
  loop->now = state_->now;
  loop->beaten = state_->now();
  std::lock_guard lock(state_->mutex);
  std::erase_if(state_->loops, [](const auto& weak) { return weak.expired(); });
  state_->loops.push_back(loop);
  return Heartbeat(std::move(loop));
}

std::vector<LoopState> Health::Loops() const {
  std::lock_guard lock(state_->mutex);
  std::vector<LoopState> loops;
  for (const auto& weak : state_->loops) {
    const auto loop = weak.lock();
    if (!loop) continue;
    // The beat is read first: one that comes in between must not lie in the future.
    const SteadyTime beaten = loop->beaten.load(std::memory_order_relaxed);
    const auto age = state_->now() - beaten;
    loops.push_back({loop->name, std::chrono::duration_cast<Millis>(age), age > loop->limit});
  }
  return loops;
}

bool Health::Live() const { return Stalled().empty(); }

std::vector<std::string> Health::Stalled() const {
  std::vector<std::string> names;
  for (auto& loop : Loops()) {
    if (loop.stalled) names.push_back(std::move(loop.name));
  }
  return names;
}

void Health::OnReadyChange(std::function<void(bool ready)> listener) {
  std::lock_guard lock(state_->mutex);
  state_->listener = std::move(listener);
  if (state_->listener) state_->listener(state_->Ready());
}

}  // namespace stafett::telemetry
