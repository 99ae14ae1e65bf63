#include "auditor/adapters/auditor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "auditor/adapters/keys.h"
#include "lib/telemetry/log.h"

namespace stafett::auditor::adapters {
namespace {

using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

constexpr Millis kEvery{500};
constexpr Millis kTrimEvery{10'000};
constexpr Millis kMeasureEvery{2'000};
constexpr int kSuspicions = 3;  // looks that differ, one after the other, before a partition is stopped and mended

SteadyTime Now() { return std::chrono::steady_clock::now(); }
Deadline Soon() { return Deadline::In(Millis(3000)); }

std::vector<gate::Keys> KeysOf(const AuditorOptions& options) {
  std::vector<gate::Keys> out;
  for (const auto& service : options.services) out.emplace_back(service, options.partitions);
  return out;
}

}  // namespace

Auditor::Auditor(gate::Store& store, gate::Shards& shards, const AuditorOptions& options,
                 const gate::MakeReader& reader, const gate::MakePublisher& publisher, telemetry::Metrics& metrics)
    : store_(store),
      shards_(shards),
      partitions_(options.partitions),
      services_(KeysOf(options)),
      trimmed_(Now()),
      verified_(metrics.Counter("stafett_audit_records_total", "Outbox entries seen in the log as they were sent.")),
      differs_(metrics.Counter("stafett_audit_displaced_total", "Looks at which another record stood in the log.")),
      missing_(metrics.Counter("stafett_audit_missing_total", "Looks at which an acknowledged record was not there.")),
      untaken_(metrics.Counter("stafett_audit_untaken_total",
                               "Records at a look that a service had read past and not taken.")),
      damaged_(metrics.Counter("stafett_audit_damaged_total", "Looks at which a record's bytes were others.")),
      mended_(metrics.Counter("stafett_audit_mended_total",
                              "Entries that Redis had garbled, compared as the service's own list has them.")),
      trimmed_entries_(metrics.Counter("stafett_audit_trimmed_total", "Verified entries taken out of outboxes.")),
      repairs_(metrics.Counter("stafett_log_repairs_total", "Partitions mended after the log had lost its tail.")),
      repaired_(metrics.Counter("stafett_log_repaired_records_total", "Records published again by that.")),
      lag_(metrics.Gauge("stafett_audit_lag_records", "Acknowledged entries that are not verified yet.")),
      lag_seconds_(metrics.Gauge("stafett_audit_lag_seconds", "Time since the oldest of them was acknowledged.")),
      unmended_gauge_(metrics.Gauge("stafett_log_unmended_partitions",
                                    "Partitions that this copy cannot mend: records are lost, or an outbox is "
                                    "damaged.")) {
  std::map<std::string, Topic*> by_mark, by_name;
  for (const auto& [mark, name] : options.topics) {
    auto& topic = topics_.emplace(mark, Topic(name, reader, publisher)).first->second;
    by_mark[mark] = by_name[name] = &topic;
  }
  const gate::Keys own("auditor", options.partitions);
  audit_ = std::make_unique<Audit>(store_, own, services_, by_name, options.topics.at("log"), options.keep);
  repairer_ = std::make_unique<Repairer>(store_, own, services_, by_mark);
}

Auditor::~Auditor() { Stop(); }

void Auditor::Start(const Beats& beats) {
  thread_ = std::thread([this, beat = BeatOf(beats, "auditor")] {
    while (!stop_) {
      beat();
      auto until = Now() + (Turn(beat) ? Millis(0) : kEvery);
      while (!stop_ && Now() < until) std::this_thread::sleep_for(Millis(5));
    }
  });
}

void Auditor::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

bool Auditor::Turn(const Beat& beat) {
  bool more = false;
  const bool trim = Now() - trimmed_ > kTrimEvery;
  for (int p : shards_.Held()) {
    if (stop_) return false;
    beat();
    // Here too: a log that cannot be read holds up each partition for a while, and that is what is to be seen.
    if (Now() - measured_ > kMeasureEvery) Measure();
    if (LostItsTail(p)) {
      Mend(p, beat);
      continue;
    }
    more = LookAt(p, beat) == Found::kMore || more;
    if (!trim) continue;
    if (auto trimmed = audit_->Trim(p, beat)) {
      trimmed_entries_.Increment(static_cast<double>(*trimmed));
      more = more || *trimmed > 0;
    }
  }
  if (trim && !more) trimmed_ = Now();
  if (Now() - measured_ > kMeasureEvery) Measure();
  return more;
}

// Some service stands still in this partition because of it.
bool Auditor::LostItsTail(int partition) {
  std::vector<gate::Get> gets;
  for (const auto& s : services_) gets.push_back(gate::Get::String(s.Halt(partition)));
  auto halts = store_.Read(gets, Soon());
  return halts && std::any_of(halts->values.begin(), halts->values.end(),
                              [](const gate::Value& halt) { return halt.string == kTailLost; });
}

Auditor::Found Auditor::LookAt(int partition, const Beat& beat) {
  auto compared = audit_->Look(partition, beat);
  if (!compared) return Found::kFailed;
  verified_.Increment(static_cast<double>(compared->same));
  mended_.Increment(static_cast<double>(compared->mended));
  auto untaken = audit_->LookWhoTook(partition, beat);
  if (!untaken) return Found::kFailed;
  untaken_.Increment(static_cast<double>(*untaken));
  if (compared->Well() && *untaken == 0) {
    suspected_.erase(partition);
    unmended_.erase(partition);
    return compared->more ? Found::kMore : Found::kNothing;
  }
  differs_.Increment(static_cast<double>(compared->other));
  missing_.Increment(static_cast<double>(compared->missing));
  damaged_.Increment(static_cast<double>(compared->damaged));
  Log(Severity::kError, "audit.differs",
      {{"partition", partition},
       {"displaced", compared->other},
       {"missing", compared->missing},
       {"damaged", compared->damaged},
       {"untaken", *untaken}});
  if (compared->damaged > 0) {
    unmended_.insert(partition);  // neither copy is known to be the right one
  } else if (++suspected_[partition] >= kSuspicions && !unmended_.contains(partition)) {
    // What it does not help by, it does once.
    if (Mend(partition, beat) == Tried::kNothingToMend) unmended_.insert(partition);
  }
  return Found::kFailed;
}

Auditor::Tried Auditor::Mend(int partition, const Beat& beat) {
  auto mended = repairer_->Mend(partition, beat);
  suspected_.erase(partition);
  if (mended) {
    unmended_.erase(partition);
    repairs_.Increment();
    repaired_.Increment(static_cast<double>(mended->records));
    Log(Severity::kWarn, "log.mended",
        {{"partition", partition}, {"records", mended->records}, {"repeats", mended->repeats}});
    return mended->records + mended->repeats > 0 ? Tried::kMended : Tried::kNothingToMend;
  }
  const auto& error = mended.error();
  if (error.code != Code::kFailedPrecondition) {  // to be tried again
    Log(Severity::kWarn, "log.not_mended_yet", {{"partition", partition}, {"reason", Safe(error.reason)}});
  } else if (unmended_.insert(partition).second) {
    Log(Severity::kError, "log.not_mended", {{"partition", partition}, {"reason", Safe(error.reason)}});
  }
  return Tried::kFailed;
}

void Auditor::Measure() {
  measured_ = Now();
  Behind sum;
  const auto held = shards_.Held();
  std::erase_if(unmended_, [&](int p) { return !held.contains(p); });  // another copy's now
  for (int p : held) {
    auto behind = audit_->HowFarBehind(p);
    if (!behind) return;
    sum.entries += behind->entries;
    sum.oldest = std::max(sum.oldest, behind->oldest);
  }
  lag_.Set(static_cast<double>(sum.entries));
  lag_seconds_.Set(static_cast<double>(sum.oldest.count()) / 1000);
  unmended_gauge_.Set(static_cast<double>(unmended_.size()));
}

Result<std::map<int, Compared>> Auditor::Verify(const Beat& beat) {
  // Streams are read on a connection of their own, and refused while the store itself has not met the server.
  STAFETT_CHECK_OK(store_.Read({}, Soon()));
  std::map<int, Compared> out;
  for (int p = 0; p < partitions_; ++p) {
    STAFETT_TRY(out[p], audit_->LookAtAll(p, beat));
  }
  return out;
}

}  // namespace stafett::auditor::adapters
