#include "lib/gate/gate.h"

#include <chrono>
#include <cstdlib>
#include <utility>

namespace stafett::gate {
namespace {
constexpr Millis kIdle{50};
constexpr Millis kSoon{20};          // before it is asked again how far the parts are
constexpr Millis kAgain{100};        // before a barrier that failed is begun again
constexpr Millis kEndsWithin{5000};  // the ends of the log
constexpr Millis kNoteEvery{250};    // how far a rebuild is
constexpr Millis kTellEvery{5000};   // the same, as a line of the log
}  // namespace

Gate::Gate(Store& store, GateOptions options, MakePublisher publisher, MakeReader reader, SealBody seal_body)
    : store_(store),
      options_(std::move(options)),
      keys_(options_.service, options_.partitions),
      publisher_(std::move(publisher)),
      make_reader_(std::move(reader)),
      committer_(store_, keys_, std::move(seal_body), options_.outbox_limit),
      shards_(store_, keys_, options_.instance),
      acks_(store_, keys_) {
  relay_ = std::make_unique<Relay>(store_, keys_, shards_, acks_, publisher_, RelayOptions{options_.ordered_topics});
  committer_.Admit(0);
  watch_ = std::make_unique<Watch>(store_, keys_, shards_, make_reader_, options_.followed);
}

Gate::~Gate() { Stop(); }

void Gate::AddTailer(std::string topic, std::string mark, Applier& applier) {
  std::function<bool()> wait_for;
  if (mark == "log") {
    parking_ = std::make_unique<Parking>(store_, keys_, committer_, applier, topic);
    wait_for = [this] { return side_topics_read_ == store_.Generation(); };
  }
  auto name = mark;
  tailers_.emplace_back(name, std::make_unique<Tailer>(store_, keys_, shards_, make_reader_, std::move(topic),
                                                       std::move(mark), applier, committer_, std::move(wait_for)));
  tailers_.back().second->OnParked(options_.parked);
}

void Gate::AddCompacted(std::string topic, std::string mark, Compacted::Writes writes) {
  auto name = mark;
  compacted_.emplace_back(name, std::make_unique<Compacted>(store_, keys_, shards_, make_reader_, std::move(topic),
                                                            std::move(mark), std::move(writes)));
}

void Gate::Start() {
  if (options_.check_stores) {
    settings_ = std::thread([this, beat = BeatOf(options_.beats, "settings")] { WatchSettings(beat); });
  }
  supervise_ = std::thread([this, beat = BeatOf(options_.beats, "supervisor")] { Supervise(beat); });
}

void Gate::Stop() {
  {
    std::lock_guard lock(mutex_);
    if (stop_) return;
    stop_ = true;
  }
  stopping_ = true;
  wake_.notify_all();
  for (auto* thread : {&supervise_, &settings_}) {
    if (thread->joinable()) thread->join();
  }
  committer_.Admit(0);
  for (auto& [name, tailer] : tailers_) tailer->Stop();
  for (auto& [name, c] : compacted_) c->Stop();
  watch_->Stop();
  relay_->Stop();
  acks_.Stop();
  shards_.Stop();
}

Status Gate::RequireOpen() const {
  if (Open()) return {};
  return Recovering();
}

int Gate::PartitionOf(std::string_view child) const { return kafka::PartitionOf(child, options_.partitions); }

void Gate::WhenPublished(const Committed& committed, SteadyTime until, std::function<void(ReceiptState)> done) {
  if (committed.outbox == 0) {
    done(ReceiptState::kPublished);
    return;
  }
  acks_.When(
      committed.generation, committed.partition, committed.outbox, until,
      [done = std::move(done)](bool published) { done(published ? ReceiptState::kPublished : ReceiptState::kStored); });
}

Result<ReceiptState> Gate::Receipt(const std::string& scope, const std::string& request_id, Deadline deadline) {
  const auto generation = store_.Generation();
  STAFETT_TRY(auto read, store_.Read(committer_.RememberedGets(scope, request_id), deadline));
  auto remembered = committer_.FromValues(read.values);
  STAFETT_TRY(auto acked,
              store_.Read({Get::String(keys_.Acked(remembered ? remembered->committed.partition : 0))}, deadline));
  // Outbox numbers of two stores do not compare, and what a store does not remember before it has been brought to the
  // log's end was perhaps done.
  if (!Admits(generation) || generation != store_.Generation()) return Recovering();
  if (!remembered) return UnknownRequest();
  auto upto = std::strtoull(acked.values[0].string.c_str(), nullptr, 10);
  return upto >= remembered->committed.outbox ? ReceiptState::kPublished : ReceiptState::kStored;
}

Gate::Stats Gate::GetStats() const {
  Stats s;
  s.relay = relay_->GetStats();
  for (const auto& [name, tailer] : tailers_) s.tailers[name] = tailer->GetStats();
  s.lag = watch_->Lag();
  s.view = watch_->GetView();
  s.conflicts = committer_.Conflicts();
  s.unknown = committer_.Unknown();
  s.halted = shards_.Halted().size();
  s.held = shards_.Held().size();
  s.waiting = acks_.Waiting();
  s.open = Open();
  s.recovery = progress_.Look();
  return s;
}

bool Gate::CaughtUp(const Watch::Ends& ends, bool without_log) {
  std::vector<Get> gets;
  std::vector<std::int64_t> wanted;
  for (const auto& [name, by_partition] : ends) {
    if (without_log && name == "log") continue;
    for (const auto& [p, end] : by_partition) {
      gets.push_back(Get::String(keys_.Mark(p, name)));
      wanted.push_back(end);
    }
  }
  if (gets.empty()) return true;
  auto marks = store_.Read(gets, Deadline::In(Millis(1000)));
  if (!marks) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::strtoll(marks->values[i].string.c_str(), nullptr, 10) < wanted[i]) return false;
  }
  return true;
}

void Gate::Tell(const std::string& name, bool ok, const std::string& reason) const {
  if (options_.tell) options_.tell(name, ok, reason);
}

void Gate::Pause(Millis time) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, time, [this] { return stop_; });
}

namespace {
std::string Unsafe(const std::vector<std::string>& wrong) {
  std::string all;
  for (const auto& line : wrong) all += (all.empty() ? "" : "; ") + line;
  return "UNSAFE: " + all;
}
}  // namespace

bool Gate::CheckStores() {
  if (!options_.check_stores) return true;
  auto wrong = options_.check_stores();
  if (!wrong) {
    Tell("stores", false, wrong.error().reason + ": " + wrong.error().message);
    return false;
  }
  if (!wrong->empty()) {
    Tell("stores", false, Unsafe(*wrong));
    return false;
  }
  Tell("stores", true, "");
  return true;
}

void Gate::StartParts() {
  if (std::exchange(started_, true)) return;
  const auto& beats = options_.beats;
  shards_.Start(beats);
  acks_.Start(beats);
  relay_->Start(beats);
  watch_->Start(beats);
  for (auto& [name, c] : compacted_) c->Start(beats);
  for (auto& [name, tailer] : tailers_) tailer->Start(beats);
}

std::optional<Millis> Gate::PassBarrier(Millis wait) {
  using Stage = Barrier::Stage;
  auto& b = *barrier_;
  if (b.stage == Stage::kStores) {
    if (!CheckStores()) {
      barrier_.reset();
      return kAgain;
    }
    StartParts();
    b.stage = Stage::kRelay;
  }
  if (b.stage == Stage::kRelay) {
    // What this copy had sent for the store before must be with the broker, or gone, before the ends are asked: it
    // could carry versions that this store is about to give to other content.
    if (relay_->Generation() != b.generation) return kSoon;
    b.asked = watch_->Ask();
    b.until = Deadline::In(kEndsWithin);
    b.stage = Stage::kEnds;
  }
  if (b.stage == Stage::kEnds) {
    auto ends = watch_->EndsSince(b.asked, wait);
    if (!ends && !b.until.Passed()) return Millis(0);
    if (!ends) {
      Tell("gate", false, "RECOVERING: " + ends.error().reason);
      barrier_.reset();
      return kAgain;
    }
    b.ends = std::move(*ends);
    b.stage = Stage::kSideTopics;
    progress_.Begin(std::chrono::steady_clock::now(), Passed());
    progress_told_ = std::chrono::steady_clock::now();
  }
  TellProgress();
  if (b.stage == Stage::kSideTopics) {
    if (!CaughtUp(b.ends, true)) return kSoon;
    side_topics_read_ = b.generation;
    b.stage = Stage::kLog;
  }
  if (!CaughtUp(b.ends, false) || b.generation != store_.Generation()) return kSoon;
  return std::nullopt;
}

std::uint64_t Gate::Passed() const {
  std::uint64_t sum = 0;
  for (const auto& [name, tailer] : tailers_) sum += tailer->GetStats().passed;
  return sum;
}

// Of the partitions that this copy reads; others may have more to do.
void Gate::TellProgress() {
  const auto now = std::chrono::steady_clock::now();
  if (now - progress_noted_ < kNoteEvery) return;
  progress_noted_ = now;
  std::uint64_t left = 0;
  for (const auto& [name, tailer] : tailers_) left += tailer->GetStats().left;
  if (barrier_->stage == Barrier::Stage::kSideTopics) {
    // Nobody reads the log yet, and it will be read twice: own records, then all.
    const auto behind = watch_->Lag();
    const auto log = behind.find("log");
    const auto held = static_cast<std::int64_t>(shards_.Held().size());
    if (log != behind.end()) left += static_cast<std::uint64_t>(2 * log->second * held / keys_.partitions());
  }
  progress_.Note(now, Passed(), left);
  if (now - progress_told_ < kTellEvery) return;
  progress_told_ = now;
  Tell("gate", false, "RECOVERING: " + ToText(progress_.Look()));
}

void Gate::TellHalted() {
  const auto halts = shards_.Halted();
  const bool halted = !halts.empty();
  if (std::exchange(halted_told_, halted) == halted) return;
  Tell("log", !halted, halted ? halts.begin()->second + ": a partition stands still" : "");
}

void Gate::TellConnected() {
  const bool connected = store_.Connected();
  if (std::exchange(connected_told_, connected) == connected) return;
  Tell("redis", connected, connected ? "" : "REDIS_AWAY");
}

void Gate::WatchSettings(const Beat& beat) {
  auto next = std::chrono::steady_clock::now() + options_.check_every;
  while (!stopping_) {
    beat();
    Pause(std::min(options_.check_every, Millis(1000)));
    if (stopping_ || std::chrono::steady_clock::now() < next) continue;
    next = std::chrono::steady_clock::now() + options_.check_every;
    if (!Open()) continue;  // whoever opens it asks
    auto wrong = options_.check_stores();
    // Who does not answer is away, which others see; that is no reason to take no commands.
    if (!wrong || wrong->empty()) continue;
    Tell("stores", false, Unsafe(*wrong));
    unsafe_ = true;
    committer_.Admit(0);
  }
}

void Gate::Supervise(const Beat& beat) {
  while (!stopping_) {
    beat();
    if (const auto pause = Turn(kSoon); pause > Millis(0)) Pause(pause);
  }
}

Millis Gate::Turn(Millis wait) {
  TellConnected();
  TellHalted();
  const auto generation = store_.Generation();
  const bool unsafe = unsafe_.exchange(false);
  if (!unsafe && Admits(generation)) return kIdle;
  if (unsafe || !barrier_ || barrier_->generation != generation) {
    // First start, or another store than before, or one that lost data; or somebody has changed a setting.
    committer_.Admit(0);
    Tell("gate", false, "RECOVERING");
    barrier_.emplace();
    barrier_->generation = generation;
  }
  if (auto pause = PassBarrier(wait)) return *pause;
  barrier_.reset();
  progress_.End();
  committer_.Admit(generation);
  Tell("gate", true, "");
  return kIdle;
}

std::vector<Gate::Loop> Gate::LoopsForTest() {
  started_ = true;
  std::vector<Loop> loops;
  loops.push_back({"supervisor", [this] { (void)Turn(Millis(0)); }});
  loops.push_back({"shards", [this] { shards_.TurnForTest(); }});
  loops.push_back({"acks", [this] { acks_.TurnForTest(); }});
  loops.push_back({"relay", [this] { relay_->TurnForTest(); }});
  loops.push_back({"noter", [this] { relay_->NoteForTest(); }});
  loops.push_back({"watch", [this] { watch_->TurnForTest(); }});
  for (auto& [name, compacted] : compacted_) {
    loops.push_back({"reader-" + name, [&c = *compacted] { c.TurnForTest(); }});
  }
  for (auto& [name, tailer] : tailers_) {
    loops.push_back({"reader-" + name, [&t = *tailer] { t.TurnForTest(); }});
  }
  return loops;
}

}  // namespace stafett::gate
