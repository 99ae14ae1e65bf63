#include "lib/gate/compacted.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stafett::gate {
namespace {
constexpr Millis kWait{50};
}  // namespace

Compacted::Compacted(Store& store, Keys keys, Shards& shards, MakeReader make, std::string topic, std::string mark,
                     Writes writes)
    : store_(store),
      keys_(std::move(keys)),
      shards_(shards),
      make_(std::move(make)),
      topic_(std::move(topic)),
      mark_(std::move(mark)),
      writes_(std::move(writes)) {}

Compacted::~Compacted() { Stop(); }

void Compacted::Start(const Beats& beats) {
  thread_ = std::thread([this, beat = BeatOf(beats, "reader-" + mark_)] {
    while (!stop_) {
      beat();
      std::this_thread::sleep_for(Turn(kWait, beat));
    }
    reader_.reset();
  });
}
void Compacted::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

bool Compacted::Assign(const std::set<int>& held) {
  std::vector<int> order(held.begin(), held.end());
  std::vector<int> left;
  for (const auto& [p, offset] : next_) {
    if (!held.contains(p)) left.push_back(p);
  }
  std::vector<Get> gets;
  for (int p : order) gets.push_back(Get::String(keys_.Mark(p, mark_)));
  auto marks = store_.Read(gets, Deadline::In(Millis(1000)));
  if (!marks) return false;
  std::map<int, std::int64_t> from;
  for (std::size_t i = 0; i < order.size(); ++i) {
    from[order[i]] = std::strtoll(marks->values[i].string.c_str(), nullptr, 10);
  }
  if (!reader_->Stop(left) || !reader_->Assign(from)) return false;
  next_ = std::move(from);
  return true;
}

Millis Compacted::Turn(Millis wait, const Beat& beat) {
  if (!reader_) {
    if (auto made = make_(topic_)) reader_ = std::move(*made);
    again_ = true;
  }
  auto held = shards_.Held();
  if (!reader_ || held.empty()) {
    again_ = true;
    return kWait;
  }
  bool same =
      held.size() == next_.size() && std::all_of(held.begin(), held.end(), [&](int p) { return next_.contains(p); });
  if (again_ || !same || generation_ != store_.Generation()) {
    generation_ = store_.Generation();
    again_ = !Assign(held);
    if (again_) return kWait;
  }
  auto polled = reader_->Poll(256, wait);
  for (int p : polled.out_of_range) shards_.Halt(p, "TAIL_LOST", generation_);
  std::map<int, std::vector<const kafka::Record*>> by_partition;
  for (const auto& r : polled.records) by_partition[r.partition].push_back(&r);
  for (const auto& [p, records] : by_partition) {
    if (!next_.contains(p)) continue;
    beat();
    Transaction tx;
    tx.generation = generation_;
    auto& at = next_[p];
    tx.guards.push_back(Guard::Equals(keys_.Mark(p, mark_), at == 0 ? "" : std::to_string(at)));
    for (const auto* r : records) {
      auto more = writes_(p, *r);
      tx.writes.insert(tx.writes.end(), more.begin(), more.end());
    }
    const auto then = records.back()->offset + 1;
    tx.writes.push_back(Write::Set(keys_.Mark(p, mark_), std::to_string(then)));
    auto outcome = store_.Run(tx, Deadline::In(Millis(3000)));
    if (outcome && outcome->done) {
      at = then;
    } else {
      again_ = true;  // another copy was here, or it is not known: from the mark, whatever it now is
    }
  }
  return Millis(0);
}

}  // namespace stafett::gate
