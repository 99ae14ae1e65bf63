#include "simulation/copies.h"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "lib/policy/file.h"

namespace stafett::simulation {
namespace {

template <class T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

config::Service ConfigOf(Kind kind, const std::string& instance) {
  config::Service c;
  c.service = NameOf(kind);
  c.instance = instance;
  c.partitions = kPartitions;
  c.kafka.log_topic = kLog;
  c.kafka.ledger_topic = kLedger;
  c.kafka.keys_topic = kKeys;
  c.kafka.identity_topic = kIdentity;
  c.kafka.recipient_prefix = kTo;
  return c;
}

host::Follows FollowsOf(Kind kind) {
  return {kind != Kind::kEscalation, kind == Kind::kCases, kind == Kind::kDisclosure};
}

// Every topic takes a probe, at once.
class Prober final : public gate::Publisher {
 public:
  Status Send(kafka::Message /*message*/, kafka::OnDelivery done) override {
    kafka::Delivery delivery;
    delivery.ok = true;
    done(delivery);
    return {};
  }
};

}  // namespace

const char* NameOf(Kind kind) {
  switch (kind) {
    case Kind::kCases: return "cases";
    case Kind::kConsent: return "consent";
    case Kind::kDisclosure: return "disclosure";
    case Kind::kEscalation: return "escalation";
  }
  return "";
}

Files::Files()
    : tenants(Must(tenants::LoadTenants("deploy/controllers"))),
      rules(
          [] { return Must(policy::LoadWithText(TextOf("deploy/policy/rules.yaml"), "deploy/policy/rules.yaml")); }()),
      kek(Must(seal::Secret::FromHex(std::string(64, '1')))),
      alias(Must(seal::Secret::FromHex(std::string(64, '2')))),
      identity(Must(seal::Secret::FromHex(std::string(64, '3')))) {}

const Files& TheFiles() {
  static const Files files;
  return files;
}

Copy::Copy(Kind k, const std::string& n, Rims rims)
    : kind(k), name(n), store(rims.store, std::move(rims.hooks)), parts(ConfigOf(k, n), TheFiles().tenants) {
  parts.Assemble(FollowsOf(k), {store,
                                std::move(rims.publisher),
                                []() -> Result<std::unique_ptr<gate::Publisher>> { return std::make_unique<Prober>(); },
                                std::move(rims.reader),
                                TheFiles().kek,
                                {}});
}

void Copy::Assembled() {
  for (auto& loop : parts.gate().LoopsForTest()) loops.push_back({loop.name, std::move(loop.turn)});
}

void Copy::Crash() {
  store.Die();
  parts.gate().Stop();
}

CasesCopy::CasesCopy(const std::string& n, Rims rims)
    : Copy(Kind::kCases, n, std::move(rims)),
      cases(parts, TheFiles().identity),
      references(TheFiles().alias),
      applier(parts, cases),
      app{cases, references, parts.tenants()} {
  parts.gate().AddCompacted(kIdentity, "identity",
                            [this](int, const kafka::Record& record) { return cases.IdentityWrites(record); });
  parts.gate().AddTailer(kLog, "log", applier);
  Assembled();
}

ConsentCopy::ConsentCopy(const std::string& n, Rims rims, consent::app::Fence& fence)
    : Copy(Kind::kConsent, n, std::move(rims)),
      consents(parts),
      references(TheFiles().alias),
      applier(parts),
      app{consents, fence, references, parts.tenants(), [] { return TheFiles().rules; }} {
  parts.gate().AddTailer(kLog, "log", applier);
  Assembled();
}

DisclosureCopy::DisclosureCopy(const std::string& n, Rims rims)
    : Copy(Kind::kDisclosure, n, std::move(rims)),
      regimes(parts),
      references(TheFiles().alias),
      delivery_id(disclosure::adapters::KeyedDeliveryId(TheFiles().alias)),
      ledger(parts, regimes, references),
      router(parts, ledger, regimes, delivery_id),
      suspension(parts, regimes, ledger),
      awaited(ledger.children(), parts.gate().committer(), parts.metrics(),
              {[this] { return Open() ? std::optional(parts.gate().Held()) : std::nullopt; }, kLog,
               [this](const std::string& id) -> const std::vector<tenants::Receipt>* {
                 const auto* recipient = parts.tenants().FindRecipient(id);
                 return recipient == nullptr ? nullptr : &recipient->receipts;
               },
               parts.tenants().hash()}),
      app{ledger, contents, references, delivery_id, recipients, parts.tenants()} {
  parts.gate().AddTailer(kLedger, "ledger", router);
  parts.gate().AddTailer(kLog, "log", router);
  Assembled();
  loops.push_back({"activation", [this] { Activate(); }});
  loops.push_back({"receipts", [this] { (void)awaited.Turn(); }});
}

void DisclosureCopy::Activate() {
  if (activated || !Open()) return;
  activated = regimes.Activate(*TheFiles().rules, Millis(10'000)).has_value();
}

EscalationCopy::EscalationCopy(const std::string& n, Rims rims)
    : Copy(Kind::kEscalation, n, std::move(rims)),
      plan(parts.tenants()),
      escalations(parts.gate().store(), parts.gate().committer(), kLog),
      applier(escalations),
      timers(escalations, plan, parts.metrics(),
             {[this] { return Open() ? parts.gate().Held() : std::set<int>(); }, parts.tenants().hash()}) {
  parts.gate().AddTailer(kLog, "log", applier);
  Assembled();
  loops.push_back({"timers", [this] { (void)timers.Turn(); }});
}

}  // namespace stafett::simulation
