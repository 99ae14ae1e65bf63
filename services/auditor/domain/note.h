// What a relay notes when Kafka has acknowledged entries of an outbox (lib/gate/relay.cc): "number:topic:offset " each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stafett::auditor::domain {

struct Note {
  std::uint64_t number = 0;
  std::string topic;
  std::int64_t offset = -1;  // -1: withheld, was never sent
  bool operator==(const Note&) const = default;
};

// A text that is no note is an empty list: nothing counts as verified by it.
std::vector<Note> ParseNotes(std::string_view text);

}  // namespace stafett::auditor::domain
