// An entry of the outbox as it lies in the store, with a digest of what was meant: the store has no sum over what it
// keeps, and what its disk has garbled it serves as it stands. Written by Write::Outbox, read by the relay and the
// auditor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/gate/keys.h"
#include "lib/gate/store.h"
#include "lib/kafka/kafka.h"

namespace stafett::gate {

struct OutboxEntry {
  std::uint64_t number = 0;
  std::string outbox;      // where it lies
  kafka::Message message;  // to `partition` of its topic
  std::string headers;     // as they were stored
  std::string digest;
  bool unchecked = false;  // written by a version before there was a digest
  // It is what was written, and lies where it was written: no bit of that and of what is published is another.
  bool Whole() const;
};

// 16 hex digits over the outbox's own key, and topic, key, value and headers. Against accidents, not against who can
// write to the store.
std::string OutboxDigest(std::string_view outbox, std::string_view topic, std::string_view key, std::string_view value,
                         std::string_view headers);
// The field of this name; empty if there is none.
const std::string& Field(const StreamEntry& entry, std::string_view name);
OutboxEntry ReadOutbox(int partition, const StreamEntry& entry);
// Of an entry that is not whole: the value that was written, from the list of the service `of` that has the same
// record. False: none there fits; of other messages there is no second copy.
Result<bool> Mend(Store& store, const Keys& of, int partition, OutboxEntry& entry);

}  // namespace stafett::gate
