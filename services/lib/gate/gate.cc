#include "lib/gate/gate.h"

#include <cstdlib>
#include <utility>

namespace stafett::gate {

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
  compacted_.push_back(std::make_unique<Compacted>(store_, keys_, shards_, make_reader_, std::move(topic),
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
  for (auto& c : compacted_) c->Stop();
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
  STAFETT_TRY(auto read, store_.Read({Get::Hash(keys_.Command(scope, request_id))}, deadline));
  auto remembered = committer_.FromHash(read.values[0]);
  STAFETT_TRY(auto acked,
              store_.Read({Get::String(keys_.Acked(remembered ? remembered->committed.partition : 0))}, deadline));
  // Outbox numbers of two stores do not compare, and what a store does not remember before it has been brought to the
  // log's end was perhaps done.
  if (!Admits(generation) || generation != store_.Generation()) return Recovering();
  if (!remembered) {
    return Fail(Code::kNotFound, "UNKNOWN_REQUEST", "no command with this request_id was accepted in the last 7 days");
  }
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
  for (auto& c : compacted_) c->Start(beats);
  for (auto& [name, tailer] : tailers_) tailer->Start(beats);
}

// Brings the store of this generation to the log's end. False: not passed, try again.
bool Gate::PassBarrier(std::uint64_t generation, const Beat& beat) {
  auto waits_for = [&](auto condition) {
    while (!condition()) {
      beat();
      if (stopping_ || generation != store_.Generation()) return false;
      TellHalted();
      Pause(Millis(20));
    }
    return true;
  };
  if (!CheckStores()) return false;
  StartParts();
  // What this copy had sent for the store before must be with the broker, or gone, before the ends are asked: it could
  // carry versions that this store is about to give to other content.
  if (!waits_for([&] { return relay_->Generation() == generation; })) return false;
  auto ends = watch_->FreshEnds(Millis(5000));
  if (!ends) {
    Tell("gate", false, "RECOVERING: " + ends.error().reason);
    return false;
  }
  if (!waits_for([&] { return CaughtUp(*ends, true); })) return false;
  side_topics_read_ = generation;
  if (!waits_for([&] { return CaughtUp(*ends, false); })) return false;
  return generation == store_.Generation();
}

void Gate::TellHalted() {
  const bool halted = !shards_.Halted().empty();
  if (std::exchange(halted_told_, halted) == halted) return;
  Tell("log", !halted, halted ? "TAIL_LOST: a partition lost acknowledged records" : "");
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
    TellConnected();
    const auto generation = store_.Generation();
    if (unsafe_.exchange(false) || !Admits(generation)) {
      // First start, or another store than before, or one that lost data; or somebody has changed a setting.
      committer_.Admit(0);
      Tell("gate", false, "RECOVERING");
      if (!PassBarrier(generation, beat)) {
        Pause(Millis(100));
        continue;
      }
      committer_.Admit(generation);
      Tell("gate", true, "");
    }
    TellHalted();
    Pause(Millis(50));
  }
}

}  // namespace stafett::gate
