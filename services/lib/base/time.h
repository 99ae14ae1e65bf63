// Time as Stafett sees it: milliseconds since 1970 UTC, as a distinct type; and the deadline of a call.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace stafett {

// A point in time, UTC, in milliseconds. Decisions get it as an argument; they never read a clock.
struct Time {
  std::int64_t ms = 0;
  auto operator<=>(const Time&) const = default;
};

// Monotonic, for waiting only.
using SteadyTime = std::chrono::steady_clock::time_point;
using Millis = std::chrono::milliseconds;

// When the caller stops waiting.
struct Deadline {
  SteadyTime at;
  static Deadline In(Millis from_now) { return {std::chrono::steady_clock::now() + from_now}; }
  Millis Left() const { return std::chrono::duration_cast<Millis>(at - std::chrono::steady_clock::now()); }
  bool Passed() const { return Left() <= Millis(0); }
};

}  // namespace stafett
