// stafett-cases: children, concerns, logs, the baton. Made in the order of the lines; Run (lib/host) starts and stops.
#include "cases/adapters/gate_case_store.h"
#include "cases/rpc/cases_service.h"
#include "lib/host/host.h"
#include "lib/host/references.h"

int main(int argc, char** argv) {
  using namespace stafett;
  return config::RunCommandLine(argc, argv, "cases", [](const config::Service& config) {
    host::Host host(config, {.keys = true, .identity = true, .ledger = false});
    cases::adapters::GateCaseStore store(host, host::RequireSecret(config.keys.identity, "identity_key_file"));
    host::SealedReferences references(host::RequireSecret(config.keys.alias, "alias_key_file"));
    cases::adapters::CaseApplier applier(host, store);
    host.gate().AddCompacted(config.kafka.identity_topic, "identity",
                             [&](int, const kafka::Record& record) { return store.IdentityWrites(record); });
    host.gate().AddTailer(config.kafka.log_topic, "log", applier);
    cases::rpc_api::CasesService service(host,
                                         {store, references, host.tenants(), config.mode == config::Mode::kProduction});
    return host.Run({{cases::v1::Cases::service_full_name(), &service}});
  });
}
