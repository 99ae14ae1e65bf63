#include "simulation/seeded.h"

#include <openssl/rand.h>
#include <sodium.h>

#include <chrono>
#include <cstring>
#include <ctime>

namespace stafett::simulation {
namespace {
constexpr std::int64_t kBegin = 1'000'000'000;  // ns; far in the past of any machine, so that no wait ever waits
Chance outside(0);
std::int64_t steady_ns = kBegin;

void Fill(void* to, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(to);
  for (std::size_t i = 0; i < size; i += 8) {
    const auto n = outside.Next();
    std::memcpy(bytes + i, &n, size - i < 8 ? size - i : 8);
  }
}

const char* SodiumName() { return "seeded"; }
std::uint32_t SodiumRandom() { return static_cast<std::uint32_t>(outside.Next()); }
void SodiumFill(void* const to, const std::size_t size) { Fill(to, size); }
randombytes_implementation sodium{SodiumName, SodiumRandom, nullptr, nullptr, SodiumFill, nullptr};
// Before anything asks libsodium for anything.
const int set = randombytes_set_implementation(&sodium);
}  // namespace

std::uint64_t Chance::Next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

void Reseed(std::uint64_t seed) {
  outside = Chance(seed ^ 0x5afe);
  steady_ns = kBegin;
}

void AdvanceSteady(Millis by) { steady_ns += by.count() * 1'000'000; }

double WallSeconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::int64_t SteadyNanoseconds() { return steady_ns; }
void FillBytes(unsigned char* to, int size) { Fill(to, static_cast<std::size_t>(size)); }

}  // namespace stafett::simulation

// In place of libcrypto's and of the standard library's.
extern "C" int RAND_bytes(unsigned char* to, int size) {
  stafett::simulation::FillBytes(to, size);
  return 1;
}
std::chrono::steady_clock::time_point std::chrono::steady_clock::now() noexcept {
  return time_point(nanoseconds(stafett::simulation::SteadyNanoseconds()));
}
// A sanitizer's stacks and quarantine would take most of the time, for what one schedule has forgotten when the next
// begins.
extern "C" const char* __asan_default_options() { return "malloc_context_size=4:quarantine_size_mb=2"; }
