#include "auditor/adapters/audit.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <utility>

#include "auditor/adapters/keys.h"

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

Compared& Compared::operator+=(const Compared& next) {
  same += next.same;
  other += next.other;
  damaged += next.damaged;
  missing += next.missing;
  unread += next.unread;
  mended += next.mended;
  more = next.more;
  return *this;
}

struct Audit::Wanted {
  std::string service;
  std::uint64_t number = 0;
  kafka::Message message;
  bool again = false;  // it was found before, and counts only if it is not there any more
};

// What is compared in one round: by topic, entries at their places.
struct Audit::Round {
  std::map<std::string, std::multimap<std::int64_t, Wanted>> wanted;
  std::map<std::string, std::int64_t> ends;
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
                   const std::vector<Position>& after, std::vector<gate::Write> more) {
  gate::Transaction tx;
  tx.generation = generation;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    if (after[i].number == before[i].number && after[i].place == before[i].place) continue;
    const auto name = key(own_, partition, services_[i].service());
    tx.guards.push_back(gate::Guard::Equals(name, before[i].text));
    tx.writes.push_back(gate::Write::Set(name, std::to_string(after[i].number) + " " + after[i].place.Id()));
  }
  if (tx.writes.empty()) return {};  // what was looked at again stands where it stood
  std::move(more.begin(), more.end(), std::back_inserter(tx.writes));
  STAFETT_TRY(auto outcome, store_.Run(tx, Soon()));
  if (!outcome.done) return Fail(Code::kAborted, "AUDITED_MEANWHILE", "another copy was quicker");
  return {};
}

Result<bool> Audit::Walk(int partition, const gate::Keys& of, Position& position, const Visit& visit) {
  STAFETT_TRY(auto noted, outboxes_.NotesAfter(of, partition, position.place, kNotes));
  if (noted.empty()) return false;
  STAFETT_TRY(auto entries, outboxes_.EntriesAfter(of, partition, position.number, kEntries));
  STAFETT_TRY(const auto moved, Moved(store_, own_, partition, of.service()));
  for (const auto& n : noted) {
    for (const auto& note : n.notes) {
      if (note.number <= position.number) continue;  // noted twice
      auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.number == note.number; });
      const bool here = it != entries.end();
      if (!here && entries.size() == kEntries && note.number > entries.back().number) return true;
      auto since = moved.find(note.number);
      if (!visit(note, since == moved.end() ? note.offset : since->second, here ? &*it : nullptr)) return false;
      position.number = note.number;
    }
    position.place = n.place;
  }
  return noted.size() == kNotes;
}

// Adds what this service had acknowledged behind the position, and moves the position.
Status Audit::Gather(int partition, std::size_t service, Position& position, Round& round) {
  auto add = [&](const domain::Note& note, std::int64_t place, const Entry* entry) {
    if (entry != nullptr && entry->mended) ++round.compared.mended;
    if (entry == nullptr) {
      ++round.compared.damaged;  // somebody else trimmed it, and nothing can be compared any more
    } else if (!topics_.contains(note.topic) || note.offset < 0) {
      ++round.compared.unread;
    } else {
      round.wanted[note.topic].emplace(place, Wanted{services_[service].service(), note.number, entry->message});
    }
    return true;
  };
  STAFETT_TRY(const bool more, Walk(partition, services_[service], position, add));
  round.compared.more = round.compared.more || more;
  return {};
}

// `newest`: what is looked at again; none, where all is.
Status Audit::Compare(int partition, std::vector<Position>& positions, const std::map<std::string, Newest>& newest,
                      Round& round, const Beat& beat) {
  for (std::size_t i = 0; i < services_.size(); ++i) {
    beat();
    STAFETT_CHECK_OK(Gather(partition, i, positions[i], round));
  }
  STAFETT_CHECK_OK(LookAgain(partition, newest, round));
  for (auto& [topic, wanted] : round.wanted) {
    auto next = wanted.begin();
    auto met = [&](const kafka::Record& found) {
      for (; next != wanted.end() && next->first < found.offset; ++next) ++round.compared.missing;
      for (; next != wanted.end() && next->first == found.offset; ++next) {
        const auto& sent = next->second.message;
        const bool same = Same(sent, found);
        if (same && next->second.again) continue;
        auto& count = same                                                ? round.compared.same
                      : IdentityOf(sent.value) == IdentityOf(found.value) ? round.compared.damaged
                                                                          : round.compared.other;
        ++count;
      }
    };
    auto& log = *topics_.at(topic);
    if (!round.ends.contains(topic)) {
      STAFETT_TRY(round.ends[topic], log.End(partition));
    }
    const auto end = round.ends[topic];
    STAFETT_CHECK_OK(log.Read(partition, wanted.begin()->first, std::min(wanted.rbegin()->first + 1, end), beat, met));
    for (; next != wanted.end(); ++next) ++round.compared.missing;
  }
  return {};
}

std::vector<gate::Get> Audit::NewestGets(int partition) const {
  std::vector<gate::Get> gets;
  gets.reserve(topics_.size());
  for (const auto& [topic, of] : topics_) gets.push_back(gate::Get::String(NewestKey(own_, partition, topic)));
  return gets;
}

// From the answer to Positions with NewestGets behind.
std::map<std::string, Audit::Newest> Audit::NewestOf(const gate::Answer& answer) const {
  std::map<std::string, Newest> out;
  std::size_t i = services_.size();
  for (const auto& [topic, of] : topics_) {
    std::istringstream text(answer.values[i++].string);
    Newest newest;
    if (text >> newest.service >> newest.number >> newest.place) out[topic] = newest;
  }
  return out;
}

// The newest of each topic that has grown (or shrunk) since it was found.
Status Audit::LookAgain(int partition, const std::map<std::string, Newest>& newest, Round& round) {
  for (const auto& [topic, known] : newest) {
    auto of = std::find_if(services_.begin(), services_.end(),
                           [&, &service = known.service](const gate::Keys& s) { return s.service() == service; });
    if (of == services_.end()) continue;
    STAFETT_TRY(const auto end, topics_.at(topic)->End(partition));
    round.ends[topic] = end;
    auto seen = ends_.find({partition, topic});
    if (seen != ends_.end() && seen->second == end) continue;
    STAFETT_TRY(auto entries, outboxes_.EntriesAfter(*of, partition, known.number - 1, 1));
    // The store was lost and came back from the log: its outboxes are others.
    if (entries.empty() || entries[0].number != known.number) continue;
    STAFETT_TRY(const auto moved, Moved(store_, own_, partition, known.service));
    auto since = moved.find(known.number);
    round.wanted[topic].emplace(since == moved.end() ? known.place : since->second,
                                Wanted{known.service, known.number, std::move(entries[0].message), true});
  }
  return {};
}

Result<Compared> Audit::Look(int partition, const Beat& beat) {
  const auto generation = store_.Generation();
  gate::Answer answer;
  STAFETT_TRY(const auto before, Positions(partition, VerifiedKey, NewestGets(partition), answer));
  Round round;
  auto positions = before;
  STAFETT_CHECK_OK(Compare(partition, positions, NewestOf(answer), round, beat));
  if (!round.compared.Well()) return round.compared;
  std::vector<gate::Write> writes;
  for (const auto& [topic, wanted] : round.wanted) {
    const auto& [place, entry] = *wanted.rbegin();
    writes.push_back(
        gate::Write::Set(NewestKey(own_, partition, topic),
                         entry.service + " " + std::to_string(entry.number) + " " + std::to_string(place)));
  }
  STAFETT_CHECK_OK(Move(partition, VerifiedKey, generation, before, positions, std::move(writes)));
  for (const auto& [topic, end] : round.ends) ends_[{partition, topic}] = end;
  return round.compared;
}

// Up to the first entry that somebody has yet to read.
Status Audit::GatherPassed(int partition, std::size_t service, const gate::Answer& marks, Position& position,
                           std::vector<Passed>& passed) {
  auto read_by_all = [&](std::int64_t place) {
    for (std::size_t s = 0; s < services_.size(); ++s) {
      const auto& mark = marks.values[services_.size() + s].string;
      if (std::strtoll(mark.c_str(), nullptr, 10) <= place) return false;
    }
    return true;
  };
  auto add = [&](const domain::Note& note, std::int64_t place, const Entry* entry) {
    if (entry == nullptr) return false;
    if (note.topic != log_ || note.offset < 0) return true;
    auto e = gate::Decode(entry->message.value);
    if (!e) return true;
    if (!read_by_all(place)) return false;
    passed.push_back({e->stream, ChildOf(*e), e->version});
    return true;
  };
  auto walked = Walk(partition, services_[service], position, add);
  if (!walked) return tl::unexpected(walked.error());
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
  std::uint64_t missed = 0;
  if (!passed.empty()) {
    auto gets = marks;
    for (const auto& record : passed) {
      for (const auto& s : services_) {
        gets.push_back(gate::Get::HashField(s.Seen(partition), record.stream));
        gets.push_back(gate::Get::HashField(s.Index(partition, "parked"), record.child));
      }
    }
    STAFETT_TRY(auto seen, store_.Read(gets, Soon()));
    auto at = services_.size();
    for (const auto& record : passed) {
      for (std::size_t s = 0; s < services_.size(); ++s, at += 2) {
        if (record.stream.starts_with(services_[s].service() + "/")) continue;  // its own
        // Its mark went back meanwhile: it reads again.
        if (ToNumber(seen.values[s].string) < ToNumber(answer.values[services_.size() + s].string)) continue;
        const auto taken = ToNumber(seen.values[at].string);
        const auto& parked = seen.values[at + 1];
        // Set aside for a gap: the record that is missing there is this one, and the service has passed it.
        const bool closes = parked.string.starts_with("GAP ") && record.version == taken + 1;
        if (taken < record.version && (!parked.present || closes)) ++missed;
      }
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
    Round round;
    STAFETT_CHECK_OK(Compare(partition, positions, {}, round, beat));
    sum += round.compared;
  } while (sum.more);
  return sum;
}

Result<std::uint64_t> Audit::Trim(int partition, const Beat& beat) {
  const auto generation = store_.Generation();
  gate::Answer answer;
  STAFETT_TRY(const auto verified_upto, Positions(partition, VerifiedKey, NewestGets(partition), answer));
  const auto newest = NewestOf(answer);
  STAFETT_TRY(auto positions, Positions(partition, TakenKey, {}, answer));
  for (std::size_t i = 0; i < positions.size(); ++i) {
    positions[i].number = std::min(positions[i].number, verified_upto[i].number);
  }
  auto is_newest = [&](const std::string& service, std::uint64_t number) {
    return std::any_of(newest.begin(), newest.end(),
                       [&](const auto& n) { return n.second.service == service && n.second.number == number; });
  };
  const auto limit = answer.clock.ms - keep_.count();
  std::uint64_t trimmed = 0;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    beat();
    const auto& s = services_[i];
    STAFETT_TRY(auto noted, outboxes_.NotesAfter(s, partition, {}, kTrim));
    STAFETT_TRY(const auto moved, Moved(store_, own_, partition, s.service()));
    gate::Transaction tx;
    tx.generation = generation;
    std::uint64_t upto = 0;
    gate::StreamPlace behind;
    std::map<std::string, std::int64_t> tops;
    for (const auto& n : noted) {
      const bool old = static_cast<std::int64_t>(n.place.first) < limit;
      const bool verified = std::all_of(n.notes.begin(), n.notes.end(), [&](const auto& note) {
        return note.number <= positions[i].number && !is_newest(s.service(), note.number);
      });
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
    for (const auto& [number, offset] : moved) {
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
