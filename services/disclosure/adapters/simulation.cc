#include "disclosure/adapters/simulation.h"

#include <algorithm>
#include <optional>
#include <utility>

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

Result<Simulated> Simulation::Run(const policy::RuleSet& in_force, const policy::RuleSet& others, const Found& found,
                                  const Progress& progress) {
  STAFETT_CHECK_OK(host_.gate().store().Read({}, Soon()));  // it has met its server
  STAFETT_TRY(const auto children, Children());
  std::uint64_t all = 0;
  for (const auto& [p, some] : children) all += some.size();
  Simulated out;
  for (const auto& [p, some] : children) {
    for (const auto& child : some) {
      STAFETT_CHECK_OK(Child(p, child, in_force, others, found, out));
      progress(++out.children, all);
    }
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
  STAFETT_TRY(const auto now, Replay(story, regime_then, &in_force, delivery_id_));
  STAFETT_TRY(const auto then, Replay(story, regime_then, &others, delivery_id_));
  out.decisions += now.decisions;
  out.unlike += now.unlike;
  for (const auto& [id, d] : now.view.deliveries) {
    if (d.state != domain::DeliveryState::kWithheld) ++out.recipients[d.recipient].told;
  }
  for (const auto& change : domain::Changes(now.view, then.view)) {
    auto& count = out.recipients[change.recipient];
    ++(!change.after ? count.lost : !change.before ? count.gained : count.changed);
    found(change);
  }
  return {};
}

}  // namespace stafett::disclosure::adapters
