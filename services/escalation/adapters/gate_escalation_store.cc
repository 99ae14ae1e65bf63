#include "escalation/adapters/gate_escalation_store.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <numeric>
#include <utility>

#include "escalation/adapters/event_mapping.h"
#include "escalation/domain/decide.h"
#include "lib/base/id.h"
#include "lib/kafka/kafka.h"

namespace stafett::escalation::adapters {
namespace {

Status Fold(domain::State& state, const gate::Entry& entry) {
  STAFETT_TRY(auto e, gate::Decode(entry.record));
  if (!entry.own) {
    domain::Learn(state, e.awaited, e.event_id);
    return {};
  }
  STAFETT_TRY(auto event, FromBody(e.type, e.clear));
  if (event) domain::Evolve(state, *event, e.recorded);
  return {};
}

// Of an open escalation, by id: the lines of what never changes (hash "open"), and its owner (hash "owner").
std::string EncodeOpen(const std::string& child, const domain::Raised& e, Time raised) {
  return child + "\n" + e.awaited.recipient + "\n" + std::to_string(static_cast<int>(e.awaited.kind)) + "\n" +
         std::to_string(raised.ms);
}
app::Open DecodeOpen(const std::string& id, const std::string& text) {
  std::array<std::string, 4> lines;
  std::size_t at = 0;
  for (auto& line : lines) {
    const auto end = std::min(text.find('\n', at), text.size());
    line = text.substr(at, end - at);
    at = std::min(end + 1, text.size());
  }
  return {id,
          lines[0],
          lines[1],
          "",
          static_cast<AwaitedKind>(std::strtol(lines[2].c_str(), nullptr, 10)),
          Time{std::strtoll(lines[3].c_str(), nullptr, 10)}};
}

}  // namespace

GateEscalationStore::GateEscalationStore(gate::Store& store, gate::Committer& committer, std::string log_topic)
    : store_(store),
      committer_(committer),
      log_topic_(std::move(log_topic)),
      children_(store, committer.keys(), Fold),
      found_(store) {}

int GateEscalationStore::PartitionOf(const std::string& child) const {
  return kafka::PartitionOf(child, keys().partitions());
}

std::vector<gate::Write> GateEscalationStore::IndexesOf(const std::string& child, const domain::Event& event,
                                                        Time recorded) const {
  const auto id = domain::EscalationOf(event);
  const auto p = PartitionOf(child);
  const auto open = keys().Index(p, "open"), owner = keys().Index(p, "owner");
  std::vector<gate::Write> writes{gate::Write::Set(keys().Global("s:" + id), child), LookAt(child)};
  if (const auto* e = std::get_if<domain::Raised>(&event)) {
    writes.push_back(gate::Write::HashSet(open, id, EncodeOpen(child, *e, recorded)));
    writes.push_back(gate::Write::HashSet(owner, id, e->owner.person));
  } else if (const auto* passed = std::get_if<domain::PassedOn>(&event)) {
    writes.push_back(gate::Write::HashSet(owner, id, passed->owner.person));
  } else if (const auto* taken = std::get_if<domain::Taken>(&event)) {
    writes.push_back(gate::Write::HashSet(owner, id, taken->owner.person));
  } else if (std::holds_alternative<domain::Resolved>(event)) {
    writes.push_back(gate::Write::HashDelete(open, id));
    writes.push_back(gate::Write::HashDelete(owner, id));
  }
  return writes;
}

gate::Proposal GateEscalationStore::Propose(const std::string& child, const domain::Events& events, Time now) const {
  gate::Proposal proposal;
  for (const auto& event : events) {
    auto body = ToBody(event);
    auto writes = IndexesOf(child, event, now);
    proposal.indexes.insert(proposal.indexes.end(), writes.begin(), writes.end());
    proposal.events.push_back({body.type, body.bytes, domain::EscalationOf(event), log_topic_, {}, true});
  }
  return proposal;
}

Result<gate::Committed> GateEscalationStore::Change(const gate::Command& command, const std::string& child,
                                                    Deadline deadline, const Decide& decide) {
  return gate::Execute<domain::State>(children_, committer_, command, {PartitionOf(child), child, true}, deadline,
                                      [&](const gate::Loaded<domain::State>& loaded) -> Result<gate::Proposal> {
                                        STAFETT_TRY(auto events, decide(*loaded.state));
                                        return Propose(child, events, loaded.now);
                                      });
}

Result<domain::State> GateEscalationStore::Load(const std::string& child, Deadline deadline) {
  STAFETT_TRY(auto loaded, children_.Load(PartitionOf(child), child, deadline));
  return *loaded.state;
}

Result<std::string> GateEscalationStore::ChildOf(const std::string& escalation_id, Deadline deadline) {
  STAFETT_TRY(auto child, found_.ChildAt(keys().Global("s:" + escalation_id), deadline));
  if (!child) return domain::NotAllowed();
  return *std::move(child);
}

Result<std::vector<app::Open>> GateEscalationStore::AllOpen(Deadline deadline) {
  std::vector<int> all(static_cast<std::size_t>(keys().partitions()));
  std::iota(all.begin(), all.end(), 0);
  return OpenIn(all, deadline);
}

Result<std::vector<app::Open>> GateEscalationStore::OpenIn(const std::vector<int>& partitions, Deadline deadline) {
  std::vector<gate::Get> gets;
  for (int p : partitions) {
    gets.push_back(gate::Get::Hash(keys().Index(p, "open")));
    gets.push_back(gate::Get::Hash(keys().Index(p, "owner")));
  }
  STAFETT_TRY(auto read, store_.Read(gets, deadline));
  std::vector<app::Open> out;
  for (std::size_t i = 0; i < read.values.size(); i += 2) {
    std::map<std::string, std::string> owners;
    const auto& of = read.values[i + 1].list;
    for (std::size_t j = 0; j + 1 < of.size(); j += 2) owners[of[j]] = of[j + 1];
    const auto& open = read.values[i].list;
    for (std::size_t j = 0; j + 1 < open.size(); j += 2) {
      out.push_back(DecodeOpen(open[j], open[j + 1]));
      out.back().owner = owners[open[j]];
    }
  }
  return out;
}

void EscalationApplier::Expect(int partition, const std::vector<std::string>& children, bool restoring) {
  expected_.Forget(partition);
  if (restoring || children.empty()) return;
  expected_.Put(partition, children, store_.children().LoadAll(partition, children, Deadline::In(Millis(2000))));
}

Result<std::optional<gate::Reaction>> EscalationApplier::React(int partition, const gate::Envelope& e,
                                                               const kafka::Record& record) {
  auto loaded = expected_.Take(partition, e.child);
  if (!loaded) {
    STAFETT_TRY(loaded, store_.children().Load(partition, e.child, Deadline::In(Millis(2000))));
  }
  const auto events = domain::ResolveBy(*loaded->state, e.awaited);
  gate::Reaction reaction;
  reaction.target = {partition, e.child, true};
  reaction.own = loaded->own;
  reaction.inputs = loaded->inputs;
  reaction.proposal = store_.Propose(e.child, events, Time{record.timestamp_ms});
  reaction.command.request_id = DerivedId("rq", e.event_id + "/resolve");
  reaction.command.cause = e.event_id;
  return std::optional<gate::Reaction>(std::move(reaction));
}

Result<std::vector<gate::Write>> EscalationApplier::Restore(int /*partition*/, const gate::Envelope& e) {
  STAFETT_TRY(auto event, FromBody(e.type, e.clear));
  if (!event) return std::vector<gate::Write>();
  return store_.IndexesOf(e.child, *event, e.recorded);
}

std::vector<gate::Write> EscalationApplier::Taken(int /*partition*/, const gate::Envelope& e) {
  return {store_.LookAt(e.child)};
}

}  // namespace stafett::escalation::adapters
