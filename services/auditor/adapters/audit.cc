#include "auditor/adapters/audit.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "auditor/adapters/repairer.h"
#include "lib/gate/envelope.h"

namespace stafett::auditor::adapters {
namespace {

constexpr std::size_t kEntries = 100;  // of one service in one round: an entry may have a quarter of a MiB
constexpr std::size_t kNotes = 50;
constexpr std::size_t kTrim = 200;  // notes in one step

Deadline Soon() { return Deadline::In(Millis(3000)); }
std::uint64_t ToNumber(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

bool Same(const kafka::Message& sent, const kafka::Record& found) {
  return sent.key == found.key && sent.value == found.value && sent.headers == found.headers;
}

}  // namespace

// What is compared in one round: by topic, entries at their places.
struct Audit::Round {
  std::map<std::string, std::multimap<std::int64_t, kafka::Message>> wanted;
  Compared compared;
};

// A record that all have read past.
struct Audit::Passed {
  std::string stream, child;
  std::uint64_t version = 0;
};

Audit::Audit(gate::Store& store, gate::Keys own, std::vector<gate::Keys> services, std::map<std::string, Topic*> topics,
             std::string log, Millis keep)
    : store_(store),
      own_(std::move(own)),
      services_(std::move(services)),
      topics_(std::move(topics)),
      log_(std::move(log)),
      keep_(keep),
      outboxes_(store) {}

// Of each service, where a mark of ours stands: "<number> <place in the ack stream>".
Result<std::vector<Audit::Position>> Audit::Positions(int partition, KeyOf key, std::vector<gate::Get> more,
                                                      gate::Answer& answer) {
  std::vector<gate::Get> gets;
  gets.reserve(services_.size() + more.size());
  for (const auto& s : services_) gets.push_back(gate::Get::String(key(own_, partition, s.service())));
  gets.insert(gets.end(), more.begin(), more.end());
  STAFETT_TRY(answer, store_.Read(gets, Soon()));
  std::vector<Position> out;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const auto& text = answer.values[i].string;
    const auto space = text.find(' ');
    out.push_back({text, ToNumber(text),
                   space == std::string::npos ? gate::StreamPlace{} : gate::StreamPlace::Of(text.substr(space + 1))});
  }
  return out;
}

Status Audit::Move(int partition, KeyOf key, std::uint64_t generation, const std::vector<Position>& before,
                   const std::vector<Position>& after) {
  gate::Transaction tx;
  tx.generation = generation;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    if (after[i].number == before[i].number && after[i].place == before[i].place) continue;
    const auto name = key(own_, partition, services_[i].service());
    tx.guards.push_back(gate::Guard::Equals(name, before[i].text));
    tx.writes.push_back(gate::Write::Set(name, std::to_string(after[i].number) + " " + after[i].place.Id()));
  }
  if (tx.writes.empty()) return {};
  STAFETT_TRY(auto outcome, store_.Run(tx, Soon()));
  if (!outcome.done) return Fail(Code::kAborted, "AUDITED_MEANWHILE", "another copy was quicker");
  return {};
}

// Entries that stand elsewhere since a tail was mended.
Result<std::map<std::uint64_t, std::int64_t>> Audit::Since(int partition, const gate::Keys& of) {
  STAFETT_TRY(auto moved, store_.Read({gate::Get::Hash(MovedKey(own_, partition, of.service()))}, Soon()));
  std::map<std::uint64_t, std::int64_t> since;
  const auto& fields = moved.values[0].list;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    since[ToNumber(fields[i])] = std::strtoll(fields[i + 1].c_str(), nullptr, 10);
  }
  return since;
}

// Adds what this service had acknowledged behind the position, and moves the position.
Status Audit::Gather(int partition, std::size_t service, Position& position, Round& round) {
  const auto& of = services_[service];
  STAFETT_TRY(auto noted, outboxes_.NotesAfter(of, partition, position.place, kNotes));
  if (noted.empty()) return {};
  STAFETT_TRY(auto entries, outboxes_.EntriesAfter(of, partition, position.number, kEntries));
  STAFETT_TRY(const auto since, Since(partition, of));
  for (const auto& n : noted) {
    for (const auto& note : n.notes) {
      if (note.number <= position.number) continue;  // noted twice
      auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.number == note.number; });
      if (it == entries.end()) {
        const bool later = !entries.empty() && note.number > entries.back().number && entries.size() == kEntries;
        if (later) {
          round.compared.more = true;
          return {};
        }
        // Acknowledged and not in the outbox: somebody else trimmed it, and nothing can be compared any more.
        ++round.compared.damaged;
      } else if (!topics_.contains(note.topic) || note.offset < 0) {
        ++round.compared.unread;
      } else {
        auto place = since.find(note.number);
        round.wanted[note.topic].emplace(place == since.end() ? note.offset : place->second, it->message);
      }
      position.number = note.number;
    }
    position.place = n.place;
  }
  round.compared.more = round.compared.more || noted.size() == kNotes;
  return {};
}

Result<Compared> Audit::Compare(int partition, std::vector<Position>& positions, const Beat& beat) {
  Round round;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    beat();
    STAFETT_CHECK_OK(Gather(partition, i, positions[i], round));
  }
  for (auto& [topic, wanted] : round.wanted) {
    auto next = wanted.begin();
    auto met = [&](const kafka::Record& found) {
      for (; next != wanted.end() && next->first < found.offset; ++next) ++round.compared.missing;
      for (; next != wanted.end() && next->first == found.offset; ++next) {
        const auto& sent = next->second;
        auto& count = Same(sent, found)                                   ? round.compared.same
                      : IdentityOf(sent.value) == IdentityOf(found.value) ? round.compared.damaged
                                                                          : round.compared.other;
        ++count;
      }
    };
    auto& log = *topics_.at(topic);
    STAFETT_TRY(const auto end, log.End(partition));
    STAFETT_CHECK_OK(log.Read(partition, wanted.begin()->first, std::min(wanted.rbegin()->first + 1, end), beat, met));
    for (; next != wanted.end(); ++next) ++round.compared.missing;
  }
  return round.compared;
}

Result<Compared> Audit::Look(int partition, const Beat& beat) {
  const auto generation = store_.Generation();
  gate::Answer answer;
  STAFETT_TRY(const auto before, Positions(partition, VerifiedKey, {}, answer));
  auto positions = before;
  STAFETT_TRY(auto compared, Compare(partition, positions, beat));
  if (compared.Well()) STAFETT_CHECK_OK(Move(partition, VerifiedKey, generation, before, positions));
  return compared;
}

// Up to the first entry that somebody has yet to read.
Status Audit::GatherPassed(int partition, std::size_t service, const gate::Answer& marks, Position& position,
                           std::vector<Passed>& passed) {
  const auto& of = services_[service];
  STAFETT_TRY(auto noted, outboxes_.NotesAfter(of, partition, position.place, kNotes));
  if (noted.empty()) return {};
  STAFETT_TRY(auto entries, outboxes_.EntriesAfter(of, partition, position.number, kEntries));
  STAFETT_TRY(const auto since, Since(partition, of));
  for (const auto& n : noted) {
    for (const auto& note : n.notes) {
      if (note.number <= position.number) continue;
      auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.number == note.number; });
      if (it == entries.end()) return {};
      std::optional<gate::Envelope> e;
      if (note.topic == log_ && note.offset >= 0) {
        if (auto decoded = gate::Decode(it->message.value)) e = std::move(*decoded);
      }
      if (e) {
        auto place = since.find(note.number);
        const auto offset = place == since.end() ? note.offset : place->second;
        for (std::size_t s = 0; s < services_.size(); ++s) {
          const auto& mark = marks.values[services_.size() + s].string;
          if (std::strtoll(mark.c_str(), nullptr, 10) <= offset) return {};
        }
        auto child = e->child.empty() ? e->stream.substr(e->stream.find('/') + 1) : e->child;
        passed.push_back({e->stream, std::move(child), e->version});
      }
      position.number = note.number;
    }
    position.place = n.place;
  }
  return {};
}

Result<std::uint64_t> Audit::LookWhoTook(int partition, const Beat& beat) {
  const auto generation = store_.Generation();
  std::vector<gate::Get> marks;
  for (const auto& s : services_) marks.push_back(gate::Get::String(s.Mark(partition, "log")));
  gate::Answer answer;
  STAFETT_TRY(const auto before, Positions(partition, TakenKey, marks, answer));
  auto positions = before;
  std::vector<Passed> passed;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    beat();
    STAFETT_CHECK_OK(GatherPassed(partition, i, answer, positions[i], passed));
  }
  std::vector<gate::Get> gets;
  for (const auto& record : passed) {
    for (const auto& s : services_) {
      gets.push_back(gate::Get::HashField(s.Seen(partition), record.stream));
      gets.push_back(gate::Get::HashField(s.Index(partition, "parked"), record.child));
      gets.push_back(gate::Get::String(s.Mark(partition, "log")));
    }
  }
  STAFETT_TRY(auto seen, store_.Read(gets, Soon()));
  std::uint64_t missed = 0;
  std::size_t at = 0;
  for (const auto& record : passed) {
    for (std::size_t s = 0; s < services_.size(); ++s, at += 3) {
      if (record.stream.starts_with(services_[s].service() + "/")) continue;  // its own
      // Its mark went back meanwhile: it reads again.
      if (ToNumber(seen.values[at + 2].string) < ToNumber(answer.values[services_.size() + s].string)) continue;
      if (!seen.values[at + 1].present && ToNumber(seen.values[at].string) < record.version) ++missed;
    }
  }
  if (missed == 0) STAFETT_CHECK_OK(Move(partition, TakenKey, generation, before, positions));
  return missed;
}

Result<Compared> Audit::LookAtAll(int partition, const Beat& beat) {
  std::vector<Position> positions(services_.size());
  for (std::size_t i = 0; i < services_.size(); ++i) {
    // An outbox begins where it was trimmed.
    STAFETT_TRY(auto first, outboxes_.EntriesAfter(services_[i], partition, 0, 1));
    if (!first.empty()) positions[i].number = first[0].number - 1;
  }
  Compared sum;
  do {
    STAFETT_TRY(auto compared, Compare(partition, positions, beat));
    sum.same += compared.same;
    sum.other += compared.other;
    sum.damaged += compared.damaged;
    sum.missing += compared.missing;
    sum.unread += compared.unread;
    sum.more = compared.more;
  } while (sum.more);
  return sum;
}

Result<std::uint64_t> Audit::Trim(int partition, const Beat& beat) {
  const auto generation = store_.Generation();
  gate::Answer answer;
  STAFETT_TRY(const auto verified_upto, Positions(partition, VerifiedKey, {}, answer));
  STAFETT_TRY(auto positions, Positions(partition, TakenKey, {}, answer));
  for (std::size_t i = 0; i < positions.size(); ++i) {
    positions[i].number = std::min(positions[i].number, verified_upto[i].number);
  }
  const auto limit = answer.clock.ms - keep_.count();
  std::uint64_t trimmed = 0;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    beat();
    const auto& s = services_[i];
    STAFETT_TRY(auto noted, outboxes_.NotesAfter(s, partition, {}, kTrim));
    STAFETT_TRY(const auto since, Since(partition, s));
    gate::Transaction tx;
    tx.generation = generation;
    std::uint64_t upto = 0;
    gate::StreamPlace behind;
    std::map<std::string, std::int64_t> tops;
    for (const auto& n : noted) {
      const bool old = static_cast<std::int64_t>(n.place.first) < limit;
      const bool verified = std::all_of(n.notes.begin(), n.notes.end(),
                                        [&](const auto& note) { return note.number <= positions[i].number; });
      if (!old || !verified) break;
      behind = {n.place.first, n.place.second + 1};
      for (const auto& note : n.notes) {
        upto = std::max(upto, note.number);
        tops[note.topic] = std::max(tops[note.topic], note.offset);
      }
      trimmed += n.notes.size();
    }
    if (behind == gate::StreamPlace{}) continue;
    for (const auto& [topic, offset] : tops) {
      if (topics_.contains(topic)) tx.writes.push_back(gate::Write::Max(TrimmedKey(own_, partition, topic), offset));
    }
    for (const auto& [number, offset] : since) {
      if (number > upto) break;
      tx.writes.push_back(gate::Write::HashDelete(MovedKey(own_, partition, s.service()), std::to_string(number)));
    }
    if (upto > 0) tx.writes.push_back(gate::Write::Trim(s.Outbox(partition), gate::OutboxId(upto + 1)));
    tx.writes.push_back(gate::Write::Trim(s.AckLog(partition), behind.Id()));
    STAFETT_CHECK_OK(store_.Run(tx, Soon()));
  }
  return trimmed;
}

Result<Behind> Audit::HowFarBehind(int partition) {
  std::vector<gate::Get> acked;
  for (const auto& s : services_) acked.push_back(gate::Get::String(s.Acked(partition)));
  gate::Answer answer;
  STAFETT_TRY(const auto positions, Positions(partition, VerifiedKey, acked, answer));
  Behind behind;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const auto upto = ToNumber(answer.values[services_.size() + i].string);
    if (upto <= positions[i].number) continue;
    behind.entries += upto - positions[i].number;
    STAFETT_TRY(auto first, outboxes_.NotesAfter(services_[i], partition, positions[i].place, 1));
    if (first.empty()) continue;
    const Millis age(answer.clock.ms - static_cast<std::int64_t>(first[0].place.first));
    behind.oldest = std::max(behind.oldest, age);
  }
  return behind;
}

}  // namespace stafett::auditor::adapters
