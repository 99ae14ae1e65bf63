// stafett-disclosure: the router, the ledger, and the only door to content for recipients; with --simulate: what other
// rules would have told.
#include <unistd.h>

#include <iostream>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "disclosure/adapters/activation.h"
#include "disclosure/adapters/awaited_receipts.h"
#include "disclosure/adapters/fact_mapping.h"
#include "disclosure/adapters/gate_ledger.h"
#include "disclosure/adapters/recipients.h"
#include "disclosure/adapters/simulation_report.h"
#include "disclosure/adapters/suspension.h"
#include "disclosure/rpc/disclosure_service.h"
#include "lib/gate/redis_store.h"
#include "lib/host/connect.h"
#include "lib/host/host.h"
#include "lib/host/rule_file.h"

namespace {
using namespace stafett;
using disclosure::adapters::KeyedDeliveryId;

// With stores and keys alone: nothing of the service runs.
int Simulate(const config::Service& config, const std::string& file) {
  auto tenants = tenants::LoadTenants(config.controllers);
  if (!tenants) throw std::runtime_error(tenants.error().message);
  const auto alias_key = host::RequireSecret(config.keys.alias, "alias_key_file");
  const auto kafka = host::KafkaConnection(config);
  gate::RedisStore store(host::RedisOptions(config), gate::Keys::Clock(config.service));
  host::Parts parts(config, *std::move(tenants));
  parts.Assemble({.keys = true, .identity = false, .ledger = true}, {store,
                                                                     gate::KafkaPublisher(kafka),
                                                                     gate::KafkaPublisher(kafka),
                                                                     gate::KafkaReader(kafka),
                                                                     host::RequireSecret(config.keys.kek, "kek_file"),
                                                                     {}});
  disclosure::adapters::Regimes regimes(parts);
  disclosure::adapters::Simulation simulation(parts, regimes, gate::KafkaReader(kafka), KeyedDeliveryId(alias_key));
  return static_cast<int>(disclosure::adapters::Simulate(simulation, regimes, file, std::cout, std::cerr,
                                                         isatty(STDERR_FILENO) == 1 ? &std::cerr : nullptr));
}

int Serve(const config::Service& config) {
  host::Host host(config, {.keys = true, .identity = false, .ledger = true});
  auto alias_key = host::RequireSecret(config.keys.alias, "alias_key_file");
  disclosure::adapters::Regimes regimes(host);
  host::SealedReferences references(alias_key);
  auto delivery_id = KeyedDeliveryId(alias_key);
  disclosure::adapters::GateLedger ledger(host, regimes, references);
  disclosure::adapters::CutContents contents;
  disclosure::adapters::Router router(host, ledger, regimes, delivery_id);
  disclosure::adapters::Suspension suspension(host, regimes, ledger);
  host.gate().AddTailer(config.kafka.ledger_topic, "ledger", router);
  host.gate().AddTailer(config.kafka.log_topic, "log", router);
  host::RuleFile rules(config.policy, host.metrics(), host::BeatsOf(host.health()));
  disclosure::adapters::Activation activation(host, regimes, rules);
  disclosure::adapters::RecipientsOfGate recipients(host, regimes, suspension, activation);
  disclosure::adapters::AwaitedReceipts awaited(
      ledger.children(), host.gate().committer(), host.metrics(),
      {[&host] { return host.gate().Open() ? std::optional(host.gate().Held()) : std::nullopt; },
       config.kafka.log_topic,
       [&host](const std::string& id) -> const std::vector<tenants::Receipt>* {
         const auto* recipient = host.tenants().FindRecipient(id);
         return recipient == nullptr ? nullptr : &recipient->receipts;
       },
       host.tenants().hash()});
  disclosure::rpc_api::DisclosureService service(
      host, {ledger, contents, references, delivery_id, recipients, host.tenants()},
      seal::SigningKey(alias_key.Derive("reconciliation")));
  awaited.Start(host::BeatsOf(host.health()));
  const int code = host.Run({{disclosure::v1::Disclosure::service_full_name(), &service}});
  awaited.Stop();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  std::string simulate;
  return config::RunCommandLine(
      argc, argv, "disclosure",
      [&](const config::Service& config) { return simulate.empty() ? Serve(config) : Simulate(config, simulate); }, {},
      {.files = {{"--simulate", "print what these rules would have told otherwise; 3: something; nothing is written",
                  &simulate}}});
}
