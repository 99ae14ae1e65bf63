// The gRPC face of disclosure: parse, hand to the use case, render. No decisions here.
#pragma once

#include <memory>

#include "disclosure/app/operations.h"
#include "disclosure/rpc/fence_waits.h"
#include "lib/host/command.h"
#include "lib/host/host.h"
#include "lib/host/streams.h"
#include "lib/rpc/unary.h"
#include "lib/seal/signing.h"
#include "stafett/disclosure/v1/disclosure_service.grpc.pb.h"

namespace stafett::disclosure::rpc_api {

namespace v1 = ::stafett::disclosure::v1;

class DisclosureService final : public v1::Disclosure::CallbackService {
 public:
  DisclosureService(host::Host& host, app::App app, seal::SigningKey signing);

#define STAFETT_RPC(Method, Response)                                                                        \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* context, const v1::Method##Request* request, \
                                   v1::Response* response) override;
  STAFETT_RPC(Fetch, FetchResponse)
  STAFETT_RPC(ConfirmStored, ConfirmResponse)
  STAFETT_RPC(ConfirmOpened, ConfirmResponse)
  STAFETT_RPC(ListDeliveries, ListDeliveriesResponse)
  STAFETT_RPC(ListDecisions, ListDecisionsResponse)
  STAFETT_RPC(Explain, ExplainResponse)
  STAFETT_RPC(ListRecipients, ListRecipientsResponse)
  STAFETT_RPC(ResumeRecipient, RecipientStatus)
  STAFETT_RPC(ResendMissed, ResendMissedResponse)
  STAFETT_RPC(GetReconciliation, Reconciliation)
  STAFETT_RPC(AwaitFence, AwaitFenceResponse)
#undef STAFETT_RPC
  grpc::ServerWriteReactor<v1::Delivery>* WatchDeliveries(grpc::CallbackServerContext* context,
                                                          const v1::WatchDeliveriesRequest* request) override;

 private:
  // Fetch and the confirmations carry no request_id of the caller's: they may be repeated as they are. Each try gets
  // one of its own.
  gate::Command CommandFor(const host::Request& checked) const;

  host::Host& host_;
  app::App app_;
  seal::SigningKey signing_;
  stafett::rpc::Endpoint endpoint_;
  FenceWaits waits_;
  std::unique_ptr<stafett::rpc::Streams> streams_;
};

}  // namespace stafett::disclosure::rpc_api
