#include "lib/gate/relay.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "lib/gate/outbox.h"

namespace stafett::gate {
namespace {
constexpr std::size_t kMaxInFlight = 2000;  // per partition: bounds memory and what a restart repeats
constexpr std::size_t kBatch = 200;
constexpr Millis kWait{100};
// Between two notes. Each costs the whole store a flush to its disk, and whoever waits in this copy has been told.
constexpr Millis kNote{3};
constexpr Millis kPause{100};        // before a producer, or the store, is tried again
constexpr Millis kFull{5};           // before what the producer had no room for is tried again
constexpr Millis kLastChance{1000};  // at the end, for reports that are under way
}  // namespace

Relay::Relay(Store& store, Keys keys, Shards& shards, Acks& acks, MakePublisher make, RelayOptions options)
    : store_(store),
      keys_(std::move(keys)),
      shards_(shards),
      acks_(acks),
      make_(std::move(make)),
      options_(std::move(options)) {}

Relay::~Relay() { Stop(); }

void Relay::Start(const Beats& beats) {
  run_ = std::thread([this, beat = BeatOf(beats, "relay")] { Run(beat); });
  note_ = std::thread([this, beat = BeatOf(beats, "relay-noter")] { Note(beat); });
}

void Relay::Stop() {
  {
    std::lock_guard lock(mutex_);
    if (stop_) return;
    stop_ = true;
  }
  wake_.notify_all();
  if (run_.joinable()) run_.join();
  if (note_.joinable()) note_.join();
  publisher_.reset();
  streams_.reset();
  (void)NoteOnce();
}

Relay::Stats Relay::GetStats() const {
  std::lock_guard lock(mutex_);
  Stats s = stats_;
  auto now = std::chrono::steady_clock::now();
  auto older = [&](SteadyTime since) {
    s.oldest_seconds = std::max(s.oldest_seconds, std::chrono::duration<double>(now - since).count());
  };
  for (const auto& [p, shard] : by_partition_) {
    s.waiting += shard.flight.size();
    if (!shard.flight.empty()) older(shard.flight.front().since);
    if (shard.sent < shard.again_upto) older(shard.again_since);  // between two producers nothing is in flight
  }
  s.broken = failed_;
  return s;
}

std::uint64_t Relay::Generation() const {
  std::lock_guard lock(mutex_);
  return ready_generation_;
}

void Relay::Adopt(const std::set<int>& held, const Beat& beat) {
  std::vector<int> fresh;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(by_partition_, [&](const auto& e) { return !held.contains(e.first); });
    for (int p : held) {
      if (!by_partition_.contains(p)) fresh.push_back(p);
    }
  }
  for (int p : fresh) {
    beat();
    std::vector<Get> gets{Get::String(keys_.Acked(p))};
    for (const auto& t : options_.ordered_topics) gets.push_back(Get::String(keys_.Top(p, t)));
    auto read = store_.Read(gets, Deadline::In(Millis(1000)));
    if (!read) return;
    Shard shard;
    shard.sent = std::strtoull(read->values[0].string.c_str(), nullptr, 10);
    std::size_t i = 1;
    for (const auto& t : options_.ordered_topics) {
      const auto& v = read->values[i++];
      shard.top[t] = v.present ? std::strtoll(v.string.c_str(), nullptr, 10) : -1;
    }
    std::lock_guard lock(mutex_);
    shard.adoption = shard.round = ++last_round_;
    by_partition_.emplace(p, std::move(shard));
  }
}

// R3: nothing is known about what was in flight, so all of it goes again, through a new producer.
Relay::Pause Relay::Restart() {
  publisher_.reset();  // reports all; what the broker had acknowledged still counts
  {
    std::lock_guard lock(mutex_);
    ready_generation_ = generation_;
    ++stats_.restarts;
    for (auto& [p, shard] : by_partition_) {
      shard.round = ++last_round_;
      shard.opened.clear();
      if (shard.flight.empty()) continue;
      // How long the oldest has waited is what an operator is woken by: a new producer does not make it younger.
      if (shard.flight.front().number > shard.again_upto) shard.again_since = shard.flight.front().since;
      shard.again_upto = std::max(shard.again_upto, shard.flight.back().number);
      shard.sent = shard.flight.front().number - 1;
      shard.flight.clear();
    }
  }
  auto made = make_();
  if (!made) return {kPause, true};
  std::lock_guard lock(mutex_);
  publisher_ = std::move(*made);
  failed_ = false;
  return {};
}

void Relay::Run(const Beat& beat) {
  while (true) {
    beat();
    const auto pause = Turn(kWait, beat);
    std::unique_lock lock(mutex_);
    if (stop_) break;
    if (pause.time == Millis(0)) continue;
    wake_.wait_for(lock, pause.time, [&] { return stop_ || (failed_ && !pause.broken); });
  }
  {
    // What is under way gets its chance: else the next holder sends it again.
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kLastChance, [this] {
      return failed_ || std::all_of(by_partition_.begin(), by_partition_.end(), [](const auto& e) {
               const auto& flight = e.second.flight;  // done ones wait for others, or stand before a lost tail
               return std::all_of(flight.begin(), flight.end(), [](const Entry& f) { return f.done; });
             });
    });
  }
}

Relay::Pause Relay::Turn(Millis wait, const Beat& beat) {
  const auto generation = store_.Generation();
  bool failed = false;
  {
    std::lock_guard lock(mutex_);
    if (!streams_) {
      streams_ = store_.OpenStreams();
      generation_ = generation;
      failed_ = true;  // no producer yet
    }
    if (generation != generation_) {  // R7
      generation_ = generation;
      by_partition_.clear();
      failed_ = paused_ = true;
    }
    failed = failed_;
  }
  if (failed) {
    if (!std::exchange(paused_, true)) return {kPause, true};
    paused_ = false;
    return Restart();
  }
  Adopt(shards_.Held(), beat);
  std::vector<std::pair<std::string, std::string>> positions;
  std::map<std::string, int> partition_of;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [p, shard] : by_partition_) {
      if (shard.flight.size() >= kMaxInFlight) continue;
      auto key = keys_.Outbox(p);
      partition_of[key] = p;
      positions.emplace_back(std::move(key), OutboxId(shard.sent));
    }
  }
  if (positions.empty()) return {kWait};
  auto entries = streams_->Read(positions, kBatch, wait);
  if (!entries) return {kPause, true};
  if (generation != store_.Generation()) return {};  // what was adopted and what was read may be of two stores
  std::set<int> full;
  for (const auto& e : *entries) {
    beat();
    int p = partition_of[e.stream];
    if (full.contains(p)) continue;
    if (!Send(p, e)) full.insert(p);  // order: nothing behind an entry that was not taken
  }
  return {full.empty() ? Millis(0) : kFull};
}

// R9
bool Relay::Mend(int partition, OutboxEntry& entry) {
  const auto mended = gate::Mend(store_, keys_, partition, entry);
  if (!mended || store_.Generation() != generation_) return false;  // a store that came meanwhile knows nothing of it
  if (!*mended) shards_.Halt(partition, "OUTBOX_DAMAGED", generation_);
  return *mended;
}

bool Relay::Send(int partition, const StreamEntry& entry) {
  const auto number = OutboxNumber(entry.id);
  {
    std::lock_guard lock(mutex_);
    auto it = by_partition_.find(partition);
    if (it == by_partition_.end() || failed_) return false;
    if (number <= it->second.sent) return true;
  }
  // Asked outside the lock, as what follows: both may take their time with the store.
  auto read = ReadOutbox(partition, entry);
  const bool whole = read.Whole();
  if (!whole && !Mend(partition, read)) return false;
  auto& m = read.message;
  const bool side = side_ != nullptr && side_->Owns(m.topic);
  if (side) m.partition = 0;
  const auto turn = side ? side_->Before(m) : SideTopics::Turn::kSend;
  if (turn == SideTopics::Turn::kLater) return false;
  std::uint64_t round = 0;
  {
    std::lock_guard lock(mutex_);
    auto it = by_partition_.find(partition);
    if (it == by_partition_.end() || failed_) return false;
    auto& shard = it->second;
    const bool first = options_.ordered_topics.contains(m.topic) && !shard.opened.contains(m.topic);
    if (first &&
        std::any_of(shard.flight.begin(), shard.flight.end(), [&](const Entry& e) { return e.topic == m.topic; })) {
      return false;  // R10
    }
    round = shard.round;
    auto since = number <= shard.again_upto ? shard.again_since : std::chrono::steady_clock::now();
    shard.flight.push_back({number, m.topic, false, -1, since});
    shard.sent = number;
    if (turn == SideTopics::Turn::kWithhold) ++stats_.withheld;
  }
  if (turn == SideTopics::Turn::kWithhold) {
    Report(partition, number, round, kafka::Delivery{true, -1, -1, false, {}});
    return true;
  }
  auto sent = publisher_->Send(std::move(m), [this, partition, number, round](const kafka::Delivery& d) {
    Report(partition, number, round, d);
  });
  if (sent) {
    if (whole) return true;
    std::lock_guard lock(mutex_);
    ++stats_.mended;
    return true;
  }
  if (sent.error().code == Code::kFailedPrecondition) {  // said at once what is otherwise said by a report
    Report(partition, number, round, kafka::Delivery{false, -1, -1, true, sent.error().reason});
    return false;
  }
  std::lock_guard lock(mutex_);
  auto it = by_partition_.find(partition);
  if (it != by_partition_.end() && !it->second.flight.empty() && it->second.flight.back().number == number) {
    it->second.flight.pop_back();
    it->second.sent = number - 1;
  }
  if (sent.error().code != Code::kResourceExhausted) failed_ = true;
  return false;
}

void Relay::Report(int partition, std::uint64_t number, std::uint64_t round, const kafka::Delivery& delivery) {
  std::uint64_t acked = 0;
  std::uint64_t generation = 0;
  std::string refused;
  bool halted = false;
  {
    std::lock_guard lock(mutex_);
    auto it = by_partition_.find(partition);
    if (it == by_partition_.end() || it->second.round != round) return;
    auto& shard = it->second;
    generation = generation_;
    auto entry =
        std::find_if(shard.flight.begin(), shard.flight.end(), [&](const Entry& e) { return e.number == number; });
    if (entry == shard.flight.end()) return;
    if (!delivery.ok) {
      failed_ = true;
      if (delivery.permanent && side_ != nullptr && side_->Owns(entry->topic)) refused = entry->topic;
    } else {
      entry->done = true;
      entry->offset = delivery.offset;
      if (options_.ordered_topics.contains(entry->topic)) {
        ++stats_.records;
        shard.opened.insert(entry->topic);
      } else if (delivery.offset >= 0) {  // not withheld
        ++stats_.messages;
      }
      while (!shard.flight.empty() && shard.flight.front().done) {
        auto& front = shard.flight.front();
        if (options_.ordered_topics.contains(front.topic)) {
          if (front.offset <= shard.top[front.topic]) {  // R5
            halted = true;
            break;
          }
          shard.top[front.topic] = shard.top_to_note[front.topic] = front.offset;
        }
        shard.pairs += std::to_string(front.number) + ":" + front.topic + ":" + std::to_string(front.offset) + " ";
        acked = shard.to_note = front.number;
        shard.flight.pop_front();
      }
    }
  }
  if (halted) shards_.Halt(partition, "TAIL_LOST", generation);
  if (!refused.empty()) side_->Refused(refused, delivery.error);  // R6; outside the lock, as in Send
  if (acked != 0) acks_.Advance(generation, partition, acked);
  wake_.notify_all();
}

Relay::Noted Relay::NoteOnce() {
  std::map<int, Shard> work;
  Transaction tx;
  {
    std::lock_guard lock(mutex_);
    tx.generation = generation_;  // the numbers mean something there only
    for (auto& [p, shard] : by_partition_) {
      if (shard.to_note == 0) continue;
      Shard w;
      w.adoption = shard.adoption;
      std::swap(w.to_note, shard.to_note);
      std::swap(w.pairs, shard.pairs);
      std::swap(w.top_to_note, shard.top_to_note);
      work.emplace(p, std::move(w));
    }
  }
  if (work.empty()) return Noted::kNothing;
  for (const auto& [p, shard] : work) {
    tx.writes.push_back(Write::Max(keys_.Acked(p), static_cast<std::int64_t>(shard.to_note)));
    tx.writes.push_back(Write::AckLog(keys_.AckLog(p), shard.pairs));
    for (const auto& [topic, offset] : shard.top_to_note) {
      tx.writes.push_back(Write::Max(keys_.Top(p, topic), offset));
    }
    tx.writes.push_back(Write::Fence(keys_.Fence(p), keys_.Outbox(p), keys_.Acked(p), keys_.Mark(p, "log")));
  }
  if (store_.Run(tx, Deadline::In(Millis(2000)))) return Noted::kDone;
  // Not noted, or not known: note it again; every write here may be repeated.
  std::lock_guard lock(mutex_);
  for (auto& [p, w] : work) {
    auto it = by_partition_.find(p);
    if (it == by_partition_.end() || it->second.adoption != w.adoption) continue;
    it->second.to_note = std::max(it->second.to_note, w.to_note);
    it->second.pairs = w.pairs + it->second.pairs;
    for (auto& [t, o] : w.top_to_note) {
      auto& top = it->second.top_to_note[t];
      top = std::max(top, o);
    }
  }
  return Noted::kFailed;
}

void Relay::Note(const Beat& beat) {
  while (true) {
    beat();
    auto noted = NoteOnce();
    std::unique_lock lock(mutex_);
    if (stop_) return;
    if (noted == Noted::kDone) {
      wake_.wait_for(lock, kNote, [this] { return stop_; });
      continue;
    }
    if (noted == Noted::kFailed) {
      wake_.wait_for(lock, kPause, [this] { return stop_; });
      continue;
    }
    wake_.wait_for(lock, kWait, [this] {
      return stop_ || std::any_of(by_partition_.begin(), by_partition_.end(),
                                  [](const auto& e) { return e.second.to_note != 0; });
    });
  }
}

}  // namespace stafett::gate
