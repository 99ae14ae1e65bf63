#include "lib/base/id.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace stafett {
namespace {
constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kLength = 26;  // 130 bits hold 128; the first digit is 0..7
}  // namespace

std::string FormatId(std::string_view prefix, const IdBytes& bytes) {
  std::string out(prefix);
  out += '-';
  std::size_t start = out.size();
  out.append(kLength, '0');
  std::uint32_t buffer = 0;
  int bits = 0;
  std::size_t at = start + kLength;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    buffer |= static_cast<std::uint32_t>(bytes[i]) << bits;
    bits += 8;
    while (bits >= 5) {
      out[--at] = kDigits[buffer & 31U];
      buffer >>= 5U;
      bits -= 5;
    }
  }
  out[--at] = kDigits[buffer & 31U];
  return out;
}

std::optional<IdBytes> ParseId(std::string_view prefix, std::string_view id) {
  if (id.size() != prefix.size() + 1 + kLength || !id.starts_with(prefix) || id[prefix.size()] != '-') {
    return std::nullopt;
  }
  IdBytes out{};
  std::uint32_t buffer = 0;
  int bits = 0;
  std::size_t at = out.size();
  for (std::size_t i = id.size(); i-- > prefix.size() + 1;) {
    auto digit = kDigits.find(id[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    buffer |= static_cast<std::uint32_t>(digit) << bits;
    bits += 5;
    while (bits >= 8 && at > 0) {
      out[--at] = static_cast<unsigned char>(buffer & 255U);
      buffer >>= 8U;
      bits -= 8;
    }
  }
  if (buffer != 0) return std::nullopt;  // two bits too many: not canonical
  return out;
}

std::string NewId(std::string_view prefix) {
  IdBytes bytes{};
  // Without randomness no id is safe to give out, so this process must not go on.
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) std::abort();
  return FormatId(prefix, bytes);
}

std::string DerivedId(std::string_view prefix, std::string_view of) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(of.data()), of.size(), digest.data());
  IdBytes bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return FormatId(prefix, bytes);
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    char c = text[i];
    bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace stafett
