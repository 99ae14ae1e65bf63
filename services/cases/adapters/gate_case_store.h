// Children of the cases service over the gate: fold, change, register; and what it derives from the log.
#pragma once

#include <string>

#include "cases/app/ports.h"
#include "lib/base/awaited.h"
#include "lib/gate/children.h"
#include "lib/gate/found.h"
#include "lib/gate/tailer.h"
#include "lib/host/host.h"

namespace stafett::cases::adapters {

class GateCaseStore final : public app::CaseStore {
 public:
  GateCaseStore(host::Host& host, const seal::Secret& identity_key);
  Result<gate::Committed> Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                 const Decide& decide) override;
  Result<gate::Committed> Register(const gate::Command& command, const std::string& national_number, Deadline deadline,
                                   const domain::ChildRegistered& registered) override;
  Result<View> Load(const std::string& child, Deadline deadline) override;
  Result<std::string> ChildOfCase(const std::string& case_id, Deadline deadline) override;
  Result<std::vector<app::DuePlace>> Due(const std::string& of, const app::DuePlace& after, std::size_t count,
                                         Deadline deadline) override;
  Result<std::vector<app::Recorded>> History(const std::string& child, const std::string& case_id,
                                             Deadline deadline) override;

  // What a record of stafett.identity means for the store.
  std::vector<gate::Write> IdentityWrites(const kafka::Record& record) const;
  // What a record means for finding its child: by the case and the measures that it names in clear.
  std::vector<gate::Write> NameWrites(const std::string& subject, const std::vector<Awaited>& awaited,
                                      const std::string& child) const;
  gate::Children<domain::Child>& children() { return children_; }
  // What an event's words about what is waited for change in the index of it; told by its record alone, so that a
  // rebuild restores it.
  std::vector<gate::Write> DueWrites(const std::string& child, const std::vector<Awaited>& words) const;
  // `state`: before the events; they say what they change in what is waited for.
  gate::Proposal Propose(const std::string& child, domain::Child state, const domain::Events& events) const;

 private:
  Status Fold(domain::Child& child, const gate::Entry& entry);
  std::string NumberKey(const std::string& hash) const;
  host::Host& host_;
  seal::DataKey identity_key_;    // seals the national number
  seal::Secret number_hash_key_;  // finds it
  gate::Children<domain::Child> children_;
  gate::Found found_;
};

// Reads the log for cases: keeps consents, stops what lost its own, restores what the store has lost.
class CaseApplier final : public gate::Applier {
 public:
  CaseApplier(host::Host& host, GateCaseStore& store) : host_(host), store_(store) {}
  bool Takes(const gate::Envelope& e) const override;
  bool Reacts(const gate::Envelope& e) const override;
  // Of consent it takes everything, and a log stops by it: nothing of that may be left out.
  bool MayDiscard(const std::string& type) const override;
  std::vector<std::string> RestsOn() const override { return {"consent"}; }
  Result<std::optional<gate::Reaction>> React(int partition, const gate::Envelope& e,
                                              const kafka::Record& record) override;
  Result<std::vector<gate::Write>> Restore(int partition, const gate::Envelope& e) override;

 private:
  host::Host& host_;
  GateCaseStore& store_;
};

}  // namespace stafett::cases::adapters
