#include "lib/host/parts.h"

#include <utility>

#include "lib/host/connect.h"
#include "lib/telemetry/log.h"
#include "lib/telemetry/trace.h"

namespace stafett::host {

using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

Parts::Parts(config::Service config, tenants::Tenants tenants)
    : config_(std::move(config)), tenants_(std::move(tenants)) {}

Parts::~Parts() = default;

std::map<std::string, std::string> Parts::Followed(const config::Service& config, Follows follows) {
  const auto& k = config.kafka;
  std::map<std::string, std::string> out{{"log", k.log_topic}};
  if (follows.keys) out["keys"] = k.keys_topic;
  if (follows.identity) out["identity"] = k.identity_topic;
  if (follows.ledger) out["ledger"] = k.ledger_topic;
  return out;
}

void Parts::Assemble(Follows follows, Rim rim) {
  const auto& k = config_.kafka;
  probing_ = std::move(rim.probing);
  if (follows.keys) {
    keys_ = std::make_unique<KeyRing>(rim.store, gate::Keys(config_.service, config_.partitions), rim.kek.value());
  }
  gate::GateOptions o;
  o.service = config_.service;
  o.instance = config_.instance;
  o.partitions = config_.partitions;
  o.outbox_limit = config_.limits.outbox_limit;
  o.log_topic = k.log_topic;
  o.ordered_topics = {k.log_topic};
  if (follows.ledger) o.ordered_topics.insert(k.ledger_topic);
  o.followed = Followed(config_, follows);
  o.check_every = config_.limits.check_stores_every;
  o.check_stores = std::move(rim.check_stores);
  o.tell = [this](const std::string& name, bool ok, const std::string& reason) {
    auto before = health_.Failing();
    health_.Set(name, ok, reason);
    bool failed = false;
    for (const auto& check : before) failed = failed || (check.name == name && check.reason == reason);
    if (!ok && !failed) Log(Severity::kWarn, "gate.not_ready", {{"check", Safe(name)}, {"reason", Safe(reason)}});
    if (ok && !before.empty()) Log(Severity::kInfo, "gate.ready", {{"check", Safe(name)}});
  };
  o.parked = [](int partition, const gate::Parked& parked) {
    // No call is under way here: the trace is the record's own.
    auto trace = telemetry::TraceContext::Parse("00-" + gate::TraceIdOf(partition, parked) + "-0000000000000001-01");
    telemetry::TraceScope scope(trace.value_or(telemetry::TraceContext::New()));
    Log(Severity::kWarn, "child.parked",
        {{"partition", partition}, {"offset", parked.offset}, {"cause", Safe(parked.why)}});
  };
  o.beats = BeatsOf(health_);
  health_.Set("gate", false, "STARTING");
  gate_ = std::make_unique<gate::Gate>(
      rim.store, std::move(o), std::move(rim.relayed), std::move(rim.reader),
      [this](const std::string& child, std::string_view body, std::string_view bound) -> Result<seal::Box> {
        if (!keys_) return Fail(Code::kInternal, "NO_KEYS", "nothing is sealed here");
        return keys_->Seal(child, body, bound);
      });
  if (follows.keys) {
    gate_->AddCompacted(k.keys_topic, "keys", [this](int p, const kafka::Record& r) {
      if (r.tombstone) keys_->Forget(r.key);
      return KeyRing::FromRecord(gate_->keys(), p, r);
    });
  }
}

}  // namespace stafett::host
