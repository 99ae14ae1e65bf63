#include "escalation/adapters/timers.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>

#include "lib/telemetry/log.h"

namespace stafett::escalation::adapters {
namespace {
constexpr Millis kPatience{2000};    // with the store
constexpr Millis kCountEvery{5000};  // open escalations, for the metrics
constexpr std::size_t kPage = 500;   // writes of one transaction
constexpr std::int64_t kAll = 1LL << 31;
// From as soon as it may be to a day: promise P6 allows 60 s.
const std::vector<double> kLateness = {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400};

Deadline Soon() { return Deadline::In(kPatience); }
double Seconds(std::int64_t ms) { return static_cast<double>(std::max<std::int64_t>(ms, 0)) / 1000; }
std::string Lower(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}
}  // namespace

Timers::Timers(GateEscalationStore& store, const domain::Plan& plan, telemetry::Metrics& metrics, Options options)
    : store_(store),
      plan_(plan),
      options_(std::move(options)),
      due_(metrics.Gauge("stafett_timers_due", "Steps of time that were due and not yet taken, in the last round.")),
      late_(metrics.Gauge("stafett_timers_late_seconds", "How long the oldest of them has been due.")),
      lateness_(metrics.Histogram("stafett_timer_lateness_seconds", "From when a step was due to when it was taken.",
                                  kLateness)),
      unowned_(metrics.Counter("stafett_timers_unowned_total",
                               "Times that something waited for was found whose service is in no controller's file.")) {
  for (const auto& [kind, name] : kAwaitedKinds) {
    const telemetry::Labels labels{{"kind", Lower(name)}};
    open_[kind] = &metrics.Gauge("stafett_escalations_open", "Open escalations, of all partitions.", labels);
    oldest_[kind] = &metrics.Gauge("stafett_escalation_oldest_seconds", "Age of the oldest of them.", labels);
  }
}

Timers::~Timers() { Stop(); }

void Timers::Start(const Beats& beats) {
  thread_ = std::thread([this, beat = BeatOf(beats, "timers")] {
    while (!stop_) {
      beat();
      auto until = std::chrono::steady_clock::now() + (Turn() ? Millis(0) : kEvery);
      while (!stop_ && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(Millis(5));
    }
  });
}

void Timers::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

bool Timers::Turn() {
  const auto held = options_.partitions();
  if (held.empty()) return false;
  const auto& keys = store_.keys();
  const auto generation = store_.store().Generation();
  std::vector<gate::Get> gets;
  for (int p : held) {
    gets.push_back(gate::Get::Due(store_.TimersKey(p), kBatch));
    gets.push_back(gate::Get::String(keys.Index(p, "timers:files")));
  }
  auto read = store_.store().Read(gets, Soon());
  if (!read) return false;
  bool more = false;
  int not_taken = 0;
  late_seconds_ = 0;
  std::size_t at = 0;
  for (int p : held) {
    const auto& due = read->values[at++].list;
    if (read->values[at++].string != options_.files) more = AllAgain(p).has_value() || more;
    for (const auto& child : due) {
      if (stop_) return false;
      const auto looked = Look(p, child);
      if (looked == Looked::kFailed) {
        // Out of the way of others: it may be this child alone.
        gate::Transaction later;
        later.generation = generation;
        later.writes.push_back(gate::Write::SortedAdd(store_.TimersKey(p), read->now.ms + kRetry.count(), child));
        (void)store_.store().Run(later, Soon());
      }
      if (looked == Looked::kNotFresh || looked == Looked::kFailed) ++not_taken;
      more = more || looked == Looked::kTaken || looked == Looked::kSettled;
    }
  }
  due_.Set(not_taken);
  late_.Set(late_seconds_);
  CountOpen();
  return more;
}

Timers::Looked Timers::Look(int partition, const std::string& child) {
  auto loaded = store_.children().Load(partition, child, Soon(), {gate::Get::String(store_.keys().Fresh(partition))});
  if (loaded) {
    const auto step = domain::NextStep(*loaded->state, plan_);
    if (!step || loaded->now < step->at) {
      if (Settle(partition, child, *loaded, step)) return Looked::kSettled;
    } else {
      const auto fresh = std::strtoll(loaded->extra[0].string.c_str(), nullptr, 10);
      late_seconds_ = std::max(late_seconds_, Seconds(loaded->now.ms - step->at.ms));
      if (fresh < step->at.ms) return Looked::kNotFresh;
      if (auto taken = Take(partition, child, *step)) return Looked::kTaken;
    }
  }
  return Looked::kFailed;
}

// False: somebody else was quicker.
Result<bool> Timers::Take(int partition, const std::string& child, const domain::Step& step) {
  gate::Command command;
  command.request_scope = store_.keys().service();
  command.request_id = step.request_id;
  Time recorded;
  auto done = gate::Execute<domain::State>(
      store_.children(), store_.committer(), command, {partition, child, true}, Soon(),
      [&](const gate::Loaded<domain::State>& loaded) -> Result<gate::Proposal> {
        const auto next = domain::NextStep(*loaded.state, plan_);
        if (!next || next->request_id != step.request_id || loaded.now < next->at) {
          return Fail(Code::kFailedPrecondition, "NOT_DUE", "it has been done, or what was waited for has come");
        }
        recorded = loaded.now;
        auto proposal = store_.Propose(child, {next->event}, loaded.now);
        proposal.guards.push_back(gate::Guard::NotBefore(gate::Keys::Clock(store_.keys().service()), next->at));
        return proposal;
      });
  if (!done && done.error().reason == "NOT_DUE") return false;
  if (!done) return tl::unexpected(std::move(done).error());
  if (done->replay) return false;
  lateness_.Observe(Seconds(recorded.ms - step.at.ms));
  return true;
}

Status Timers::Settle(int partition, const std::string& child, const gate::Loaded<domain::State>& loaded,
                      const std::optional<domain::Step>& next) {
  const auto& keys = store_.keys();
  const auto timers = store_.TimersKey(partition);
  std::optional<Time> at;
  if (next) at = next->at;
  if (domain::Unowned(*loaded.state, plan_)) {
    // Nobody would hear of it: this is for whoever watches the metrics, and for files that know the service again.
    unowned_.Increment();
    const Time again{loaded.now.ms + kUnownedEvery.count()};
    if (!at || again < *at) at = again;
  }
  gate::Transaction tx;
  tx.generation = loaded.generation;
  tx.guards = {gate::Guard::Length(keys.Own(partition, child), loaded.own),
               gate::Guard::Length(keys.Inputs(partition, child), loaded.inputs)};
  tx.writes.push_back(at ? gate::Write::SortedAdd(timers, at->ms, child) : gate::Write::SortedRemove(timers, child));
  // A guard that fails leaves the child where it was: to be looked at.
  STAFETT_CHECK_OK(store_.store().Run(tx, Soon()));
  return {};
}

// All children that have a timer, or an escalation that had nowhere further to go, are to be looked at: the files may
// say another time, and another line.
Status Timers::AllAgain(int partition) {
  const auto timers = store_.TimersKey(partition);
  const auto generation = store_.store().Generation();
  STAFETT_TRY(auto read, store_.store().Read({gate::Get::Sorted(timers, 0, kAll)}, Soon()));
  std::set<std::string> children(read.values[0].list.begin(), read.values[0].list.end());
  STAFETT_TRY(auto open, store_.OpenIn({partition}, Soon()));
  for (const auto& escalation : open) children.insert(escalation.child);
  gate::Transaction tx;
  tx.generation = generation;
  for (const auto& child : children) {
    tx.writes.push_back(gate::Write::SortedAdd(timers, 0, child));
    if (tx.writes.size() < kPage) continue;
    STAFETT_CHECK_OK(store_.store().Run(tx, Soon()));
    tx.writes.clear();
  }
  tx.writes.push_back(gate::Write::Set(store_.keys().Index(partition, "timers:files"), options_.files));
  STAFETT_CHECK_OK(store_.store().Run(tx, Soon()));
  return {};
}

void Timers::CountOpen() {
  const auto now = std::chrono::steady_clock::now();
  if (now - counted_ < kCountEvery) return;
  counted_ = now;
  auto open = store_.AllOpen(Soon());
  auto time = store_.store().Read({}, Soon());
  if (!open || !time) return;
  std::map<AwaitedKind, int> count;
  std::map<AwaitedKind, std::int64_t> oldest;
  for (const auto& x : *open) {
    ++count[x.kind];
    oldest[x.kind] = std::max(oldest[x.kind], time->now.ms - x.raised.ms);
  }
  for (const auto& [kind, gauge] : open_) {
    gauge->Set(count[kind]);
    oldest_[kind]->Set(Seconds(oldest[kind]));
  }
}

}  // namespace stafett::escalation::adapters
