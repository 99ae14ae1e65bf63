// Numbers out of texts that others wrote.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace stafett {

// The whole text as a decimal number; nothing if it is none, has anything before or behind it, or does not fit.
template <class Number>
std::optional<Number> NumberIn(std::string_view text) {
  Number number = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

}  // namespace stafett
