#include "lib/gate/compacted.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stafett::gate {

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
  thread_ = std::thread([this, beat = BeatOf(beats, "reader-" + mark_)] { Run(beat); });
}
void Compacted::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Compacted::Run(const Beat& beat) {
  std::unique_ptr<LogReader> reader;
  std::map<int, std::int64_t> next;  // what is assigned, and the offset wanted next
  std::uint64_t generation = 0;
  bool again = true;
  while (!stop_) {
    beat();
    if (!reader) {
      if (auto made = make_(topic_)) reader = std::move(*made);
      again = true;
    }
    auto held = shards_.Held();
    if (!reader || held.empty()) {
      again = true;
      std::this_thread::sleep_for(Millis(50));
      continue;
    }
    bool same =
        held.size() == next.size() && std::all_of(held.begin(), held.end(), [&](int p) { return next.contains(p); });
    if (again || !same || generation != store_.Generation()) {
      generation = store_.Generation();
      std::vector<int> order(held.begin(), held.end());
      std::vector<int> left;
      for (const auto& [p, offset] : next) {
        if (!held.contains(p)) left.push_back(p);
      }
      std::vector<Get> gets;
      for (int p : order) gets.push_back(Get::String(keys_.Mark(p, mark_)));
      auto marks = store_.Read(gets, Deadline::In(Millis(1000)));
      std::map<int, std::int64_t> from;
      if (marks) {
        for (std::size_t i = 0; i < order.size(); ++i) {
          from[order[i]] = std::strtoll(marks->values[i].string.c_str(), nullptr, 10);
        }
      }
      again = !marks || !reader->Stop(left) || !reader->Assign(from);
      if (again) {
        std::this_thread::sleep_for(Millis(50));
        continue;
      }
      next = std::move(from);
    }
    auto polled = reader->Poll(256, Millis(50));
    for (int p : polled.out_of_range) shards_.Halt(p, "TAIL_LOST");
    std::map<int, std::vector<const kafka::Record*>> by_partition;
    for (const auto& r : polled.records) by_partition[r.partition].push_back(&r);
    for (const auto& [p, records] : by_partition) {
      if (!next.contains(p)) continue;
      beat();
      Transaction tx;
      tx.generation = generation;
      auto& at = next[p];
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
        again = true;  // another copy was here, or it is not known: from the mark, whatever it now is
      }
    }
  }
}

}  // namespace stafett::gate
