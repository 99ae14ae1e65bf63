#include "auditor/adapters/outboxes.h"

#include <utility>

#include "lib/base/id.h"
#include "lib/gate/envelope.h"
#include "lib/gate/headers.h"

namespace stafett::auditor::adapters {
namespace {

std::string Field(const gate::StreamEntry& e, std::string_view name) {
  for (const auto& [field, value] : e.fields) {
    if (field == name) return value;
  }
  return {};
}

}  // namespace

std::string IdentityOf(std::string_view bytes) {
  auto e = gate::Decode(bytes);
  return e ? gate::EventId(e->stream, e->version) : DerivedId("b", bytes);
}

Result<std::vector<Entry>> Outboxes::EntriesAfter(const gate::Keys& of, int partition, std::uint64_t number,
                                                  std::size_t most) {
  STAFETT_TRY(auto read, streams_->Read({{of.Outbox(partition), gate::OutboxId(number)}}, most, Millis(0)));
  std::vector<Entry> out;
  out.reserve(read.size());
  for (const auto& e : read) {
    kafka::Message m{Field(e, "t"), partition, Field(e, "k"), Field(e, "v"), gate::DecodeHeaders(Field(e, "h")), false};
    m.tombstone = m.value.empty();
    out.push_back({gate::OutboxNumber(e.id), std::move(m)});
  }
  return out;
}

Result<std::vector<Noted>> Outboxes::NotesAfter(const gate::Keys& of, int partition, const gate::StreamPlace& place,
                                                std::size_t most) {
  STAFETT_TRY(auto read, streams_->Read({{of.AckLog(partition), place.Id()}}, most, Millis(0)));
  std::vector<Noted> out;
  out.reserve(read.size());
  for (const auto& e : read) out.push_back({gate::StreamPlace::Of(e.id), domain::ParseNotes(Field(e, "a"))});
  return out;
}

}  // namespace stafett::auditor::adapters
