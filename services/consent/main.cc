// stafett-consent: requests, grants, withdrawals. Made in the order of the lines; Run (lib/host) starts and stops.
#include "consent/adapters/disclosure_fence.h"
#include "consent/adapters/gate_consent_store.h"
#include "consent/rpc/consents_service.h"
#include "lib/host/host.h"
#include "lib/host/references.h"
#include "lib/host/rule_file.h"

int main(int argc, char** argv) {
  using namespace stafett;
  return config::RunCommandLine(argc, argv, "consent", [](const config::Service& config) {
    host::Host host(config, {.keys = true, .identity = false, .ledger = false});
    consent::adapters::GateConsentStore store(host);
    consent::adapters::DisclosureFence fence(config, host.metrics());
    host::SealedReferences references(host::RequireSecret(config.keys.alias, "alias_key_file"));
    consent::adapters::ConsentApplier applier(host);
    host.gate().AddTailer(config.kafka.log_topic, "log", applier);
    host::RuleFile rules(config.policy, host.metrics(), host::BeatsOf(host.health()));
    consent::rpc_api::ConsentsService service(
        host, {store, fence, references, host.tenants(), [&rules] { return rules.Last(); }});
    return host.Run({{consent::v1::Consents::service_full_name(), &service}});
  });
}
