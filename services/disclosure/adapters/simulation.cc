#include "disclosure/adapters/simulation.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "disclosure/adapters/fact_mapping.h"
#include "lib/gate/children.h"
#include "lib/gate/read_range.h"
#include "lib/host/journal.h"

namespace stafett::disclosure::adapters {
namespace {

Deadline Soon() { return Deadline::In(Millis(5000)); }

}  // namespace

bool Simulated::Changes() const {
  return std::any_of(recipients.begin(), recipients.end(),
                     [](const auto& e) { return e.second.lost + e.second.gained + e.second.changed > 0; });
}

Simulation::Simulation(host::Parts& host, Regimes& regimes, gate::MakeReader reader, domain::DeliveryId delivery_id)
    : host_(host), regimes_(regimes), reader_(std::move(reader)), delivery_id_(std::move(delivery_id)) {}

// Of whom the log speaks, by partition.
Result<std::map<int, std::set<std::string>>> Simulation::Children() {
  STAFETT_TRY(auto reader, reader_(host_.config().kafka.log_topic));
  std::map<int, std::set<std::string>> out;
  for (int p = 0; p < host_.config().partitions; ++p) {
    STAFETT_TRY(const auto ends, reader->Watermarks(p, Millis(5000)));
    STAFETT_CHECK_OK(gate::ReadRange(
        *reader, p, ends.first, ends.second, [] {},
        [&](const kafka::Record& r) {
          const auto stream = gate::StreamOf(r.value);
          const auto service = gate::ServiceOf(stream);
          if (service == "cases" || service == "consent") out[p].insert(gate::OwnListOf(stream));
        }));
  }
  return out;
}

// By the key of the mark: where log and ledger end.
Result<std::map<std::string, std::int64_t>> Simulation::Ends() {
  std::map<std::string, std::int64_t> out;
  const auto& kafka = host_.config().kafka;
  for (const auto& [mark, topic] : {std::pair("log", kafka.log_topic), std::pair("ledger", kafka.ledger_topic)}) {
    STAFETT_TRY(auto reader, reader_(topic));
    for (int p = 0; p < host_.config().partitions; ++p) {
      STAFETT_TRY(const auto ends, reader->Watermarks(p, Millis(5000)));
      out[host_.gate().keys().Mark(p, mark)] = ends.second;
    }
  }
  return out;
}

// Else what the store has is not what the log has: it is being rebuilt, a partition stands still, nobody reads.
Status Simulation::AllTaken(Millis patience) {
  STAFETT_TRY(const auto ends, Ends());
  std::vector<gate::Get> gets;
  gets.reserve(ends.size());
  for (const auto& [key, end] : ends) gets.push_back(gate::Get::String(key));
  for (const auto deadline = Deadline::In(patience);; std::this_thread::sleep_for(Millis(100))) {
    STAFETT_TRY(const auto marks, host_.gate().store().Read(gets, Soon()));
    std::size_t i = 0;
    const bool all = std::all_of(ends.begin(), ends.end(), [&](const auto& e) {
      return std::strtoll(marks.values[i++].string.c_str(), nullptr, 10) >= e.second;
    });
    if (all) return {};
    if (deadline.Passed()) break;
  }
  return Fail(
      Code::kUnavailable, "LOG_NOT_TAKEN",
      "disclosure has not taken all of the log: it does not run, is being rebuilt, or a partition stands still");
}

Result<Simulated> Simulation::Run(const policy::RuleSet& in_force, const policy::RuleSet& others, const Found& found,
                                  const Progress& progress, Millis patience) {
  const auto generation = host_.gate().store().Generation();
  STAFETT_CHECK_OK(AllTaken(patience));
  STAFETT_TRY(const auto children, Children());
  std::uint64_t all = 0, seen = 0;
  for (const auto& [p, some] : children) all += some.size();
  Simulated out;
  for (const auto& [p, some] : children) {
    for (const auto& child : some) {
      STAFETT_CHECK_OK(Child(p, child, in_force, others, found, out));
      progress(++seen, all);
    }
  }
  if (generation != host_.gate().store().Generation()) {
    return Fail(Code::kUnavailable, "STORE_CHANGED", "Redis was away, or is another one; try again");
  }
  return out;
}

Result<Story> Simulation::Load(int partition, const std::string& child) {
  const auto& keys = host_.gate().keys();
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::List(keys.Inputs(partition, child), 0),
                                                    gate::Get::List(keys.Own(partition, child), 0)},
                                                   Soon()));
  Story out;
  for (const auto& bytes : read.values[0].list) {
    STAFETT_TRY(auto input, gate::DecodeInput(bytes));
    STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), input.record));
    auto body = opened.destroyed ? std::nullopt : std::optional(std::move(opened.bytes));
    out.inputs.push_back({std::move(opened.envelope), std::move(body), input.offset, input.appended});
  }
  for (const auto& record : read.values[1].list) {
    STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), record));
    if (opened.destroyed) continue;
    STAFETT_TRY(auto event, FromBody(opened.envelope.type, opened.bytes));
    if (event) out.ledger.push_back({opened.envelope.inputs, *std::move(event)});
  }
  return out;
}

Status Simulation::Child(int partition, const std::string& child, const policy::RuleSet& in_force,
                         const policy::RuleSet& others, const Found& found, Simulated& out) {
  STAFETT_TRY(const auto story, Load(partition, child));
  auto regime_then = [this](const domain::Decided& d) -> Result<domain::Regime> {
    if (d.policy_hash.empty()) return RegimeOf(*NoVersion(), {});
    STAFETT_TRY(auto version, regimes_.Find(d.policy_hash, Soon()));  // which keeps it
    return RegimeOf(*version, {d.suspended.begin(), d.suspended.end()});
  };
  if (story.inputs.empty()) return {};  // a stream about no child
  STAFETT_TRY(const auto was, Replay(story, regime_then, nullptr, delivery_id_));
  STAFETT_TRY(const auto before, Replay(story, regime_then, &in_force, delivery_id_));
  STAFETT_TRY(const auto after, Replay(story, regime_then, &others, delivery_id_));
  ++out.children;
  out.decisions += was.decisions;
  out.unlike += was.unlike;
  for (const auto& [id, d] : before.view.deliveries) {
    if (!d.untold) ++out.recipients[d.recipient].told;
  }
  for (const auto& change : domain::Changes(before.view, after.view)) {
    auto& count = out.recipients[change.recipient];
    ++(!change.after ? count.lost : !change.before ? count.gained : count.changed);
    found(change);
  }
  return {};
}

}  // namespace stafett::disclosure::adapters
