#include "lib/gate/tailer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stafett::gate {
namespace {
constexpr std::size_t kBatch = 256;  // records in one transaction at most
constexpr Millis kWait{50};
constexpr Millis kRetry{20};  // before something that did not go is tried again
constexpr Millis kLook{500};  // at the marks, while nothing comes

std::string ServiceOf(const std::string& stream) { return stream.substr(0, stream.find('/')); }
std::string ChildOfStream(const std::string& stream) { return stream.substr(stream.find('/') + 1); }
std::uint64_t ToNumber(const std::string& s) { return std::strtoull(s.c_str(), nullptr, 10); }
SteadyTime Now() { return std::chrono::steady_clock::now(); }
// Where a child was parked because a record of this stream was missing.
std::optional<std::int64_t> ClosesGap(const std::string& text, const std::string& stream) {
  auto parked = DecodeParked(text);
  if (!parked || parked->mark != "log" || parked->why != kGap || parked->stream != stream) return std::nullopt;
  return parked->offset;
}
// Where a child was parked for the very record that is left out for good. A gap never is: what is missing there is
// another.
std::optional<std::int64_t> EndsParking(const std::string& text, const Discarded& d) {
  auto parked = DecodeParked(text);
  if (!parked || parked->mark != "log" || parked->why == kGap || parked->digest != d.digest) return std::nullopt;
  if (DiscardedAs(parked->stream, parked->version, parked->offset) != DiscardedAs(d.stream, d.version, d.offset)) {
    return std::nullopt;
  }
  return parked->offset;
}
// Answers that every batch begins with.
enum First : std::size_t { kMark, kRewinds, kDiscarded, kFirst };
}  // namespace

// A record, and where the answers about it are.
struct Tailer::Item {
  std::optional<Envelope> envelope;
  bool own = false;
  std::optional<Discarded> discards;  // what the record says is left out, by whichever service
  std::string child;                  // names the lists
  std::size_t version = 0;            // own: length of the list; foreign: version seen
  std::size_t bytes = 0;              // own: what is stored under the record's version
  std::size_t passed = 0;             // own: version of its stream that took effect at its place last
  std::size_t inputs = 0;             // length of the child's inputs
  std::size_t parked = 0;
  std::size_t handled = 0;
};

// What one transaction will do.
struct Tailer::Batch {
  Transaction tx;
  std::map<std::string, std::uint64_t> version;  // stream -> last version, with what this batch has done so far
  std::map<std::string, std::uint64_t> passed;   // own stream -> version passed, the same
  std::map<std::string, std::uint64_t> inputs;   // child -> length of its inputs, the same
  std::set<std::string> parked;                  // children…
  std::vector<Parked> aside;                     // …that were not before
  std::size_t taken = 0;
  bool alone = false;                  // nothing may follow in this transaction
  std::optional<std::int64_t> rewind;  // to where a child was parked whose gap has closed
  std::uint64_t applied = 0, restored = 0, dropped = 0, parked_records = 0;
};

Tailer::Tailer(Store& store, Keys keys, Shards& shards, MakeReader make, std::string topic, std::string mark,
               Applier& applier, const Committer& committer, std::function<bool()> wait_for, Millis patience)
    : store_(store),
      keys_(std::move(keys)),
      shards_(shards),
      make_(std::move(make)),
      topic_(std::move(topic)),
      mark_(std::move(mark)),
      applier_(applier),
      committer_(committer),
      wait_for_(std::move(wait_for)),
      patience_(patience) {}

Tailer::~Tailer() { Stop(); }

void Tailer::Start(const Beats& beats) {
  thread_ = std::thread([this, beat = BeatOf(beats, "reader-" + mark_)] {
    while (!stop_) {
      beat();
      auto until = Now() + Turn(kWait, beat);
      while (!stop_ && Now() < until) std::this_thread::sleep_for(Millis(5));
    }
    reader_.reset();
  });
}

void Tailer::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

Tailer::Stats Tailer::GetStats() const {
  return {applied_.load(), restored_.load(), dropped_.load(), parked_.load(), conflicts_.load(), retries_.load()};
}

// Follows exactly what is held; what was new or asked for it starts from its mark.
bool Tailer::Assign(const std::set<int>& held, const Beat& beat) {
  std::vector<int> left;
  for (const auto& [p, part] : parts_) {
    if (!held.contains(p)) left.push_back(p);
  }
  if (!left.empty()) {
    if (!reader_->Stop(left)) return false;
    for (int p : left) parts_.erase(p);
  }
  std::vector<int> wanted;
  std::vector<Get> gets;
  for (int p : held) {
    auto it = parts_.find(p);
    if (it != parts_.end() && !(it->second.again && it->second.not_before <= Now())) continue;
    wanted.push_back(p);
    gets.push_back(Get::String(keys_.Mark(p, mark_)));
  }
  if (wanted.empty()) return true;
  auto marks = store_.Read(gets, Deadline::In(Millis(1000)));
  if (!marks) return false;
  std::map<int, std::int64_t> next;
  std::map<int, Part> parts;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    beat();
    int p = wanted[i];
    auto it = parts_.find(p);
    Part part = it == parts_.end() ? Part{} : it->second;
    part.next = static_cast<std::int64_t>(ToNumber(marks->values[i].string));
    if (it == parts_.end() && mark_ == "log") {
      auto ends = reader_->Watermarks(p, Millis(1500));
      if (!ends) return false;
      part.restoring = part.next < ends->second;
      part.restore_until = ends->second;
    }
    part.again = false;
    next[p] = part.next;
    parts[p] = part;
  }
  if (!reader_->Assign(next)) return false;
  for (auto& [p, part] : parts) parts_[p] = part;
  return true;
}

Millis Tailer::Turn(Millis wait, const Beat& beat) {
  // Before it is asked whether to wait: the answer must be about this store or a later one.
  const auto generation = store_.Generation();
  if (wait_for_ && !wait_for_()) return kRetry;
  if (!reader_) {
    auto made = make_(topic_);
    if (!made) return Millis(200);
    reader_ = std::move(*made);
  }
  if (generation != generation_) {
    if (!Assign({}, beat)) return kRetry;
    generation_ = generation;
  }
  if (!Assign(shards_.Held(), beat) || parts_.empty()) return kRetry;
  auto polled = reader_->Poll(kBatch, wait);
  if (polled.records.empty() && Now() - looked_ > kLook) Rewind();
  for (int p : polled.out_of_range) shards_.Halt(p, "TAIL_LOST");
  std::map<int, std::vector<kafka::Record>> by_partition;
  for (auto& r : polled.records) by_partition[r.partition].push_back(std::move(r));
  for (auto& [p, records] : by_partition) {
    auto it = parts_.find(p);
    if (it == parts_.end()) continue;
    auto& part = it->second;
    std::span<const kafka::Record> rest(records);
    // A reaction ends its transaction, and what lies behind it is looked at anew: so after one, not all of the rest.
    std::size_t window = rest.size();
    while (!part.again && !rest.empty() && !stop_) {
      beat();
      auto n = Apply(p, part, rest.first(std::min(window, rest.size())));
      part.again = n == 0 || std::exchange(part.rewound, false);  // from the mark, whatever it now is
      rest = rest.subspan(n);
      window = 2 * n;
    }
  }
  for (auto& [p, part] : parts_) {
    if (!part.restoring || part.again) continue;
    bool at_end = std::find(polled.at_end.begin(), polled.at_end.end(), p) != polled.at_end.end();
    if (part.next < part.restore_until && !at_end) continue;
    if (part.holes && !part.restored) {
      shards_.Halt(p, "LOG_HOLE");
      continue;
    }
    part.restoring = part.holes;  // what was left out may fit by now
    part.holes = part.restored = false;
    part.again = true;  // now all of it, from the mark
  }
  return Millis(0);
}

void Tailer::Rewind() {
  looked_ = Now();
  std::vector<Get> gets;
  for (const auto& [p, part] : parts_) gets.push_back(Get::String(keys_.Mark(p, mark_)));
  auto marks = store_.Read(gets, Deadline::In(Millis(1000)));
  if (!marks) return;
  std::size_t i = 0;
  for (auto& [p, part] : parts_) {
    const auto mark = static_cast<std::int64_t>(ToNumber(marks->values[i++].string));
    if (!part.restoring && mark < part.next) part.again = true;
  }
}

std::vector<Tailer::Item> Tailer::Look(int p, std::span<const kafka::Record> records, std::vector<Get>& gets) const {
  auto ask = [&gets](Get get) {
    gets.push_back(std::move(get));
    return gets.size() - 1;
  };
  std::vector<Item> items;
  for (const auto& r : records) {
    Item item;
    item.child = r.key;
    if (auto decoded = Decode(r.value)) {
      item.envelope = std::move(*decoded);
      const auto& e = *item.envelope;
      item.own = ServiceOf(e.stream) == keys_.service();
      item.child = e.child.empty() || item.own ? ChildOfStream(e.stream) : e.child;
      item.version = ask(item.own ? Get::Length(keys_.Own(p, item.child)) : Get::HashField(keys_.Seen(p), e.stream));
      item.inputs = ask(Get::Length(keys_.Inputs(p, item.child)));
      if (item.own) {
        item.bytes = ask(Get::ListAt(keys_.Own(p, item.child), static_cast<std::int64_t>(e.version) - 1));
        item.passed = ask(Get::HashField(keys_.Seen(p), e.stream));
      } else {
        item.handled = ask(Get::HashField(keys_.Index(p, "handled"), item.child));
      }
    }
    if (item.envelope && item.envelope->type == kDiscardedType) {
      if (auto said = DecodeDiscarded(item.envelope->clear)) item.discards = std::move(*said);
    }
    item.parked =
        ask(Get::HashField(keys_.Index(p, "parked"), item.own && item.discards ? item.discards->child : item.child));
    items.push_back(std::move(item));
  }
  return items;
}

// The first reason stays, and where it arose. What waits is told by its place: the log has it.
void Tailer::Park(int p, const kafka::Record& record, const Item& item, const Answer& read, const std::string& why,
                  Batch& batch) const {
  auto& writes = batch.tx.writes;
  const auto& child = item.child;
  const auto* envelope = item.envelope ? &*item.envelope : nullptr;
  if (!read.values[item.parked].present && !batch.parked.contains(child)) {
    batch.aside.push_back(ParkedBecause(why, envelope, record.offset, Time{record.timestamp_ms}, mark_, record.value));
    writes.push_back(Write::HashSet(keys_.Index(p, "parked"), child, EncodeParked(batch.aside.back())));
  }
  writes.push_back(Write::SortedAdd(keys_.Waiting(p, child), record.offset, EncodeWaiting(record.offset, envelope)));
  batch.parked.insert(child);
  ++batch.parked_records;
  ++batch.taken;
}

// What takes effect at this place of the log. The first pass stands at no place of it: it is not guarded by the mark.
void Tailer::Pass(int p, const Part& part, const Item& item, const Answer& read, Batch& batch) {
  if (part.restoring) return;
  if (item.discards) return;  // it is the reader's own, and no service's
  const auto& e = *item.envelope;
  auto& passed = batch.passed.try_emplace(e.stream, ToNumber(read.values[item.passed].string)).first->second;
  if (e.version <= passed) return;  // a repeat: what it said took effect at its first place, or is over
  auto writes = applier_.Passed(p, e);
  if (writes.empty()) return;
  passed = e.version;
  writes.push_back(Write::HashSet(keys_.Seen(p), e.stream, std::to_string(e.version)));
  batch.tx.writes.insert(batch.tx.writes.end(), writes.begin(), writes.end());
}

bool Tailer::IsDiscarded(const kafka::Record& record, const Item& item, const Answer& read) const {
  const auto& list = read.values[kDiscarded].list;
  if (list.empty() || mark_ != "log") return false;
  const auto as = item.envelope ? DiscardedAs(item.envelope->stream, item.envelope->version, record.offset)
                                : DiscardedAs("", 0, record.offset);
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
    if (list[i] == as) return list[i + 1] == DigestOf(record.value);
  }
  return false;
}

// What nobody can read.
void Tailer::Unread(int p, const kafka::Record& record, const Item& item, const Answer& read, Batch& batch) const {
  const bool behind = read.values[item.parked].present || batch.parked.contains(item.child);
  if (!behind && IsDiscarded(record, item, read)) {
    ++batch.taken;
  } else {
    Park(p, record, item, read, kUnreadable, batch);
  }
}

// kStop: nothing more can be done with this partition.
Tailer::Took Tailer::Own(int p, Part& part, const kafka::Record& record, const Item& item, const Answer& read,
                         Batch& batch) {
  const auto& e = *item.envelope;
  const auto stored = static_cast<std::uint64_t>(read.values[item.version].number);
  auto& version = batch.version.try_emplace(e.stream, stored).first->second;
  if (e.version <= version) {
    const auto& bytes = read.values[item.bytes];
    if (e.version <= stored && bytes.string != record.value) {
      shards_.Halt(p, "FORK");
      return Took::kStop;
    }
    if (!End(p, part, item, read, batch)) return Took::kNoYet;
    Pass(p, part, item, read, batch);
    ++batch.dropped;
    ++batch.taken;
    return Took::kYes;
  }
  if (e.version != version + 1) {
    if (part.restoring) {
      part.holes = true;
      ++batch.taken;
      return Took::kYes;
    }
    shards_.Halt(p, "LOG_HOLE");
    return Took::kStop;
  }
  if (!End(p, part, item, read, batch)) return Took::kNoYet;
  auto more = item.discards ? std::vector<Write>{Discards(keys_, p, *item.discards)} : applier_.Restore(p, e);
  if (!more) {
    ++retries_;
    return Took::kStop;
  }
  auto& tx = batch.tx;
  if (version == stored) tx.guards.push_back(Guard::Length(keys_.Own(p, item.child), stored));
  tx.writes.push_back(Write::Push(keys_.Own(p, item.child), record.value));
  tx.writes.push_back(Write::Max(keys_.Index(p, "restored:" + mark_), record.offset));
  if (!e.request_id.empty()) {
    tx.writes.push_back(Write::Remember(keys_.Command(e.request_scope, e.request_id), kRememberFor, e.request_hash, p,
                                        item.child, e.version));
  }
  if (e.inputs > static_cast<std::uint64_t>(read.values[item.inputs].number)) {
    tx.writes.push_back(Write::HashSet(keys_.Index(p, "handled"), item.child, std::to_string(e.inputs)));
  }
  tx.writes.insert(tx.writes.end(), more->begin(), more->end());
  Pass(p, part, item, read, batch);
  version = e.version;
  ++batch.restored;
  ++batch.taken;
  return Took::kYes;
}

// This service leaves a record out: at this place the child goes on that was parked for it. False: not in this batch.
bool Tailer::End(int p, const Part& part, const Item& item, const Answer& read, Batch& batch) const {
  if (!item.discards || part.restoring) return true;
  const auto& parked = read.values[item.parked];
  const auto ends = parked.present ? EndsParking(parked.string, *item.discards) : std::nullopt;
  // Parked by this very batch, and perhaps for this record: to be seen with what is stored.
  if (batch.taken != 0 && (ends || batch.parked.contains(item.discards->child))) return false;
  if (ends) Resume(p, item.discards->child, *ends, batch);
  return true;
}

void Tailer::Resume(int p, const std::string& child, std::int64_t offset, Batch& batch) const {
  batch.alone = true;
  batch.rewind = offset;
  auto& writes = batch.tx.writes;
  auto more = GoOn(keys_, p, child, offset);
  writes.insert(writes.begin(), more.begin(), more.end());  // before what is derived from this record
}

Status Tailer::React(int p, const kafka::Record& record, const Item& item, Batch& batch) {
  STAFETT_TRY(auto reaction, applier_.React(p, *item.envelope, record));
  if (!reaction) return {};
  auto& x = *reaction;
  if (x.target.partition != p) return Fail(Code::kInternal, "BAD_TARGET", "a reaction to another partition");
  // What it writes follows this record as well, which the same step adds to the inputs.
  const auto follows = x.inputs + (x.target.child == item.child ? 1 : 0);
  STAFETT_TRY(auto built, committer_.Build(x.command, x.target, x.own, follows, Time{record.timestamp_ms}, x.proposal));
  auto& tx = batch.tx;
  tx.guards.push_back(Guard::Length(keys_.Own(p, x.target.child), x.own));
  tx.guards.push_back(Guard::Length(keys_.Inputs(p, x.target.child), x.inputs));
  tx.guards.insert(tx.guards.end(), x.proposal.guards.begin(), x.proposal.guards.end());
  tx.writes.insert(tx.writes.end(), built.writes.begin(), built.writes.end());
  if (!x.command.request_id.empty()) {
    tx.writes.push_back(Write::Remember(keys_.Command(x.command.request_scope, x.command.request_id), kRememberFor,
                                        x.command.request_hash, p, x.target.child, x.own + x.proposal.events.size()));
  }
  return {};
}

Tailer::Took Tailer::Foreign(int p, Part& part, const kafka::Record& record, const Item& item, const Answer& read,
                             Batch& batch) {
  const auto& e = *item.envelope;
  auto& version = batch.version.try_emplace(e.stream, ToNumber(read.values[item.version].string)).first->second;
  if (e.version <= version) {
    ++batch.dropped;
    ++batch.taken;
    return Took::kYes;
  }
  const auto& parked = read.values[item.parked];
  const auto closes =
      mark_ == "log" && parked.present && e.version == version + 1 ? ClosesGap(parked.string, e.stream) : std::nullopt;
  if (closes && batch.taken != 0) return Took::kNoYet;
  // Parked by this very batch, and perhaps what was missing: to be seen with what is stored.
  if (!parked.present && batch.parked.contains(item.child) && e.version == version + 1) return Took::kNoYet;
  const bool behind = (parked.present && !closes) || batch.parked.contains(item.child);
  if (behind || e.version != version + 1) {
    Park(p, record, item, read, kGap, batch);
    return Took::kYes;
  }
  const bool discarded = IsDiscarded(record, item, read);
  const bool reacts = !discarded && applier_.Reacts(e);
  auto& inputs =
      batch.inputs.try_emplace(item.child, static_cast<std::uint64_t>(read.values[item.inputs].number)).first->second;
  const auto handled = ToNumber(read.values[item.handled].string);
  if (reacts && inputs + 1 > handled) {
    if (batch.taken != 0) return Took::kNoYet;  // a reaction rests on what is stored: first what lies before it
    batch.alone = true;
    auto reacted = React(p, record, item, batch);
    if (!reacted) {
      if (!part.stuck_since) part.stuck_since = Now();
      if (Now() - *part.stuck_since < patience_) {
        ++retries_;
        part.not_before = Now() + kRetry;
        return Took::kStop;
      }
      Park(p, record, item, read, reacted.error().reason, batch);
      return Took::kYes;
    }
  }
  if (closes) Resume(p, item.child, *closes, batch);
  // What nobody can read, and this other service says is none of its own.
  if (item.discards && item.discards->stream.empty())
    batch.tx.writes.push_back(Vouches(keys_, p, ServiceOf(e.stream), *item.discards));
  if (reacts || (!discarded && applier_.Takes(e))) {
    batch.tx.writes.push_back(Write::Push(keys_.Inputs(p, item.child),
                                          EncodeInput({record.offset, Time{record.timestamp_ms}, record.value})));
    auto more = applier_.Taken(p, e);
    batch.tx.writes.insert(batch.tx.writes.end(), more.begin(), more.end());
    if (++inputs == handled) {
      batch.tx.writes.push_back(Write::HashDelete(keys_.Index(p, "handled"), item.child));
    }
  }
  batch.tx.writes.push_back(Write::HashSet(keys_.Seen(p), e.stream, std::to_string(e.version)));
  version = e.version;
  ++batch.applied;
  ++batch.taken;
  return Took::kYes;
}

std::size_t Tailer::Apply(int p, Part& part, std::span<const kafka::Record> records) {
  // What is stored of each stream, in one read.
  std::vector<Get> gets{Get::String(keys_.Mark(p, mark_)), Get::String(RewindsOf(keys_.Mark(p, mark_))),
                        Get::Hash(keys_.Discarded(p))};
  const auto items = Look(p, records, gets);
  auto read = store_.Read(gets, Deadline::In(Millis(2000)));
  if (!read) {
    ++retries_;
    part.not_before = Now() + kRetry;
    return 0;
  }
  const auto& mark = read->values[kMark].string;
  Batch batch;
  batch.tx.generation = generation_;
  if (!part.restoring) {
    if (static_cast<std::int64_t>(ToNumber(mark)) != part.next) {
      ++conflicts_;
      return 0;
    }
    batch.tx.guards.push_back(Guard::Equals(keys_.Mark(p, mark_), mark));
    // It may have been set back and have come here again, others having taken what this copy has not seen.
    batch.tx.guards.push_back(Guard::Equals(RewindsOf(keys_.Mark(p, mark_)), read->values[kRewinds].string));
  }
  for (std::size_t i = 0; i < records.size() && !batch.alone; ++i) {
    const auto& item = items[i];
    if (item.envelope && item.own) {
      auto took = Own(p, part, records[i], item, *read, batch);
      if (took == Took::kNoYet) break;
      if (took == Took::kStop) {
        part.not_before = Now() + kRetry;
        return 0;
      }
    } else if (part.restoring) {
      ++batch.taken;
    } else if (!item.envelope) {
      Unread(p, records[i], item, *read, batch);
    } else {
      auto took = Foreign(p, part, records[i], item, *read, batch);
      if (took == Took::kStop) return 0;
      if (took == Took::kNoYet) break;
    }
  }
  if (batch.taken == 0) return 0;
  const auto next = records[batch.taken - 1].offset + 1;
  auto& tx = batch.tx;
  if (!part.restoring) {
    // The outbox entries above carry the mark as it was: the fence passes this batch only when they are acknowledged.
    tx.writes.push_back(Write::Set(keys_.Mark(p, mark_), std::to_string(batch.rewind.value_or(next))));
    if (mark_ == "log") {
      tx.writes.push_back(Write::Fence(keys_.Fence(p), keys_.Outbox(p), keys_.Acked(p), keys_.Mark(p, mark_)));
    }
  }
  if (!tx.writes.empty()) {
    auto outcome = store_.Run(tx, Deadline::In(Millis(3000)));
    if (!outcome || !outcome->done) {
      ++conflicts_;
      if (!outcome) part.not_before = Now() + kRetry;
      return 0;
    }
  }
  part.stuck_since.reset();
  part.rewound = batch.rewind.has_value();
  part.restored = part.restored || batch.restored > 0;
  part.next = next;
  if (!part.restoring) {  // else they come again
    dropped_ += batch.dropped;
  }
  applied_ += batch.applied;
  restored_ += batch.restored;
  parked_ += batch.parked_records;
  for (const auto& parked : batch.aside) {
    if (told_) told_(p, parked);
  }
  return batch.taken;
}

}  // namespace stafett::gate
