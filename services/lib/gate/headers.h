// Kafka headers as one string of the outbox: "name\0value\0…"; neither may contain a NUL.
#pragma once

#include <string>
#include <string_view>

#include "lib/kafka/kafka.h"

namespace stafett::gate {

inline std::string EncodeHeaders(const kafka::Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    out += name;
    out += '\0';
    out += value;
    out += '\0';
  }
  return out;
}

inline kafka::Headers DecodeHeaders(std::string_view text) {
  kafka::Headers out;
  while (!text.empty()) {
    auto a = text.find('\0');
    if (a == std::string_view::npos) break;
    auto b = text.find('\0', a + 1);
    if (b == std::string_view::npos) break;
    out.emplace_back(text.substr(0, a), text.substr(a + 1, b - a - 1));
    text.remove_prefix(b + 1);
  }
  return out;
}

}  // namespace stafett::gate
