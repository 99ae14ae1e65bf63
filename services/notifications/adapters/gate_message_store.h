// Children of the notifications service over the gate: fold, change, indexes; and what it makes of the log.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/gate/children.h"
#include "lib/gate/found.h"
#include "lib/gate/tailer.h"
#include "notifications/app/ports.h"

namespace stafett::notifications::adapters {

class GateMessageStore final : public app::MessageStore {
 public:
  GateMessageStore(gate::Committer& committer, std::string log_topic);
  Result<gate::Committed> Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                 const Decide& decide) override;
  Result<View> Load(const std::string& child, Deadline deadline) override;
  Result<app::Place> Find(const std::string& message_id, Deadline deadline) override;
  Result<Page> Inbox(const std::string& person, std::optional<std::int64_t> before, std::int64_t count,
                     Deadline deadline) override;
  Result<std::int64_t> Unread(const std::string& person, Deadline deadline) override;
  Result<std::vector<app::Place>> Waiting(std::int64_t most, Deadline deadline) override;
  Result<bool> Claim(const app::Place& place, const View& view, Millis ttl, Deadline deadline) override;

  // Mails without a result, and when the oldest of them was queued. More than kMostCounted in a partition count as
  // that.
  struct Backlog {
    std::int64_t mails = 0;
    std::optional<Time> oldest;
    Time now;
  };
  Result<Backlog> CountWaiting(Deadline deadline);

  gate::Children<domain::Child>& children() { return children_; }
  gate::Proposal Propose(const std::string& child, const domain::Events& events, Time now) const;
  // What an event means for the indexes; the same when it was decided just now and when it is restored.
  std::vector<gate::Write> Indexes(const std::string& child, const domain::Event& event, Time recorded) const;

 private:
  static constexpr std::int64_t kMostCounted = 1000;
  Status Fold(domain::Child& child, const gate::Entry& entry);
  Result<std::vector<app::Place>> Heads(const char* index, std::int64_t most, Deadline deadline);
  int PartitionOf(const std::string& child) const;
  std::string Sending(const app::Place& place) const;

  gate::Committer& committer_;
  gate::Store& store_;
  const gate::Keys& keys_;
  std::string log_topic_;
  gate::Children<domain::Child> children_;
  gate::Found found_;
};

// Reads the log for notifications: who has which escalation, and who is told.
class MessageApplier final : public gate::Applier {
 public:
  MessageApplier(GateMessageStore& store, const tenants::Tenants& tenants) : store_(store), tenants_(tenants) {}
  bool Takes(const gate::Envelope& e) const override;
  bool Reacts(const gate::Envelope& e) const override;
  // A message less; what it would have told stands in escalation.
  bool MayDiscard(const std::string& /*type*/) const override { return true; }
  std::vector<std::string> RestsOn() const override { return {"escalation"}; }
  Result<std::optional<gate::Reaction>> React(int partition, const gate::Envelope& e,
                                              const kafka::Record& record) override;
  Result<std::vector<gate::Write>> Restore(int partition, const gate::Envelope& e) override;

 private:
  GateMessageStore& store_;
  const tenants::Tenants& tenants_;
};

}  // namespace stafett::notifications::adapters
