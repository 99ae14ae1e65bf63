// Children of the escalation service over the gate: fold, change; and what it takes from the log. It holds no keys:
// what it reads and writes is in clear, opaque ids and dates.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "escalation/app/ports.h"
#include "lib/gate/children.h"
#include "lib/gate/expected.h"
#include "lib/gate/found.h"
#include "lib/gate/tailer.h"

namespace stafett::escalation::adapters {

class GateEscalationStore final : public app::EscalationStore {
 public:
  GateEscalationStore(gate::Store& store, gate::Committer& committer, std::string log_topic);
  Result<gate::Committed> Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                 const Decide& decide) override;
  Result<domain::State> Load(const std::string& child, Deadline deadline) override;
  Result<std::string> ChildOf(const std::string& escalation_id, Deadline deadline) override;
  Result<std::vector<app::Open>> AllOpen(Deadline deadline) override;
  // The same, of children of these partitions.
  Result<std::vector<app::Open>> OpenIn(const std::vector<int>& partitions, Deadline deadline);

  // `now`: when the events are recorded.
  gate::Proposal Propose(const std::string& child, const domain::Events& events, Time now) const;
  // What an event changes in the indexes; told by its record alone, so that a rebuild restores them.
  std::vector<gate::Write> IndexesOf(const std::string& child, const domain::Event& event, Time recorded) const;
  // Sorted set of children, scored by when they are to be looked at: never later than their next step (timers.h).
  std::string TimersKey(int partition) const { return keys().Index(partition, "timers"); }
  gate::Write LookAt(const std::string& child) const {
    return gate::Write::SortedAdd(TimersKey(PartitionOf(child)), 0, child);
  }
  int PartitionOf(const std::string& child) const;
  const gate::Keys& keys() const { return committer_.keys(); }
  gate::Committer& committer() { return committer_; }
  gate::Store& store() { return store_; }
  gate::Children<domain::State>& children() { return children_; }

 private:
  gate::Store& store_;
  gate::Committer& committer_;
  std::string log_topic_;
  gate::Children<domain::State> children_;
  gate::Found found_;
};

// Reads the log for escalation: keeps what is waited for, ends what has come, restores what the store has lost.
class EscalationApplier final : public gate::Applier {
 public:
  explicit EscalationApplier(GateEscalationStore& store) : store_(store) {}
  bool Takes(const gate::Envelope& e) const override { return !e.awaited.empty() && !e.child.empty(); }
  bool Reacts(const gate::Envelope& e) const override { return Takes(e); }
  void Expect(int partition, const std::vector<std::string>& children, bool restoring) override;
  // What is awaited has to be said to somebody: nothing of that may be left out.
  bool MayDiscard(const std::string& /*type*/) const override { return false; }
  std::vector<std::string> RestsOn() const override { return {"cases"}; }
  Result<std::optional<gate::Reaction>> React(int partition, const gate::Envelope& e,
                                              const kafka::Record& record) override;
  Result<std::vector<gate::Write>> Restore(int partition, const gate::Envelope& e) override;
  std::vector<gate::Write> Taken(int partition, const gate::Envelope& e) override;

 private:
  GateEscalationStore& store_;
  gate::Expected<gate::Loaded<domain::State>> expected_;
};

}  // namespace stafett::escalation::adapters
