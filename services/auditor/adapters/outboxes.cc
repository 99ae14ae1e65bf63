#include "auditor/adapters/outboxes.h"

#include <utility>

#include "lib/base/id.h"
#include "lib/gate/envelope.h"
#include "lib/gate/outbox.h"

namespace stafett::auditor::adapters {
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
    auto entry = gate::ReadOutbox(partition, e);
    bool mended = false;  // what can not be mended is compared as it is
    if (!entry.Whole()) {
      STAFETT_TRY(mended, gate::Mend(store_, of, partition, entry));
    }
    out.push_back({entry.number, std::move(entry.message), mended});
  }
  return out;
}

Result<std::vector<Noted>> Outboxes::NotesAfter(const gate::Keys& of, int partition, const gate::StreamPlace& place,
                                                std::size_t most) {
  STAFETT_TRY(auto read, streams_->Read({{of.AckLog(partition), place.Id()}}, most, Millis(0)));
  std::vector<Noted> out;
  out.reserve(read.size());
  for (const auto& e : read) {
    out.push_back({gate::StreamPlace::Of(e.id), domain::ParseNotes(gate::Field(e, "a"))});
  }
  return out;
}

}  // namespace stafett::auditor::adapters
