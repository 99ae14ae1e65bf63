// The gRPC face of consent: parse, hand to the use case, render. No decisions here.
#pragma once

#include <functional>

#include "consent/app/operations.h"
#include "lib/host/command.h"
#include "lib/host/host.h"
#include "lib/rpc/unary.h"
#include "stafett/consent/v1/consent_service.grpc.pb.h"

namespace stafett::consent::rpc_api {

namespace v1 = ::stafett::consent::v1;

class ConsentsService final : public v1::Consents::CallbackService {
 public:
  ConsentsService(host::Host& host, app::App app);

#define STAFETT_RPC(Method, Response)                                                                        \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* context, const v1::Method##Request* request, \
                                   Response* response) override;
  STAFETT_RPC(RequestConsent, v1::ConsentResponse)
  STAFETT_RPC(Grant, v1::ConsentResponse)
  STAFETT_RPC(Refuse, v1::ConsentResponse)
  STAFETT_RPC(Withdraw, v1::WithdrawResponse)
  STAFETT_RPC(GetWithdrawal, v1::WithdrawResponse)
  STAFETT_RPC(ListConsents, v1::ListConsentsResponse)
  STAFETT_RPC(Preview, v1::PreviewResponse)
  STAFETT_RPC(GetReceipt, common::v1::Receipt)
#undef STAFETT_RPC

 private:
  // Grant and Refuse: `operation(OnConsent) -> Result<Committed>`.
  template <class Req, class Operation>
  grpc::ServerUnaryReactor* OnConsent(const char* method, grpc::CallbackServerContext* context, const Req* request,
                                      v1::ConsentResponse* response, Operation operation);
  // The consent as this person may see it; only its name to somebody who may no longer read it.
  Status Render(const host::Request& checked, const std::string& consent_id, v1::Consent* out);
  void Fill(const host::Who& who, const app::Reading& reading, v1::Consent* out);
  // Asks disclosure and finishes the call: ENFORCED or REGISTERED, never an error; `enforced` is called before the
  // former. On an executor's thread.
  void FinishWithFence(const stafett::rpc::Call& call, const gate::Committed& committed, Deadline deadline,
                       v1::WithdrawResponse* response, std::function<void()> enforced);

  host::Host& host_;
  app::App app_;
  stafett::rpc::Endpoint endpoint_;
  prometheus::Histogram& enforced_seconds_;
};

}  // namespace stafett::consent::rpc_api
