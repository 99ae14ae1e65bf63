#include <cstddef>

#include "lib/kafka/kafka.h"

namespace stafett::kafka {

std::uint32_t Murmur2(std::string_view bytes) {
  constexpr std::uint32_t kSeed = 0x9747b28c;
  constexpr std::uint32_t kMul = 0x5bd1e995;
  const auto byte = [&bytes](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
  };

  std::uint32_t h = kSeed ^ static_cast<std::uint32_t>(bytes.size());
  const std::size_t whole = bytes.size() / 4 * 4;
  for (std::size_t i = 0; i < whole; i += 4) {
    std::uint32_t k = byte(i) | byte(i + 1) << 8U | byte(i + 2) << 16U | byte(i + 3) << 24U;
    k *= kMul;
    k ^= k >> 24U;
    k *= kMul;
    h *= kMul;
    h ^= k;
  }
  if (const std::size_t rest = bytes.size() - whole; rest > 0) {
    if (rest == 3) h ^= byte(whole + 2) << 16U;
    if (rest >= 2) h ^= byte(whole + 1) << 8U;
    h ^= byte(whole);
    h *= kMul;
  }
  h ^= h >> 13U;
  h *= kMul;
  h ^= h >> 15U;
  return h & 0x7fffffffU;  // Java's Utils.toPositive
}

int PartitionOf(std::string_view key, int partitions) {
  if (partitions <= 0) return 0;
  return static_cast<int>(Murmur2(key) % static_cast<std::uint32_t>(partitions));
}

}  // namespace stafett::kafka
