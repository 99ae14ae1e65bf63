// The gRPC server of a process: our services, grpc.health.v1 tied to readiness, reflection, bounds,
// and an orderly end.
//
//   STAFETT_TRY(auto server,
//               rpc::Server::Start({.listen = config.listen},
//                                  {{v1::Cases::service_full_name(), &cases}}, health));
//   stop_signal.Wait();
//   server->Shutdown(Millis(10'000));
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/telemetry/health.h"

namespace stafett::rpc {

struct ServerOptions {
  std::string listen;              // "host:port", port 0 for any; empty: in-process only (tests)
  int max_message_bytes = 262144;  // of a request; an answer may have twice as much
  int max_metadata_bytes = 24576;  // two tokens of 8 KiB and the rest
};

struct NamedService {
  std::string name;        // service_full_name(), for the health service
  grpc::Service* service;  // must outlive the server
};

class Server {
 public:
  // kUnavailable/GRPC_LISTEN if the address cannot be had. `health` must outlive the server.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options, const std::vector<NamedService>& services,
                                               telemetry::Health& health);
  ~Server();  // Shutdown(Millis(0)) if it was not called
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return port_; }
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Health says NOT_SERVING, new calls are refused, those in progress get `drain` to end, then they
  // are cancelled; returns when all have been answered. Handlers must therefore always finish. Stop
  // the executor only after this.
  void Shutdown(Millis drain);

 private:
  Server(std::unique_ptr<grpc::Server> server, telemetry::Health& health);
  std::unique_ptr<grpc::Server> server_;
  telemetry::Health& health_;
  int port_ = 0;
  bool down_ = false;
};

}  // namespace stafett::rpc
