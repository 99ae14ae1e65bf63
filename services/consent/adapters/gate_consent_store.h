// Children of the consent service over the gate: fold, change; and what it keeps of the log.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "consent/app/ports.h"
#include "lib/gate/children.h"
#include "lib/gate/found.h"
#include "lib/gate/tailer.h"
#include "lib/host/host.h"

namespace stafett::consent::adapters {

class GateConsentStore final : public app::ConsentStore {
 public:
  explicit GateConsentStore(host::Host& host);
  Result<gate::Committed> Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                 const Decide& decide) override;
  Result<View> Load(const std::string& child, Deadline deadline) override;
  Result<std::string> ChildOfConsent(const std::string& consent_id, Deadline deadline) override;
  Result<gate::Committed> Remembered(const std::string& scope, const std::string& request_id,
                                     Deadline deadline) override;
  Result<app::Withdrawal> WithdrawalOf(const gate::Committed& committed, Deadline deadline) override;

 private:
  Status Fold(domain::Child& child, const gate::Entry& entry);
  gate::Proposal Propose(const std::string& child, const domain::Events& events) const;
  host::Host& host_;
  gate::Children<domain::Child> children_;
  gate::Found found_;
};

// Reads the log for consent: keeps who the guardians are, restores what the store has lost. Derives nothing.
class ConsentApplier final : public gate::Applier {
 public:
  explicit ConsentApplier(host::Host& host) : host_(host) {}
  bool Takes(const gate::Envelope& e) const override;
  bool Reacts(const gate::Envelope& e) const override;
  // What it takes adds: whose child it is. It learns from nobody that something has to stop.
  bool MayDiscard(const std::string& /*type*/) const override { return true; }
  std::vector<std::string> RestsOn() const override { return {}; }
  Result<std::optional<gate::Reaction>> React(int partition, const gate::Envelope& e,
                                              const kafka::Record& record) override;
  Result<std::vector<gate::Write>> Restore(int partition, const gate::Envelope& e) override;

 private:
  host::Host& host_;
};

}  // namespace stafett::consent::adapters
