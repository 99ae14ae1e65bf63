#include "disclosure/adapters/regimes.h"

#include <cstdio>
#include <optional>

#include "lib/base/id.h"
#include "lib/gate/envelope.h"
#include "lib/policy/file.h"
#include "lib/telemetry/log.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/disclosure/v1/ledger_events.pb.h"

namespace stafett::disclosure::adapters {
namespace {
namespace v1 = ::stafett::disclosure::v1;

std::string PolicyType() { return v1::PolicyActivated::descriptor()->options().GetExtension(common::v1::event_type); }

// In one order, so that the same files make the same version.
std::vector<const tenants::Recipient*> RecipientsOf(const tenants::Tenants& tenants) {
  std::map<std::string_view, const tenants::Recipient*> by_id;
  for (const auto& controller : tenants.controllers()) {
    for (const auto& r : controller.recipients) by_id[r.id] = &r;
  }
  std::vector<const tenants::Recipient*> out;
  for (const auto& [id, r] : by_id) out.push_back(r);
  return out;
}
}  // namespace

std::string PolicyStream(int partition) {
  char name[24];
  std::snprintf(name, sizeof name, "policy-%02d", partition);
  return name;
}

std::string VersionMessage(const policy::LoadedRules& rules, const tenants::Tenants& tenants,
                           const std::set<std::string>& active) {
  v1::PolicyActivated m;
  m.set_policy_hash(rules.rules.hash());
  m.set_controllers_hash(tenants.hash());
  m.set_rules(rules.text);
  for (const auto* r : RecipientsOf(tenants)) {
    active.contains(r->id) ? m.add_active_recipients(r->id) : m.add_suspended_recipients(r->id);
    auto& entry = *m.add_recipients();
    entry.set_recipient(r->id);
    entry.set_agency(std::string(policy::Name(r->agency)));
    entry.set_organisation(r->organisation_number);
  }
  return m.SerializeAsString();
}

Result<std::shared_ptr<const Version>> ParseVersion(const std::string& message) {
  v1::PolicyActivated m;
  if (!m.ParseFromString(message)) return Fail(Code::kInternal, "BAD_BODY", "an activation does not parse");
  STAFETT_TRY(auto rules, policy::LoadRules(m.rules(), "activated policy"));
  auto version = std::make_shared<Version>();
  version->hash = seal::Sha256(message);
  version->rules = std::make_shared<const policy::RuleSet>(std::move(rules));
  version->active.insert(m.active_recipients().begin(), m.active_recipients().end());
  for (const auto& entry : m.recipients()) {
    // A kind that this version does not know is told nothing.
    version->agencies[entry.recipient()] = policy::AgencyFromName(entry.agency()).value_or(policy::Agency::kUnknown);
    if (!entry.organisation().empty()) version->organisations[entry.organisation()] = entry.recipient();
  }
  return std::shared_ptr<const Version>(version);
}

const std::shared_ptr<const Version>& NoVersion() {
  static const auto none = [] {
    auto version = std::make_shared<Version>();
    version->rules = std::make_shared<const policy::RuleSet>();
    return std::shared_ptr<const Version>(std::move(version));
  }();
  return none;
}

domain::Regime RegimeOf(const Version& version, const std::set<std::string>& suspended) {
  domain::Regime regime{version.rules.get(), version.hash, version.agencies, version.organisations, {}, {}};
  for (const auto& r : version.active) (suspended.contains(r) ? regime.suspended : regime.active).insert(r);
  return regime;
}

Result<std::shared_ptr<const Version>> Regimes::Find(const std::string& hash, Deadline deadline) {
  {
    std::lock_guard lock(mutex_);
    auto it = versions_.find(hash);
    if (it != versions_.end()) return it->second;
  }
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::String(VersionKey(hash))}, deadline));
  if (!read.values[0].present) {
    return Fail(Code::kUnavailable, "POLICY_UNKNOWN", "the policy in force is not stored here yet");
  }
  STAFETT_TRY(auto version, ParseVersion(read.values[0].string));
  std::lock_guard lock(mutex_);
  versions_[hash] = version;
  return version;
}

std::vector<gate::Write> Regimes::Passed(int partition, const std::string& message) const {
  auto hash = seal::Sha256(message);
  return {gate::Write::Set(VersionKey(hash), message), gate::Write::Set(InForceKey(partition), hash)};
}

Result<Probed> Regimes::Probe(const std::set<std::string>& recipients, Millis timeout) const {
  return adapters::Probe(host_.probing(), host_.config().kafka.recipient_prefix, recipients, timeout);
}

Result<Regimes::Written> Regimes::LastWritten(int partition, Deadline deadline) {
  const auto own = keys_.Own(partition, PolicyStream(partition));
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::ListAt(own, -1), gate::Get::Length(own)}, deadline));
  Written out{"", static_cast<std::uint64_t>(read.values[1].number), read.now};
  if (read.values[0].present) {
    STAFETT_TRY(auto record, gate::Decode(read.values[0].string));
    out.message = std::move(record.clear);
  }
  return out;
}

Result<std::shared_ptr<const policy::LoadedRules>> Regimes::LastActivated(Deadline deadline) {
  STAFETT_TRY(auto written, LastWritten(0, deadline));
  if (written.message.empty()) return std::shared_ptr<const policy::LoadedRules>();
  v1::PolicyActivated m;
  if (!m.ParseFromString(written.message)) return Fail(Code::kInternal, "BAD_BODY", "an activation does not parse");
  return policy::LoadWithText(m.rules(), "activated policy");
}

Result<std::set<std::string>> Regimes::Active(Deadline deadline) {
  std::vector<gate::Get> gets;
  for (int p = 0; p < host_.config().partitions; ++p) gets.push_back(gate::Get::String(InForceKey(p)));
  STAFETT_TRY(auto read, host_.gate().store().Read(gets, deadline));
  std::optional<std::set<std::string>> everywhere;
  for (const auto& value : read.values) {
    if (!value.present) return std::set<std::string>();
    STAFETT_TRY(auto version, Find(value.string, deadline));
    if (!everywhere) everywhere = version->active;
    std::erase_if(*everywhere, [&](const auto& recipient) { return !version->active.contains(recipient); });
  }
  return everywhere.value_or(std::set<std::string>());
}

Status Regimes::Activate(const policy::LoadedRules& rules, Millis patience) {
  std::set<std::string> recipients;
  for (const auto* r : RecipientsOf(host_.tenants())) recipients.insert(r->id);
  // A recipient whose topic does not take a record is not activated, and said so; nor is one that was not before, and
  // whose topic gives no word.
  STAFETT_TRY(auto probed, Probe(recipients, patience));
  const auto deadline = Deadline::In(patience);
  std::set<std::string> before;
  STAFETT_TRY(auto first, LastWritten(0, deadline));  // in the first partition it is written first
  if (!first.message.empty()) {
    STAFETT_TRY(auto version, ParseVersion(first.message));
    before = version->active;
  }
  const auto active = StillActive(probed, before);
  for (const auto& recipient : recipients) {
    if (active.contains(recipient)) continue;
    telemetry::Log(telemetry::Severity::kError, "recipient.not_activated", {{"recipient", telemetry::Safe(recipient)}});
  }
  auto message = VersionMessage(rules, host_.tenants(), active);
  auto hash = seal::Sha256(message);
  for (int p = 0; p < host_.config().partitions; ++p) {
    auto stream = PolicyStream(p);
    for (int attempt = 0;; ++attempt) {
      auto generation = host_.gate().store().Generation();
      STAFETT_TRY(auto written, LastWritten(p, deadline));
      // What was written last, not what is in force: a reader that is behind has that before it.
      if (written.message == message) break;
      const auto own = written.count;
      gate::Command command;
      command.request_scope = "disclosure";
      command.request_id = DerivedId("rq", "activate/" + hash + "/" + stream + "/" + std::to_string(own));
      command.request_hash = hash;
      gate::Proposal proposal;
      proposal.events.push_back({PolicyType(), message, "", host_.config().kafka.log_topic});
      STAFETT_TRY(auto tried, host_.gate().committer().Try(command, {p, stream, false},
                                                           {own, 0, generation, written.now}, proposal, deadline));
      if (tried.kind == gate::Committer::Attempt::Kind::kDone) break;
      if (attempt == gate::kMaxConflicts) return gate::TooManyConflicts();
    }
  }
  return {};
}

}  // namespace stafett::disclosure::adapters
