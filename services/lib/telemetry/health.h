// Readiness that tells the truth, and liveness by heartbeats.
//
//   Health health;
//   health.Set("redis", false, "CONNECTING");     // a check exists from its first Set
//   health.Set("redis", true);
//   auto beat = health.AddLoop("relay", Millis(10'000));
//   while (...) { beat.Beat(); ... }
//
// Ready: at least one check is known and none fails. Live: every loop has beaten within its limit.
// Names and reasons are shown to operators: stable words of ours, nothing from requests.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/time.h"

namespace stafett::telemetry {

struct Check {
  std::string name;
  bool ok = false;
  std::string reason;  // UPPER_SNAKE, empty when ok
};

struct LoopState {
  std::string name;
  Millis age{0};  // since its last beat
  bool stalled = false;
};

// Held by the loop. Beat() is one atomic store. The loop is forgotten when this goes.
class Heartbeat {
 public:
  Heartbeat() = default;
  void Beat() const;

 private:
  friend class Health;
  struct Loop;
  explicit Heartbeat(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}
  std::shared_ptr<Loop> loop_;
};

// Thread-safe.
class Health {
 public:
  using SteadyClock = std::function<SteadyTime()>;
  explicit Health(SteadyClock now = std::chrono::steady_clock::now);
  ~Health();
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  void Set(std::string_view name, bool ok, std::string_view reason = {});
  bool Ready() const;
  std::vector<Check> Checks() const;  // sorted by name
  std::vector<Check> Failing() const;

  // `limit`: how long a loop may go without a beat. Counts as beaten now.
  [[nodiscard]] Heartbeat AddLoop(std::string_view name, Millis limit);
  std::vector<LoopState> Loops() const;  // in the order in which they began
  bool Live() const;
  std::vector<std::string> Stalled() const;  // names of loops beyond their limit

  // Called with the new value whenever Ready() changes, and once at once; on the thread that called
  // Set, under a lock: it must not block nor call back. One listener; an empty function removes it,
  // after which it is not called again.
  void OnReadyChange(std::function<void(bool ready)> listener);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stafett::telemetry
