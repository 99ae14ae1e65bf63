// What GateCaseStore finds for reading: the index of what is waited for, and a case's events.
//
// The index: a hash "due" of where each word about something awaited stands (gate::Write::Place), and a sorted set
// "due:<person>" and "due:<service>" each of "<date>\n<id>\n<child>".
#include <utility>

#include "cases/adapters/event_mapping.h"
#include "cases/adapters/gate_case_store.h"
#include "lib/host/journal.h"

namespace stafett::cases::adapters {
namespace {
constexpr char kDue[] = "due";
constexpr char kBehindAllChildren[] = "\xff";

std::string ToMember(const app::DuePlace& place) { return place.date + "\n" + place.awaited_id + "\n" + place.child; }
app::DuePlace FromMember(const std::string& member) {
  const auto first = member.find('\n');
  const auto second = member.find('\n', first + 1);
  return {member.substr(0, first), member.substr(first + 1, second - first - 1), member.substr(second + 1)};
}
}  // namespace

std::vector<gate::Write> GateCaseStore::DueWrites(const std::string& child, const std::vector<Awaited>& words) const {
  const auto key = host_.gate().keys().Global(kDue);
  std::vector<gate::Write> writes;
  for (const auto& word : words) {
    std::vector<std::string> of;
    for (const auto& who : {word.person, word.recipient}) {
      if (!word.done && !who.empty()) of.push_back(who);
    }
    writes.push_back(gate::Write::Place(key, word.id, ToMember({word.date, word.id, child}), of));
  }
  return writes;
}

Result<std::vector<app::DuePlace>> GateCaseStore::Due(const std::string& of, const app::DuePlace& after,
                                                      std::size_t count, Deadline deadline) {
  auto behind = after;
  if (behind.child.empty()) behind.child = kBehindAllChildren;
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::After(host_.gate().keys().Global(kDue) + ":" + of,
                                                                     after.date.empty() ? "" : ToMember(behind),
                                                                     static_cast<std::int64_t>(count))},
                                                   deadline));
  std::vector<app::DuePlace> places;
  for (const auto& member : read.values[0].list) places.push_back(FromMember(member));
  return places;
}

Result<std::vector<app::Recorded>> GateCaseStore::History(const std::string& child, const std::string& case_id,
                                                          Deadline deadline) {
  const auto own = host_.gate().keys().Own(host_.gate().PartitionOf(child), child);
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::List(own, 0)}, deadline));
  std::vector<app::Recorded> out;
  for (const auto& record : read.values[0].list) {
    STAFETT_TRY(auto envelope, gate::Decode(record));
    if (envelope.subject != case_id) continue;
    STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), record));
    if (opened.destroyed) continue;
    STAFETT_TRY(auto event, FromBody(envelope.type, opened.bytes));
    if (!event) continue;
    out.push_back({std::move(*event), envelope.type, MessageOf(envelope.type), std::move(opened.bytes),
                   envelope.recorded, envelope.actor.person});
  }
  return out;
}

}  // namespace stafett::cases::adapters
