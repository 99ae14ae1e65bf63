#include "disclosure/adapters/regimes.h"

#include <atomic>
#include <condition_variable>
#include <cstdio>

#include "disclosure/adapters/signals.h"
#include "lib/base/id.h"
#include "lib/policy/file.h"
#include "lib/telemetry/log.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/disclosure/v1/ledger_events.pb.h"

namespace stafett::disclosure::adapters {
namespace {
namespace v1 = ::stafett::disclosure::v1;

std::string PolicyType() { return v1::PolicyActivated::descriptor()->options().GetExtension(common::v1::event_type); }

}  // namespace

std::string PolicyStream(int partition) {
  char name[24];
  std::snprintf(name, sizeof name, "policy-%02d", partition);
  return name;
}

Regimes::Regimes(host::Host& host) : host_(host), keys_(host.gate().keys()) {
  for (const auto& controller : host.tenants().controllers()) {
    for (const auto& r : controller.recipients) agencies_[r.id] = r.agency;
  }
}

Result<std::shared_ptr<const Version>> Regimes::Find(const std::string& hash, Deadline deadline) {
  {
    std::lock_guard lock(mutex_);
    auto it = versions_.find(hash);
    if (it != versions_.end()) return it->second;
  }
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::String(VersionKey(hash))}, deadline));
  v1::PolicyActivated m;
  if (!read.values[0].present || !m.ParseFromString(read.values[0].string)) {
    return Fail(Code::kUnavailable, "POLICY_UNKNOWN", "the policy in force is not stored here yet");
  }
  STAFETT_TRY(auto rules, policy::LoadRules(m.rules(), "activated policy"));
  auto version = std::make_shared<Version>();
  version->hash = hash;
  version->rules =
      std::make_shared<const policy::RuleSet>(rules.rules().empty() ? policy::RuleSet() : std::move(rules));
  version->active.insert(m.active_recipients().begin(), m.active_recipients().end());
  std::lock_guard lock(mutex_);
  versions_[hash] = version;
  return std::shared_ptr<const Version>(version);
}

domain::Regime Regimes::Make(const Version& version, const std::set<std::string>& suspended) const {
  domain::Regime regime;
  regime.rules = version.rules.get();
  regime.version = version.hash;
  regime.agencies = agencies_;
  for (const auto& r : version.active) {
    if (!suspended.contains(r)) regime.active.insert(r);
  }
  return regime;
}

std::vector<gate::Write> Regimes::Passed(int partition, const std::string& message) const {
  auto hash = seal::Sha256(message);
  return {gate::Write::Set(VersionKey(hash), message), gate::Write::Set(InForceKey(partition), hash)};
}

Result<std::set<std::string>> Regimes::Probe(const std::set<std::string>& recipients, Millis timeout) const {
  STAFETT_TRY(auto producer, kafka::Producer::Create(host_.kafka()));
  struct State {
    std::mutex mutex;
    std::condition_variable reported;
    std::set<std::string> ok;
    std::size_t reports = 0;
  };
  auto state = std::make_shared<State>();
  std::size_t sent = 0;
  for (const auto& recipient : recipients) {
    auto taken = producer->Send(ToProbe(host_.config().kafka.recipient_prefix + recipient),
                                [state, recipient = recipient](const kafka::Delivery& d) {
                                  std::lock_guard lock(state->mutex);
                                  if (d.ok) state->ok.insert(recipient);
                                  ++state->reports;
                                  state->reported.notify_all();
                                });
    if (taken) ++sent;
  }
  std::unique_lock lock(state->mutex);
  state->reported.wait_for(lock, timeout, [&] { return state->reports == sent; });
  return state->ok;
}

Result<std::set<std::string>> Regimes::Active(Deadline deadline) {
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::String(InForceKey(0))}, deadline));
  if (!read.values[0].present) return std::set<std::string>();
  STAFETT_TRY(auto version, Find(read.values[0].string, deadline));
  return version->active;
}

Status Regimes::Activate(const policy::RuleSet& rules, const std::string& rules_text, Deadline deadline) {
  std::set<std::string> recipients;
  for (const auto& [recipient, agency] : agencies_) recipients.insert(recipient);
  // A recipient whose topic does not take a record is not activated, and said so.
  STAFETT_TRY(auto ok, Probe(recipients, Millis(15'000)));
  v1::PolicyActivated m;
  m.set_policy_hash(rules.hash());
  m.set_controllers_hash(host_.tenants().hash());
  m.set_rules(rules_text);
  for (const auto& [recipient, agency] : agencies_) {
    if (ok.contains(recipient)) {
      m.add_active_recipients(recipient);
    } else {
      m.add_suspended_recipients(recipient);
      telemetry::Log(telemetry::Severity::kError, "recipient.not_activated",
                     {{"recipient", telemetry::Safe(recipient)}});
    }
  }
  auto message = m.SerializeAsString();
  auto hash = seal::Sha256(message);
  for (int p = 0; p < host_.config().partitions; ++p) {
    auto stream = PolicyStream(p);
    for (int attempt = 0;; ++attempt) {
      auto generation = host_.gate().store().Generation();
      STAFETT_TRY(auto read,
                  host_.gate().store().Read({gate::Get::String(InForceKey(p)), gate::Get::Length(keys_.Own(p, stream))},
                                            deadline));
      if (read.values[0].string == hash) break;
      auto own = static_cast<std::uint64_t>(read.values[1].number);
      gate::Command command;
      command.request_scope = "disclosure";
      command.request_id = DerivedId("rq", "activate/" + hash + "/" + stream + "/" + std::to_string(own));
      command.request_hash = hash;
      gate::Proposal proposal;
      proposal.events.push_back({PolicyType(), message, "", host_.config().kafka.log_topic});
      STAFETT_TRY(auto tried, host_.gate().committer().Try(command, {p, stream, false}, {own, 0, generation, read.now},
                                                           proposal, deadline));
      if (tried.kind == gate::Committer::Attempt::Kind::kDone) break;
      if (attempt == gate::kMaxConflicts) return gate::TooManyConflicts();
    }
  }
  return {};
}

}  // namespace stafett::disclosure::adapters
