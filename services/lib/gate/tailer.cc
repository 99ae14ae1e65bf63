#include "lib/gate/tailer.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <limits>
#include <unordered_map>
#include <utility>

namespace stafett::gate {
namespace {
constexpr std::size_t kBatch = 512;                                // records in one transaction at most
constexpr std::size_t kPolled = 16384, kPolledBytes = 16U << 20U;  // that lie in memory at once: of all partitions
constexpr Millis kWait{50};
constexpr Millis kRetry{20};  // before something that did not go is tried again
constexpr Millis kLook{500};  // at the marks, while nothing comes
// How long a mark may lag where nothing else is to be written: each write costs the whole store a flush to its disk.
constexpr Millis kIdle{20};
constexpr std::size_t kFew = 32;        // records that are worth waiting for others
constexpr std::size_t kWorkers = 8;     // partitions at once
constexpr std::size_t kReactions = 32;  // in one transaction: the store does nothing else meanwhile
constexpr int kRaces = 8;  // lost to commands about the same children, before it begins again from the mark

std::uint64_t ToNumber(const std::string& s) { return std::strtoull(s.c_str(), nullptr, 10); }
SteadyTime Now() { return std::chrono::steady_clock::now(); }
// What there is now, up to a bound; waits for the first only.
kafka::Polled PollMany(LogReader& reader, Millis wait) {
  auto all = reader.Poll(kBatch, wait);
  auto bytes = [](const std::vector<kafka::Record>& records) {
    std::size_t sum = 0;
    for (const auto& r : records) sum += r.value.size();
    return sum;
  };
  auto size = bytes(all.records);
  while (all.records.size() >= kBatch && all.records.size() < kPolled && size < kPolledBytes) {
    auto more = reader.Poll(kBatch, Millis(0));
    const bool last = more.records.empty();
    size += bytes(more.records);
    std::move(more.records.begin(), more.records.end(), std::back_inserter(all.records));
    all.at_end.insert(all.at_end.end(), more.at_end.begin(), more.at_end.end());
    all.out_of_range.insert(all.out_of_range.end(), more.out_of_range.begin(), more.out_of_range.end());
    if (last) break;
  }
  return all;
}
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
enum First : std::size_t { kMark, kRewinds, kDiscarded };
}  // namespace

// What a batch wants to know of the store: each thing asked once, fields of one hash together.
class Tailer::Questions {
 public:
  struct At {
    std::size_t get = std::numeric_limits<std::size_t>::max();  // not asked
    std::size_t field = 0;                                      // or element
  };
  std::size_t Ask(Get get) {
    gets_.push_back(std::move(get));
    return gets_.size() - 1;
  }
  // Length of a list.
  std::size_t Length(const std::string& key) {
    auto [it, fresh] = lengths_.try_emplace(key, gets_.size());
    if (fresh) gets_.push_back(Get::Length(key));
    return it->second;
  }
  // An element of a list. Elements behind one another, asked for in their order, are one question.
  At Element(const std::string& key, std::int64_t index) {
    auto it = parts_.find(key);
    if (it == parts_.end() || index != gets_[it->second].from + gets_[it->second].count) {
      parts_[key] = gets_.size();
      gets_.push_back(Get::ListPart(key, index, 1));
      return {gets_.size() - 1, 0};
    }
    auto& get = gets_[it->second];
    return {it->second, static_cast<std::size_t>(get.count++)};
  }
  At Field(const std::string& key, const std::string& field) {
    auto [hash, fresh] = hashes_.try_emplace(key);
    if (fresh) {
      hash->second.get = gets_.size();
      gets_.push_back(Get::HashFields(key, {}));
    }
    auto& of = hash->second;
    auto [it, added] = of.fields.try_emplace(field, of.fields.size());
    if (added) gets_[of.get].fields.push_back(field);
    return {of.get, it->second};
  }
  const std::vector<Get>& gets() const { return gets_; }
  // Empty if there is none, or if it was not asked.
  static const std::string& FieldOf(const Answer& read, At at) {
    static const std::string none;
    return at.get < read.values.size() ? read.values[at.get].list[at.field] : none;
  }
  static bool HasElement(const Answer& read, At at, const std::string& bytes) {
    const auto& list = read.values[at.get].list;
    return at.field < list.size() && list[at.field] == bytes;
  }

 private:
  struct Hash {
    std::size_t get = 0;
    std::unordered_map<std::string, std::size_t> fields;
  };
  std::vector<Get> gets_;
  std::unordered_map<std::string, std::size_t> lengths_, parts_;
  std::map<std::string, Hash> hashes_;
};

// A record, and where the answers about it are.
struct Tailer::Item {
  std::optional<Envelope> envelope;
  bool own = false;
  bool skip = false;                  // of another service, in the first pass
  bool reacts = false;                // foreign: something may follow from it
  bool taken = false;                 // foreign: becomes one of the child's inputs
  std::optional<Discarded> discards;  // what the record says is left out, by whichever service
  std::string child;                  // names the lists
  std::size_t own_length = 0;         // own: length of the list
  // own: what is stored under the record's version; none: known to be the same
  std::optional<Questions::At> bytes;
  std::size_t inputs = 0;  // own, and foreign that are taken: length of the child's inputs
  Questions::At handled;   // foreign that are taken
  // Not in the first pass. Own: version of its stream that took effect at its place last; foreign: that was passed.
  Questions::At seen;
  Questions::At parked;
};

// What one transaction will do.
struct Tailer::Batch {
  Transaction tx;
  std::map<std::string, std::uint64_t> version;  // stream -> last version, with what this batch has done so far
  std::map<std::string, std::uint64_t> passed;   // own stream -> version passed, the same
  std::map<std::string, std::uint64_t> inputs;   // child -> length of its inputs, the same
  std::set<std::string> parked;                  // children…
  std::vector<Parked> aside;                     // …that were not before
  std::map<std::string, std::string> seen;       // stream -> version, to be written
  std::map<std::string, std::uint64_t> handled;  // child -> inputs that its own records follow, to be written
  std::set<std::string> touched;                 // children of whose lists something is written
  std::size_t reactions = 0;
  std::int64_t restored_upto = -1;
  std::size_t taken = 0;
  bool alone = false;                  // nothing may follow in this transaction
  bool compared = false;               // own records with what is stored, or it wants to
  bool remembers = false;              // requests, given back
  bool settles = false;                // something takes effect for all that is decided behind it
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
  workers_ = std::make_unique<Executor>(kWorkers, 1024);
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
  if (workers_) workers_->Stop();
}

Tailer::Stats Tailer::GetStats() const {
  return {applied_.load(),   restored_.load(), dropped_.load(), parked_.load(),
          conflicts_.load(), retries_.load(),  passed_.load(),  left_.load()};
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
    if (it == parts_.end() || part.look_ahead) {
      auto ends = reader_->Watermarks(p, Millis(1500));
      if (!ends) return false;
      part.from = part.next;
      part.end = ends->second;
      part.restoring = (mark_ == "log" || part.look_ahead) && part.next < part.end;
      part.looked_ahead = std::exchange(part.look_ahead, false);
    }
    if (part.restoring) part.holes = part.restored = false;  // it begins anew
    part.again = false;
    part.idle.clear();
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
  for (const auto& [p, part] : parts_) {
    if (!part.idle.empty()) wait = std::min(wait, kIdle);
  }
  auto polled = PollMany(*reader_, wait);
  if (Now() - looked_ > kLook) Rewind();
  for (int p : polled.out_of_range) NotThere(p);
  std::map<int, std::vector<kafka::Record>> by_partition;
  for (auto& r : polled.records) by_partition[r.partition].push_back(std::move(r));
  struct Work {
    int partition;
    Part& part;
    std::vector<kafka::Record> records;
  };
  std::vector<Work> work;
  for (auto& [p, part] : parts_) {
    auto found = by_partition.find(p);
    if (part.again) {  // from the mark, which neither what was read before nor what is read until then follows
      part.idle.clear();
      continue;
    }
    std::vector<kafka::Record> fresh;
    if (found != by_partition.end()) fresh = std::move(found->second);
    if (fresh.empty() && part.idle.empty()) continue;
    const bool idle =
        fresh.size() < kFew && std::all_of(fresh.begin(), fresh.end(), [&](const auto& r) { return Idle(part, r); });
    if (part.idle.empty()) part.idle_since = Now();
    part.idle.insert(part.idle.end(), std::make_move_iterator(fresh.begin()), std::make_move_iterator(fresh.end()));
    if (workers_ && idle && part.idle.size() < kBatch && Now() - part.idle_since < kIdle) continue;
    work.push_back({p, part, std::exchange(part.idle, {})});
  }
  // Each partition by one thread; all are done before the next records are read.
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < work.size(); ++i) {
    auto task = std::make_shared<std::packaged_task<void()>>(
        [this, &w = work[i]] { ApplyAll(w.partition, w.part, w.records, [] {}); });
    auto done = task->get_future();
    if (!workers_ || !workers_->TrySubmit([task] { (*task)(); })) (*task)();
    others.push_back(std::move(done));
  }
  if (!work.empty()) ApplyAll(work[0].partition, work[0].part, work[0].records, beat);
  for (auto& done : others) {
    while (done.wait_for(Millis(500)) != std::future_status::ready) beat();
  }
  // What was read of another store, or not to the end, is no proof of anything.
  if (stop_ || store_.Generation() != generation_) return Millis(0);
  for (auto& [p, part] : parts_) {
    if (!part.restoring || part.again) continue;
    bool at_end = std::find(polled.at_end.begin(), polled.at_end.end(), p) != polled.at_end.end();
    if (part.next < part.end && !at_end) continue;
    if (part.holes && !part.restored) {
      shards_.Halt(p, "LOG_HOLE", generation_);
      continue;
    }
    if (!part.holes) part.proven = part.next;
    part.restoring = part.holes;  // what was left out may fit by now
    part.holes = part.restored = false;
    part.again = true;  // now all of it, from the mark
    part.next = part.from;
  }
  left_ = Left();
  return Millis(0);
}

std::uint64_t Tailer::Left() const {
  std::int64_t left = 0;
  for (const auto& [p, part] : parts_) {
    left += std::max<std::int64_t>(0, part.end - part.next) + (part.restoring ? part.end - part.from : 0);
  }
  return static_cast<std::uint64_t>(left);
}

void Tailer::ApplyAll(int p, Part& part, std::span<const kafka::Record> records, const Beat& beat) {
  auto rest = records;
  // Nothing is passed over, whatever the reader gives.
  auto wanted = part.next;
  if (!std::all_of(rest.begin(), rest.end(), [&](const auto& r) { return r.offset == wanted++; })) {
    ++retries_;
    part.not_before = Now() + kRetry;
    part.again = true;
    return;
  }
  std::size_t window = kBatch;
  int races = 0;
  while (!part.again && !rest.empty() && !stop_) {
    beat();
    const bool blind = part.restoring && !part.compares;
    auto n = Apply(p, part, rest.first(std::min(window, rest.size())));
    if (n == 0 && blind && part.compares) continue;  // the same again, and now it asks
    if (n == 0 && std::exchange(part.raced, false) && ++races < kRaces) {
      window = std::max<std::size_t>(window / 4, 1);
      continue;
    }
    part.again = n == 0 || std::exchange(part.rewound, false);  // from the mark, whatever it now is
    if (part.again) part.proven = 0;                            // the log may have been mended meanwhile
    rest = rest.subspan(n);
    // What lies behind the end of a transaction is looked at anew: so not all of the rest.
    window = std::min(kBatch, 2 * n + 1);
  }
}

// Nothing but marks and versions would be written for it, and nobody waits for these.
bool Tailer::Idle(const Part& part, const kafka::Record& record) const {
  if (part.restoring || record.tombstone) return false;
  const auto envelope = Decode(record.value);
  if (!envelope) return false;
  return ServiceOf(envelope->stream) == keys_.service() || !(applier_.Takes(*envelope) || applier_.Reacts(*envelope));
}

// The broker says that what is wanted next does not exist. It may have said so before the partition was assigned anew.
void Tailer::NotThere(int p) {
  auto it = parts_.find(p);
  if (it == parts_.end()) return;
  auto& part = it->second;
  const auto wanted = part.next + static_cast<std::int64_t>(part.idle.size());
  const auto ends = reader_->Watermarks(p, Millis(1500));
  if (ends && (wanted < ends->first || wanted > ends->second)) {
    shards_.Halt(p, "TAIL_LOST", generation_);
    return;
  }
  part.again = true;
  part.not_before = Now() + kRetry;
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
    if (part.restoring || mark >= part.next) continue;
    part.again = true;
    part.proven = 0;
  }
}

std::vector<Tailer::Item> Tailer::Look(int p, const Part& part, std::span<const kafka::Record> records,
                                       Questions& ask) const {
  std::vector<Item> items;
  items.reserve(records.size());
  const auto seen = keys_.Seen(p), parked = keys_.Index(p, "parked"), handled = keys_.Index(p, "handled");
  for (const auto& r : records) {
    Item item;
    // Most records of a log are another service's: the first pass looks no further at them.
    if (part.restoring && ServiceOf(StreamOf(r.value)) != keys_.service()) {
      item.skip = true;
      items.push_back(std::move(item));
      continue;
    }
    item.child = r.key;
    if (auto decoded = Decode(r.value)) {
      item.envelope = std::move(*decoded);
      const auto& e = *item.envelope;
      item.own = ServiceOf(e.stream) == keys_.service();
      item.child = item.own ? OwnListOf(e.stream) : ChildOf(e);
    }
    item.skip = part.restoring && !item.own;
    if (item.skip) {
      items.push_back(std::move(item));
      continue;
    }
    if (item.envelope) {
      const auto& e = *item.envelope;
      if (!part.restoring) item.seen = ask.Field(seen, e.stream);
      item.reacts = !item.own && applier_.Reacts(e);
      item.taken = item.reacts || (!item.own && applier_.Takes(e));
      if (item.own || item.taken) item.inputs = ask.Length(keys_.Inputs(p, item.child));
      if (item.taken) item.handled = ask.Field(handled, item.child);
      if (item.own) {
        item.own_length = ask.Length(keys_.Own(p, item.child));
        if (r.offset >= part.proven && (part.compares || !part.restoring)) {
          item.bytes = ask.Element(keys_.Own(p, item.child), static_cast<std::int64_t>(e.version) - 1);
        }
      }
    }
    if (item.envelope && item.envelope->type == kDiscardedType) {
      if (auto said = DecodeDiscarded(item.envelope->clear)) item.discards = std::move(*said);
    }
    if (!part.restoring) {
      item.parked = ask.Field(parked, item.own && item.discards ? item.discards->child : item.child);
    }
    items.push_back(std::move(item));
  }
  return items;
}

// The children that the applier will be asked about. Not those whose inputs are still being given back: their own
// records would be folded before what they follow.
void Tailer::Expect(int p, const Part& part, const std::vector<Item>& items, const Answer& read) {
  std::vector<std::string> children;
  std::set<std::string> known;
  for (const auto& item : items) {
    if (!item.envelope || item.skip || item.own != part.restoring) continue;
    const auto& e = *item.envelope;
    const bool asked = item.own ? e.version > static_cast<std::uint64_t>(read.values[item.own_length].number)
                                : item.reacts && e.version > ToNumber(Questions::FieldOf(read, item.seen)) &&
                                      Questions::FieldOf(read, item.parked).empty() &&
                                      Questions::FieldOf(read, item.handled).empty();
    if (asked && known.insert(ChildOf(e)).second) children.push_back(ChildOf(e));
    if (children.size() == (part.restoring ? kBatch : kReactions)) break;
  }
  applier_.Expect(p, children, part.restoring);
}

// The first reason stays, and where it arose. What waits is told by its place: the log has it.
void Tailer::Park(int p, const kafka::Record& record, const Item& item, const Answer& read, const std::string& why,
                  Batch& batch) const {
  auto& writes = batch.tx.writes;
  const auto& child = item.child;
  const auto* envelope = item.envelope ? &*item.envelope : nullptr;
  if (Questions::FieldOf(read, item.parked).empty() && !batch.parked.contains(child)) {
    batch.aside.push_back(ParkedBecause(why, envelope, record.offset, Time{record.timestamp_ms}, mark_, record.value));
    writes.push_back(Write::HashSet(keys_.Index(p, "parked"), child, EncodeParked(batch.aside.back())));
  }
  writes.push_back(Write::SortedAdd(keys_.Waiting(p, child), record.offset, EncodeWaiting(record.offset, envelope)));
  batch.parked.insert(child);
  batch.touched.insert(child);
  ++batch.parked_records;
  ++batch.taken;
}

// What takes effect at this place of the log. The first pass stands at no place of it: it is not guarded by the mark.
void Tailer::Pass(int p, const Part& part, const Item& item, const Answer& read, Batch& batch) {
  if (part.restoring) return;
  if (item.discards) return;  // it is the reader's own, and no service's
  const auto& e = *item.envelope;
  auto& passed = batch.passed.try_emplace(e.stream, ToNumber(Questions::FieldOf(read, item.seen))).first->second;
  if (e.version <= passed) return;  // a repeat: what it said took effect at its first place, or is over
  auto writes = applier_.Passed(p, e);
  if (writes.empty()) return;
  passed = e.version;
  batch.settles = true;
  batch.seen[e.stream] = std::to_string(e.version);
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
  const bool behind = !Questions::FieldOf(read, item.parked).empty() || batch.parked.contains(item.child);
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
  const auto stored = static_cast<std::uint64_t>(read.values[item.own_length].number);
  auto& version = batch.version.try_emplace(e.stream, stored).first->second;
  if (e.version <= version) {
    if (e.version > stored) return Took::kNoYet;  // given back by this very batch: to be compared with what is stored
    if (record.offset >= part.proven) {
      batch.compared = true;
      if (!item.bytes) return Took::kNoYet;
      if (!Questions::HasElement(read, *item.bytes, record.value)) {
        shards_.Halt(p, "FORK", generation_);
        return Took::kStop;
      }
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
    // A tail was lost, written over, and came back behind: what is missing here may stand further on.
    if (part.looked_ahead) {
      shards_.Halt(p, "LOG_HOLE", generation_);
    } else {
      part.look_ahead = true;
    }
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
  batch.touched.insert(item.child);
  batch.restored_upto = record.offset;
  if (!e.request_scope.empty()) {  // not a reaction's
    if (auto is = Committer::Restored(e.request_hash, p, item.child, e.version, e.recorded, read.now)) {
      tx.writes.push_back(
          Write::HashSet(keys_.Restored(), Keys::RestoredAs(e.request_scope, e.request_id), std::move(*is)));
      batch.remembers = true;
    }
  }
  if (e.inputs > static_cast<std::uint64_t>(read.values[item.inputs].number)) {
    batch.handled[item.child] = e.inputs;
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
  const auto ends = EndsParking(Questions::FieldOf(read, item.parked), *item.discards);
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
  if (batch.touched.contains(x.target.child))
    return Fail(Code::kAborted, "TOUCHED", "not together with what stands before");
  // What it writes follows this record as well, which the same step adds to the inputs.
  const auto follows = x.inputs + (x.target.child == item.child ? 1 : 0);
  STAFETT_TRY(auto built, committer_.Build(x.command, x.target, x.own, follows, Time{record.timestamp_ms}, x.proposal));
  auto& tx = batch.tx;
  // Also where there is nothing to write: that rests on what was read, too.
  tx.guards.push_back(Guard::Length(keys_.Own(p, x.target.child), x.own));
  tx.guards.push_back(Guard::Length(keys_.Inputs(p, x.target.child), x.inputs));
  tx.guards.insert(tx.guards.end(), x.proposal.guards.begin(), x.proposal.guards.end());
  tx.writes.insert(tx.writes.end(), built.writes.begin(), built.writes.end());
  if (!x.proposal.events.empty()) batch.touched.insert(x.target.child);
  return {};
}

Tailer::Took Tailer::Foreign(int p, Part& part, const kafka::Record& record, const Item& item, const Answer& read,
                             Batch& batch) {
  const auto& e = *item.envelope;
  auto& version = batch.version.try_emplace(e.stream, ToNumber(Questions::FieldOf(read, item.seen))).first->second;
  if (e.version <= version) {
    ++batch.dropped;
    ++batch.taken;
    return Took::kYes;
  }
  const auto& parked = Questions::FieldOf(read, item.parked);
  const auto closes =
      mark_ == "log" && !parked.empty() && e.version == version + 1 ? ClosesGap(parked, e.stream) : std::nullopt;
  if (closes && batch.taken != 0) return Took::kNoYet;
  // Parked by this very batch, and perhaps what was missing: to be seen with what is stored.
  if (parked.empty() && batch.parked.contains(item.child) && e.version == version + 1) return Took::kNoYet;
  const bool behind = (!parked.empty() && !closes) || batch.parked.contains(item.child);
  if (behind || e.version != version + 1) {
    Park(p, record, item, read, kGap, batch);
    return Took::kYes;
  }
  const bool discarded = IsDiscarded(record, item, read);
  const bool taken = item.taken && !discarded;
  std::uint64_t none = 0;
  auto& inputs = !taken
                     ? none
                     : batch.inputs.try_emplace(item.child, static_cast<std::uint64_t>(read.values[item.inputs].number))
                           .first->second;
  const auto handled = taken ? ToNumber(Questions::FieldOf(read, item.handled)) : 0;
  if (taken && item.reacts && inputs + 1 > handled) {
    // A reaction rests on what is stored: first what lies before it about its child, and what takes effect for all.
    if (batch.settles || batch.touched.contains(item.child) || batch.reactions == kReactions) return Took::kNoYet;
    ++batch.reactions;
    auto reacted = React(p, record, item, batch);
    if (!reacted) {
      if (batch.taken != 0) return Took::kNoYet;  // the others do not wait for it
      if (!part.patience.Over(record.offset, Now(), patience_)) {
        ++retries_;
        part.not_before = Now() + kRetry;
        return Took::kStop;
      }
      batch.alone = true;
      Park(p, record, item, read, reacted.error().reason, batch);
      return Took::kYes;
    }
  }
  if (closes) Resume(p, item.child, *closes, batch);
  // What nobody can read, and this other service says is none of its own.
  if (item.discards && item.discards->stream.empty())
    batch.tx.writes.push_back(Vouches(keys_, p, std::string(ServiceOf(e.stream)), *item.discards));
  if (taken) {
    batch.tx.writes.push_back(Write::Push(keys_.Inputs(p, item.child),
                                          EncodeInput({record.offset, Time{record.timestamp_ms}, record.value})));
    batch.touched.insert(item.child);
    auto more = applier_.Taken(p, e);
    batch.tx.writes.insert(batch.tx.writes.end(), more.begin(), more.end());
    if (++inputs == handled) {
      batch.tx.writes.push_back(Write::HashDelete(keys_.Index(p, "handled"), item.child));
    }
  }
  batch.seen[e.stream] = std::to_string(e.version);
  version = e.version;
  ++batch.applied;
  ++batch.taken;
  return Took::kYes;
}

std::size_t Tailer::Apply(int p, Part& part, std::span<const kafka::Record> records) {
  // What is stored of each stream, in one read.
  Questions ask;
  (void)ask.Ask(Get::String(keys_.Mark(p, mark_)));  // kMark, and so on
  (void)ask.Ask(Get::String(RewindsOf(keys_.Mark(p, mark_))));
  (void)ask.Ask(Get::Hash(keys_.Discarded(p)));
  const auto items = Look(p, part, records, ask);
  auto read = store_.Read(ask.gets(), Deadline::In(Millis(2000)));
  if (store_.Generation() != generation_) return 0;  // of another store
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
  Expect(p, part, items, *read);
  for (std::size_t i = 0; i < records.size() && !batch.alone; ++i) {
    const auto& item = items[i];
    if (item.skip) {
      ++batch.taken;
    } else if (item.envelope && item.own) {
      auto took = Own(p, part, records[i], item, *read, batch);
      if (took == Took::kNoYet) break;
      if (took == Took::kStop) {
        part.not_before = Now() + kRetry;
        return 0;
      }
    } else if (!item.envelope) {
      Unread(p, records[i], item, *read, batch);
    } else {
      auto took = Foreign(p, part, records[i], item, *read, batch);
      if (took == Took::kStop) return 0;
      if (took == Took::kNoYet) break;
    }
  }
  part.compares = batch.compared;
  if (batch.taken == 0) return 0;
  const auto next = records[batch.taken - 1].offset + 1;
  auto& tx = batch.tx;
  for (const auto& [stream, version] : batch.seen) tx.writes.push_back(Write::HashSet(keys_.Seen(p), stream, version));
  for (const auto& [child, inputs] : batch.handled) {
    if (auto has = batch.inputs.find(child); has != batch.inputs.end() && has->second >= inputs) continue;
    tx.writes.push_back(Write::HashSet(keys_.Index(p, "handled"), child, std::to_string(inputs)));
  }
  if (batch.restored_upto >= 0) {
    tx.writes.push_back(Write::Max(keys_.Index(p, "restored:" + mark_), batch.restored_upto));
  }
  if (batch.remembers) tx.writes.push_back(Write::Expire(keys_.Restored(), kRememberFor));
  if (!part.restoring) {
    // The outbox entries above carry the mark as it was: the fence passes this batch only when they are acknowledged.
    tx.writes.push_back(Write::Set(keys_.Mark(p, mark_), std::to_string(batch.rewind.value_or(next))));
    if (mark_ == "log") {
      tx.writes.push_back(Write::Fence(keys_.Fence(p), keys_.Outbox(p), keys_.Acked(p), keys_.Mark(p, mark_)));
    }
  }
  if (!tx.writes.empty()) {
    tx.writes = Joined(std::move(tx.writes));
    auto outcome = store_.Run(tx, Deadline::In(Millis(3000)));
    if (!outcome || !outcome->done) {
      ++conflicts_;
      if (!outcome) part.not_before = Now() + kRetry;
      part.raced = outcome && !part.restoring && outcome->failed_guard > kRewinds;  // the mark is where it was
      return 0;
    }
  }
  part.rewound = batch.rewind.has_value();
  part.restored = part.restored || batch.restored > 0;
  part.next = next;
  if (!part.restoring) {  // else they come again
    dropped_ += batch.dropped;
    part.looked_ahead = false;
  }
  passed_ += batch.taken;
  applied_ += batch.applied;
  restored_ += batch.restored;
  parked_ += batch.parked_records;
  for (const auto& parked : batch.aside) {
    if (told_) told_(p, parked);
  }
  return batch.taken;
}

}  // namespace stafett::gate
