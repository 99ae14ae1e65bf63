// Opaque ids: a prefix and 26 lower-case base32 digits (Crockford) of 16 bytes, e.g. "ch-0h2k…".
// Random unless said otherwise; nothing can be read from them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace stafett {

using IdBytes = std::array<unsigned char, 16>;

std::string FormatId(std::string_view prefix, const IdBytes& bytes);
// Bytes of "<prefix>-<26 digits>"; nothing if the form, the prefix or a digit is wrong.
std::optional<IdBytes> ParseId(std::string_view prefix, std::string_view id);
std::string NewId(std::string_view prefix);  // from the kernel's random source
// Deterministic (RFC 9562 version 5 in spirit: SHA-1 is replaced by the first 16 bytes of SHA-256).
std::string DerivedId(std::string_view prefix, std::string_view of);
// True for a canonical lower- or upper-case UUID of 36 characters (AIP-155 request_id).
bool IsUuid(std::string_view text);

}  // namespace stafett
