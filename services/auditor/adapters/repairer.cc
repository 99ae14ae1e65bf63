#include "auditor/adapters/repairer.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "auditor/adapters/keys.h"
#include "lib/gate/children.h"

namespace stafett::auditor::adapters {
namespace {

constexpr std::size_t kBatch = 200;
constexpr std::int64_t kInputs = 100;

Deadline Soon() { return Deadline::In(Millis(3000)); }
std::int64_t ToNumber(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }

}  // namespace

Repairer::Repairer(gate::Store& store, gate::Keys own, std::vector<gate::Keys> services,
                   std::map<std::string, Topic*> topics)
    : store_(store),
      own_(std::move(own)),
      services_(std::move(services)),
      topics_(std::move(topics)),
      outboxes_(store) {}

Result<Mended> Repairer::Mend(int partition, const Beat& beat) {
  const auto generation = store_.Generation();
  // All stand still, who has not noticed too. What stands still for another reason keeps it.
  std::vector<gate::Get> gets;
  for (const auto& s : services_) gets.push_back(gate::Get::String(s.Halt(partition)));
  STAFETT_TRY(auto halts, store_.Read(gets, Soon()));
  gate::Transaction halt;
  halt.generation = generation;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    halt.guards.push_back(gate::Guard::Equals(services_[i].Halt(partition), halts.values[i].string));
    if (halts.values[i].string.empty()) {
      halt.writes.push_back(gate::Write::Set(services_[i].Halt(partition), kTailLost));
    }
    // No read is admitted on a view that is about to be set back.
    halt.writes.push_back(gate::Write::Delete(services_[i].Fresh(partition)));
  }
  STAFETT_TRY(auto halted, store_.Run(halt, Soon()));
  if (!halted.done) return Fail(Code::kAborted, "HALTS_CHANGED", "somebody halted the partition just now");

  Mended mended;
  std::map<std::string, std::int64_t> again_from;
  for (const auto& [mark, topic] : topics_) {
    STAFETT_TRY(again_from[mark], MendTopic(partition, mark, *topic, beat, mended));
  }
  STAFETT_CHECK_OK(Resume(partition, generation, again_from));
  return mended;
}

// Everything that the outboxes hold for this topic.
Result<std::vector<domain::Kept>> Repairer::Load(int partition, const Topic& topic, const Beat& beat) {
  std::vector<domain::Kept> kept;
  for (const auto& s : services_) {
    std::map<std::uint64_t, std::int64_t> places;
    gate::StreamPlace place;
    while (true) {
      beat();
      STAFETT_TRY(auto noted, outboxes_.NotesAfter(s, partition, place, kBatch));
      if (noted.empty()) break;
      place = noted.back().place;
      for (const auto& n : noted) {
        for (const auto& note : n.notes) {
          if (note.topic != topic.name() || note.offset < 0) continue;
          auto [it, added] = places.try_emplace(note.number, note.offset);
          if (!added) it->second = std::min(it->second, note.offset);  // a repeat: it was there before
        }
      }
    }
    STAFETT_TRY(const auto moved, Moved(store_, own_, partition, s.service()));
    for (const auto& [number, offset] : moved) {
      if (auto it = places.find(number); it != places.end()) it->second = offset;
    }
    std::uint64_t number = 0;
    while (true) {
      beat();
      STAFETT_TRY(auto entries, outboxes_.EntriesAfter(s, partition, number, kBatch));
      if (entries.empty()) break;
      number = entries.back().number;
      for (const auto& e : entries) {
        if (e.message.topic != topic.name()) continue;
        auto it = places.find(e.number);
        kept.push_back({s.service(), e.number, IdentityOf(e.message.value),
                        it == places.end() ? std::nullopt : std::optional(it->second)});
      }
    }
  }
  return kept;
}

Result<kafka::Message> Repairer::EntryOf(int partition, const domain::Kept& kept) {
  auto of = std::find_if(services_.begin(), services_.end(),
                         [&](const gate::Keys& s) { return s.service() == kept.service; });
  STAFETT_TRY(auto entries, outboxes_.EntriesAfter(*of, partition, kept.number - 1, 1));
  if (entries.empty() || entries[0].number != kept.number) {
    return Fail(Code::kAborted, "OUTBOX_CHANGED", "an entry of an outbox is gone");
  }
  auto& message = entries[0].message;
  // Twice in the store: what is published again is the service's own word, or nothing is.
  auto e = gate::Decode(message.value);
  if (!e) return Fail(Code::kFailedPrecondition, "OUTBOX_DAMAGED", "an entry of an outbox is no record");
  const auto get =
      gate::Get::ListAt(of->Own(partition, gate::OwnListOf(e->stream)), static_cast<std::int64_t>(e->version) - 1);
  STAFETT_TRY(auto own, store_.Read({get}, Soon()));
  if (own.values[0].string != message.value) {
    return Fail(Code::kFailedPrecondition, "OUTBOX_DAMAGED", "an entry of an outbox is not what the service has kept");
  }
  return std::move(message);
}

// Who has taken what is lost, and from where.
Status Repairer::FindPlaces(int partition, const Beat& beat, domain::Repair& repair) {
  std::set<std::string> children;
  for (const auto& lost : repair.Lost()) {
    beat();
    STAFETT_TRY(auto message, EntryOf(partition, lost));
    children.insert(ChildOf(*gate::Decode(message.value)));  // it is a record: EntryOf has looked
  }
  for (const auto& child : children) {
    for (const auto& s : services_) {
      beat();
      const auto key = s.Inputs(partition, child);
      STAFETT_TRY(auto length, store_.Read({gate::Get::Length(key)}, Soon()));
      for (auto end = length.values[0].number; end > 0;) {
        const auto begin = std::max<std::int64_t>(0, end - kInputs);
        STAFETT_TRY(auto page, store_.Read({gate::Get::ListPart(key, begin, end - begin)}, Soon()));
        bool behind = false;
        for (const auto& text : page.values[0].list) {
          auto input = gate::DecodeInput(text);
          if (!input || input->offset < repair.Cut()) continue;
          behind = true;
          repair.Taken(IdentityOf(input->record), input->offset);
        }
        if (!behind) break;
        end = begin;
      }
    }
  }
  return {};
}

Status Repairer::Publish(int partition, Topic& topic, const domain::Repair& repair, const Beat& beat, Mended& mended) {
  const auto steps = repair.Steps();
  if (steps.empty()) return {};
  std::optional<kafka::Message> before;
  const auto from = steps.front().offset;
  STAFETT_CHECK_OK(topic.Read(partition, std::max<std::int64_t>(from - 1, 0), from, beat, [&](const kafka::Record& r) {
    before = kafka::Message{topic.name(), partition, r.key, r.value, r.headers, r.tombstone};
  }));
  if (!before) {
    auto first = std::find_if(steps.begin(), steps.end(), [](const auto& step) { return step.entry != nullptr; });
    const auto* entry = first == steps.end() ? repair.Oldest() : first->entry;
    if (entry == nullptr) {
      return Fail(Code::kFailedPrecondition, "LOST_BEYOND_REPAIR", "no service keeps anything of what is missing");
    }
    STAFETT_TRY(before, EntryOf(partition, *entry));
  }
  for (const auto& step : steps) {
    beat();
    if (step.entry != nullptr) {
      STAFETT_TRY(before, EntryOf(partition, *step.entry));
    }
    STAFETT_TRY(auto offset, topic.Append(*before));
    if (offset != step.offset) return Fail(Code::kAborted, "LOG_MOVED", "somebody wrote to the log meanwhile");
    ++(step.entry != nullptr ? mended.records : mended.repeats);
    if (step.entry != nullptr && step.entry->offset && *step.entry->offset != offset) {
      STAFETT_CHECK_OK(NoteMove(partition, *step.entry, offset));
    }
  }
  return {};
}

// Where the audit will find it.
Status Repairer::NoteMove(int partition, const domain::Kept& kept, std::int64_t offset) {
  gate::Transaction tx;
  tx.writes.push_back(gate::Write::HashSet(MovedKey(own_, partition, kept.service), std::to_string(kept.number),
                                           std::to_string(offset)));
  auto noted = store_.Run(tx, Soon());
  if (!noted) return tl::unexpected(noted.error());
  return {};
}

Result<std::int64_t> Repairer::MendTopic(int partition, const std::string& mark, Topic& topic, const Beat& beat,
                                         Mended& mended) {
  STAFETT_TRY(auto kept, Load(partition, topic, beat));
  domain::Repair repair(std::move(kept));
  std::vector<gate::Get> gets{gate::Get::String(TrimmedKey(own_, partition, topic.name()))};
  for (const auto& s : services_) {
    gets.push_back(gate::Get::String(s.Mark(partition, mark)));
    gets.push_back(gate::Get::String(s.Top(partition, topic.name())));
    gets.push_back(gate::Get::String(s.Index(partition, "restored:" + mark)));
  }
  STAFETT_TRY(auto known, store_.Read(gets, Soon()));
  // Up to here outboxes do not hold all: they were trimmed, or Redis was lost and came back from this very log.
  auto behind = [](const gate::Value& place) { return place.present ? ToNumber(place.string) + 1 : 0; };
  auto kept_from = behind(known.values[0]);
  for (std::size_t i = 1; i < known.values.size(); i += 3) {
    repair.Reached(ToNumber(known.values[i].string));
    repair.Reached(behind(known.values[i + 1]));
    kept_from = std::max(kept_from, behind(known.values[i + 2]));
  }
  STAFETT_TRY(const auto end, topic.End(partition));
  if (end < kept_from) {
    return Fail(Code::kFailedPrecondition, "LOST_BEYOND_REPAIR", "the log lost records that no outbox holds any more");
  }
  STAFETT_CHECK_OK(topic.Read(partition, repair.From().value_or(end), end, beat,
                              [&](const kafka::Record& r) { repair.Meet(r.offset, IdentityOf(r.value)); }));
  repair.End(end);
  for (const auto& [entry, offset] : repair.Moved()) {
    STAFETT_CHECK_OK(NoteMove(partition, *entry, offset));
  }
  if (mark == "log") STAFETT_CHECK_OK(FindPlaces(partition, beat, repair));  // inputs are of the log
  STAFETT_CHECK_OK(Publish(partition, topic, repair, beat, mended));
  return repair.ReadAgainFrom();
}

// All at once: marks back, fence too (what lies behind it is derived anew, and must be acknowledged anew), halts gone.
Status Repairer::Resume(int partition, std::uint64_t generation,
                        const std::map<std::string, std::int64_t>& again_from) {
  std::vector<gate::Get> gets;
  for (const auto& s : services_) {
    for (const auto& [mark, from] : again_from) gets.push_back(gate::Get::String(s.Mark(partition, mark)));
    gets.push_back(gate::Get::String(s.Halt(partition)));
  }
  STAFETT_TRY(auto read, store_.Read(gets, Soon()));
  gate::Transaction tx;
  tx.generation = generation;
  std::size_t i = 0;
  for (const auto& s : services_) {
    for (const auto& [mark, from] : again_from) {
      const auto key = s.Mark(partition, mark);
      const auto& is = read.values[i++].string;
      tx.guards.push_back(gate::Guard::Equals(key, is));  // M3
      if (mark == "log") {
        tx.writes.push_back(gate::Write::Rewind(key, from, s.Fence(partition), s.Outbox(partition)));
      } else if (ToNumber(is) > from) {  // the fence is among the log's offsets
        tx.writes.push_back(gate::Write::Set(key, std::to_string(from)));
      }
    }
    const auto& halt = read.values[i++].string;
    tx.guards.push_back(gate::Guard::Equals(s.Halt(partition), halt));
    if (halt == kTailLost) tx.writes.push_back(gate::Write::Delete(s.Halt(partition)));
    tx.writes.push_back(gate::Write::Delete(s.Fresh(partition)));
  }
  STAFETT_TRY(auto outcome, store_.Run(tx, Soon()));
  if (!outcome.done) return Fail(Code::kAborted, "MARKS_MOVED", "a reader went on meanwhile");
  return {};
}

}  // namespace stafett::auditor::adapters
