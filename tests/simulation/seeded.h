// Chance and steady time, all that a process takes from outside unasked, from a seed: in this binary ids, keys, nonces
// and every look at the steady clock come from here. No service knows: seeded.cc defines the functions that they call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/base/time.h"

namespace stafett::simulation {

// splitmix64: small, good enough, and the same everywhere.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next();
  int Below(int n) { return static_cast<int>(Next() % static_cast<std::uint64_t>(n)); }
  bool OneIn(int n) { return n > 0 && Below(n) == 0; }  // 0: never
  template <class T>
  const T& Of(const std::vector<T>& all) {
    return all[static_cast<std::size_t>(Below(static_cast<int>(all.size())))];
  }

 private:
  std::uint64_t state_;
};

// From here on everything is as it was at the last Reseed with this seed.
void Reseed(std::uint64_t seed);
void AdvanceSteady(Millis by);
// The clock on the wall, for counting schedules per minute alone.
double WallSeconds();

}  // namespace stafett::simulation
