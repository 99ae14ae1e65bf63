// The gRPC face of escalation: parse, hand to the use case, render. No decisions here.
#pragma once

#include "escalation/app/operations.h"
#include "lib/host/command.h"
#include "lib/host/host.h"
#include "lib/rpc/unary.h"
#include "stafett/escalation/v1/escalation_service.grpc.pb.h"

namespace stafett::escalation::rpc_api {

namespace v1 = ::stafett::escalation::v1;

class EscalationsService final : public v1::Escalations::CallbackService {
 public:
  EscalationsService(host::Host& host, app::App app);

#define STAFETT_RPC(Method, Response)                                                                        \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* context, const v1::Method##Request* request, \
                                   Response* response) override;
  STAFETT_RPC(ListEscalations, v1::ListEscalationsResponse)
  STAFETT_RPC(Acknowledge, v1::EscalationResponse)
  STAFETT_RPC(TakeOver, v1::EscalationResponse)
  STAFETT_RPC(Resolve, v1::EscalationResponse)
  STAFETT_RPC(GetReceipt, common::v1::Receipt)
#undef STAFETT_RPC

 private:
  // Acknowledge, TakeOver, Resolve.
  template <class Req>
  grpc::ServerUnaryReactor* OnEscalation(const char* method, grpc::CallbackServerContext* context, const Req* request,
                                         v1::EscalationResponse* response,
                                         Result<gate::Committed> (*operation)(app::App&, const app::OnEscalation&));

  host::Host& host_;
  app::App app_;
  stafett::rpc::Endpoint endpoint_;
};

}  // namespace stafett::escalation::rpc_api
