// stafett-escalation: what did not come in time, and who has it now. Made in the order of the lines; Run (lib/host)
// starts and stops.
#include <set>

#include "escalation/adapters/gate_escalation_store.h"
#include "escalation/adapters/timers.h"
#include "escalation/app/plan.h"
#include "escalation/rpc/escalations_service.h"
#include "lib/host/host.h"

int main(int argc, char** argv) {
  using namespace stafett;
  return config::RunCommandLine(argc, argv, "escalation", [](const config::Service& config) {
    host::Host host(config, {.keys = false, .identity = false, .ledger = false});
    escalation::app::FilesPlan plan(host.tenants());
    escalation::adapters::GateEscalationStore store(host.gate().store(), host.gate().committer(),
                                                    config.kafka.log_topic);
    escalation::adapters::EscalationApplier applier(store);
    host.gate().AddTailer(config.kafka.log_topic, "log", applier);
    escalation::adapters::Timers timers(
        store, plan, host.metrics(),
        {[&host] { return host.gate().Open() ? host.gate().Held() : std::set<int>(); }, host.tenants().hash()});
    escalation::rpc_api::EscalationsService service(host, {store, plan});
    timers.Start(host::BeatsOf(host.health()));
    const int code = host.Run({{escalation::v1::Escalations::service_full_name(), &service}});
    timers.Stop();
    return code;
  });
}
