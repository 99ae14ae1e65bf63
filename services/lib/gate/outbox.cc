#include "lib/gate/outbox.h"

#include <utility>
#include <vector>

#include "lib/gate/envelope.h"
#include "lib/gate/headers.h"
#include "lib/seal/seal.h"

namespace stafett::gate {
namespace {

constexpr std::size_t kDigestLength = 16;
constexpr std::size_t kFieldsBefore = 5;  // of an entry, before there was a digest
}  // namespace

const std::string& Field(const StreamEntry& entry, std::string_view name) {
  static const std::string empty;
  for (const auto& [k, v] : entry.fields) {
    if (k == name) return v;
  }
  return empty;
}

std::string OutboxDigest(std::string_view outbox, std::string_view topic, std::string_view key, std::string_view value,
                         std::string_view headers) {
  std::string all;
  all.reserve(outbox.size() + topic.size() + key.size() + value.size() + headers.size() + 64);
  for (const auto part : {outbox, topic, key, value, headers}) {
    all += std::to_string(part.size());
    all += ':';
    all += part;
  }
  return seal::Checksum(all).substr(0, kDigestLength);
}

bool OutboxEntry::Whole() const {
  return unchecked || digest == OutboxDigest(outbox, message.topic, message.key, message.value, headers);
}

OutboxEntry ReadOutbox(int partition, const StreamEntry& entry) {
  OutboxEntry out;
  out.number = OutboxNumber(entry.id);
  out.outbox = entry.stream;
  out.headers = Field(entry, "h");
  out.digest = Field(entry, "d");
  out.unchecked = entry.fields.size() == kFieldsBefore;
  out.message = {Field(entry, "t"), partition, Field(entry, "k"), Field(entry, "v"), DecodeHeaders(out.headers), false};
  out.message.tombstone = out.message.value.empty();
  return out;
}

Result<bool> Mend(Store& store, const Keys& of, int partition, OutboxEntry& entry) {
  auto& m = entry.message;
  std::vector<Get> lists{Get::List(of.Own(partition, m.key), 0)};
  // A second stream about the same child has a list of another name than the key.
  if (auto stream = StreamOf(m.value); !stream.empty() && OwnListOf(stream) != m.key) {
    lists.push_back(Get::List(of.Own(partition, OwnListOf(stream)), 0));
  }
  STAFETT_TRY(auto stored, store.Read(lists, Deadline::In(Millis(2000))));
  for (auto& list : stored.values) {
    for (auto& record : list.list) {
      if (OutboxDigest(entry.outbox, m.topic, m.key, record, entry.headers) != entry.digest) continue;
      m.value = std::move(record);
      m.tombstone = false;
      return true;
    }
  }
  return false;
}

}  // namespace stafett::gate
