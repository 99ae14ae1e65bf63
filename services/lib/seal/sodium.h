// Internal to lib/seal: libsodium, initialised, and the one way out when a key is missing.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <string_view>

#include "lib/seal/seal.h"

namespace stafett::seal::internal {

// Must run before any other libsodium call. Cheap after the first time; aborts if libsodium cannot
// start, because without its random source every nonce and key would be a guess.
void UseSodium();

// Aborts if `key` was never set. A default Secret is all zero: sealing with it would look encrypted
// and not be.
void RequireKey(const Secret& key);

inline const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
inline unsigned char* MutableBytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string Hex(const unsigned char* bytes, std::size_t size);

}  // namespace stafett::seal::internal
