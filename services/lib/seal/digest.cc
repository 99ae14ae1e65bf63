#include <array>

#include "lib/seal/sodium.h"

namespace stafett::seal {

std::string KeyedHash(const Secret& key, std::string_view bytes) {
  internal::UseSodium();
  internal::RequireKey(key);
  std::array<unsigned char, 32> digest{};
  crypto_generichash(digest.data(), digest.size(), internal::Bytes(bytes), bytes.size(), key.data(), 32);
  return internal::Hex(digest.data(), digest.size());
}

std::string Checksum(std::string_view bytes) {
  internal::UseSodium();
  std::array<unsigned char, 16> digest{};
  crypto_generichash(digest.data(), digest.size(), internal::Bytes(bytes), bytes.size(), nullptr, 0);
  return internal::Hex(digest.data(), digest.size());
}

std::string Sha256(std::string_view bytes) {
  internal::UseSodium();
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), internal::Bytes(bytes), bytes.size());
  return internal::Hex(digest.data(), digest.size());
}

}  // namespace stafett::seal
