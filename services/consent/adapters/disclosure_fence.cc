#include "consent/adapters/disclosure_fence.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "lib/rpc/caller.h"
#include "lib/rpc/error_map.h"
#include "lib/telemetry/log.h"

namespace stafett::consent::adapters {
namespace {

namespace v1 = ::stafett::disclosure::v1;
using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

const config::ServiceToken& RequireToken(const config::Service& config) {
  if (!config.service_token) throw std::runtime_error("service_token is missing in the configuration");
  return *config.service_token;
}

std::unique_ptr<v1::Disclosure::Stub> Connect(const config::Service& config) {
  auto it = config.peers.find("disclosure");
  if (it == config.peers.end()) throw std::runtime_error("peers.disclosure is missing in the configuration");
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");  // any copy can tell: the fence lies in the store
  // Loopback between the processes of one machine; TLS is an issue of its own.
  return v1::Disclosure::NewStub(grpc::CreateCustomChannel(it->second, grpc::InsecureChannelCredentials(), arguments));
}

// Lives until gRPC calls back.
struct Exchange {
  grpc::ClientContext context;
  v1::AwaitFenceRequest request;
  v1::AwaitFenceResponse response;
};

}  // namespace

DisclosureFence::Counters::Counters(telemetry::Metrics& metrics)
    : passed(metrics.Counter("stafett_fence_answers_total", "Withdrawals by what disclosure answered in time.",
                             {{"outcome", "passed"}})),
      late(metrics.Counter("stafett_fence_answers_total", "Withdrawals by what disclosure answered in time.",
                           {{"outcome", "late"}})),
      failed(metrics.Counter("stafett_fence_answers_total", "Withdrawals by what disclosure answered in time.",
                             {{"outcome", "failed"}})),
      seconds(metrics.Histogram("stafett_fence_wait_seconds", "Time that a withdrawal waited for disclosure.")) {}

DisclosureFence::DisclosureFence(const config::Service& config, telemetry::Metrics& metrics)
    : counters_(metrics),
      token_(rpc::ClientToken::FromEndpoint(RequireToken(config).url, RequireToken(config).client_id,
                                            RequireToken(config).client_secret.Reveal(),
                                            std::string(rpc::kInternalScope))),
      stub_(Connect(config)) {}

void DisclosureFence::Await(const app::Withdrawal& withdrawal, Deadline deadline,
                            std::function<void(const Answer&)> done) {
  auto token = token_.Get(deadline);
  if (!token || deadline.Passed()) {
    counters_.failed.Increment();
    return done({});
  }
  auto exchange = std::make_shared<Exchange>();
  exchange->request.set_child(withdrawal.child);
  exchange->request.set_consent(withdrawal.consent_id);
  for (const auto& r : withdrawal.recipients) exchange->request.add_recipients(r);
  exchange->request.set_event_id(withdrawal.event_id);
  rpc::Prepare(exchange->context, deadline, *token);
  auto started = std::chrono::steady_clock::now();
  stub_->async()->AwaitFence(
      &exchange->context, &exchange->request, &exchange->response,
      [exchange, counters = counters_, started, done = std::move(done)](const grpc::Status& status) {
        counters.seconds.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
        Answer answer;
        if (!status.ok()) {
          // Too late is nobody's fault; anything else is worth a line. Either way: registered, not yet enforced.
          bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
          (late ? counters.late : counters.failed).Increment();
          if (!late) {
            Log(Severity::kWarn, "fence.failed",
                {{"code", Safe(rpc::CodeName(status.error_code()))}, {"reason", Safe(rpc::FromGrpc(status).reason)}});
          }
          return done(answer);
        }
        answer.passed = exchange->response.passed();
        for (const auto& r : exchange->response.reads()) answer.reads.push_back({r.recipient(), Time{r.admitted_ms()}});
        (answer.passed ? counters.passed : counters.late).Increment();
        done(answer);
      });
}

}  // namespace stafett::consent::adapters
