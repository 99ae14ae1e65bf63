#include "lib/rpc/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <mutex>
#include <string_view>

#include "lib/telemetry/log.h"

namespace stafett::rpc {
namespace {

using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

// Clients behind load balancers ping idle connections; gRPC's own limit of five minutes would cut
// them off.
constexpr int kMinPingIntervalMs = 10'000;
constexpr int kKeepaliveMs = 30'000, kKeepaliveTimeoutMs = 10'000;

// Only where, not what: gRPC's texts may quote what a client sent.
void LogOfGrpc(gpr_log_func_args* args) {
  const std::string_view path = args->file;
  const std::string_view file = path.substr(path.rfind('/') + 1);
  Log(Severity::kWarn, "grpc.library", {{"file", Safe(file)}, {"line", args->line}});
}

void SetUpGrpcOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(&LogOfGrpc);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, const std::vector<NamedService>& services,
                                              telemetry::Health& health) {
  SetUpGrpcOnce();
  grpc::ServerBuilder builder;
  int port = 0;
  if (!options.listen.empty()) {
    builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  }
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  // The content of one request, and what an answer says around it.
  builder.SetMaxSendMessageSize(2 * options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
  // Otherwise two processes could listen on one port, each getting half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinPingIntervalMs);
  // A stream may be silent for long: whoever is not there any more is noticed all the same.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // no limit
  for (const NamedService& named : services) builder.RegisterService(named.service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server || (!options.listen.empty() && port == 0)) {
    return Fail(Code::kUnavailable, "GRPC_LISTEN",
                "listen: cannot listen on " + options.listen + " (taken, or no such address)");
  }

  grpc::HealthCheckServiceInterface* checker = server->GetHealthCheckService();
  std::vector<std::string> names = {""};  // "" is the process as a whole
  for (const NamedService& named : services) names.push_back(named.name);
  health.OnReadyChange([checker, names](bool ready) {
    for (const std::string& name : names) checker->SetServingStatus(name, ready);
  });
  std::unique_ptr<Server> started(new Server(std::move(server), health));
  started->port_ = port;
  return started;
}

Server::Server(std::unique_ptr<grpc::Server> server, telemetry::Health& health)
    : server_(std::move(server)), health_(health) {}

Server::~Server() { Shutdown(Millis(0)); }

std::shared_ptr<grpc::Channel> Server::InProcessChannel() {
  return server_->InProcessChannel(grpc::ChannelArguments());
}

void Server::Shutdown(Millis drain) {
  if (down_) return;
  down_ = true;
  health_.OnReadyChange({});
  server_->GetHealthCheckService()->Shutdown();
  server_->Shutdown(std::chrono::system_clock::now() + drain);
}

}  // namespace stafett::rpc
