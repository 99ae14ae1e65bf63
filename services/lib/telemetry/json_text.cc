#include "lib/telemetry/json_text.h"

#include <cstdint>
#include <cstdio>

namespace stafett::telemetry {
namespace {

void AppendEscaped(std::string& out, std::uint32_t code) {
  char buffer[8];
  std::snprintf(buffer, sizeof(buffer), "\\u%04x", static_cast<unsigned>(code));
  out += buffer;
}

// Bytes of the UTF-8 character at the start of `text` and its code point; 0 bytes if it is none.
std::size_t Decode(std::string_view text, std::uint32_t& code) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 0;
  std::uint32_t least = 0;
  if (first < 0x80) {
    code = first;
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2, code = first & 0x1fU, least = 0x80;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3, code = first & 0x0fU, least = 0x800;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4, code = first & 0x07U, least = 0x10000;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < least || code > 0x10ffff || surrogate ? 0 : length;
}

}  // namespace

void AppendJsonText(std::string& out, std::string_view text) {
  out += '"';
  std::size_t used = 0;
  while (!text.empty()) {
    std::uint32_t code = 0;
    std::size_t length = Decode(text, code);
    const bool broken = length == 0;
    if (broken) length = 1;
    if (used + length > kMaxTextBytes) {
      out += "\u2026";
      break;
    }
    if (broken) {
      out += "\ufffd";
    } else if (code == '"' || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029) {
      AppendEscaped(out, code);
    } else {
      out += text.substr(0, length);
    }
    used += length;
    text.remove_prefix(length);
  }
  out += '"';
}

}  // namespace stafett::telemetry
