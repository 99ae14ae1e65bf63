// Content encrypted per child, keys wrapped by the controller's key, and pseudonyms that can be turned back.
// XChaCha20-Poly1305 (IETF, libsodium) for content; the key-encryption key (KEK) never lies in Redis or Kafka.
// All functions are thread-safe. Key bytes are wiped when an object ends.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace stafett::seal {

inline constexpr std::uint32_t kXChaCha20Poly1305 = 1;

// 32 secret bytes, wiped on destruction; copies are wiped as well.
class Secret {
 public:
  Secret() = default;  // all zero; Valid() is false
  static Secret Random();
  static Result<Secret> FromHex(std::string_view hex64);
  // Hex in a file that nobody but we and root may read: ours with 0600 or 0400, or root's and our group's with 0440.
  static Result<Secret> FromFile(const std::string& path);
  ~Secret();
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  bool Valid() const { return valid_; }
  const unsigned char* data() const { return bytes_.data(); }
  unsigned char* mutable_data() { return bytes_.data(); }
  // A key for one use only: BLAKE2b(key, context).
  Secret Derive(std::string_view context) const;

 private:
  std::array<unsigned char, 32> bytes_{};
  bool valid_ = false;
};

struct DataKey {
  std::string id;  // opaque, random
  Secret key;
};

struct Box {
  std::uint32_t alg = 0;
  std::string key_id;
  std::string nonce;  // 24 bytes
  std::string ciphertext;
};

DataKey NewDataKey();
// `bound` is authenticated and not encrypted: stream, version, type. Opening with another value fails.
Box Seal(const DataKey& key, std::string_view plaintext, std::string_view bound);
// kInternal/SEAL_BROKEN if it does not verify; kInvalidArgument/SEAL_UNKNOWN_ALG.
Result<std::string> Open(const DataKey& key, const Box& box, std::string_view bound);

// A data key under the KEK, for stafett.keys; bound to the key id and the child.
std::string Wrap(const Secret& kek, const DataKey& key, std::string_view child);
Result<DataKey> Unwrap(const Secret& kek, std::string_view key_id, std::string_view child, std::string_view wrapped);

// BLAKE2b-256 keyed, as 64 hex digits. For finding without revealing.
std::string KeyedHash(const Secret& key, std::string_view bytes);
// BLAKE2b-128 as 32 hex digits: a quarter of the time of SHA-256, for what only this project reads again.
std::string Checksum(std::string_view bytes);
// SHA-256 as 64 hex digits (content digests, request hashes).
std::string Sha256(std::string_view bytes);

// A pseudonym of an id for one viewer: one AES-256 block under a key derived for the scope. Same id and scope give
// the same pseudonym; another scope an unrelated one; only the holder of the key can turn it back. Nothing is stored.
// Ids are the 26 lower-case base32 digits of 16 bytes after a prefix ("ch-…"), see lib/base/id.h.
class Pseudonyms {
 public:
  explicit Pseudonyms(const Secret& key) : key_(key) {}
  std::string For(std::string_view scope, std::string_view id, std::string_view prefix) const;
  // The id back, with `id_prefix`; kNotFound if the text is not of the right form.
  Result<std::string> Back(std::string_view scope, std::string_view pseudonym, std::string_view id_prefix) const;

 private:
  Secret key_;
};

}  // namespace stafett::seal
