// The gRPC face of notifications: parse, hand to the use case, render. No decisions here.
#pragma once

#include "lib/host/command.h"
#include "lib/host/host.h"
#include "lib/rpc/unary.h"
#include "notifications/app/operations.h"
#include "stafett/notifications/v1/notifications_service.grpc.pb.h"

namespace stafett::notifications::rpc_api {

namespace v1 = ::stafett::notifications::v1;

class NotificationsService final : public v1::Notifications::CallbackService {
 public:
  NotificationsService(host::Host& host, app::App app);

#define STAFETT_RPC(Method, Response)                                                                        \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* context, const v1::Method##Request* request, \
                                   Response* response) override;
  STAFETT_RPC(ListInbox, v1::ListInboxResponse)
  STAFETT_RPC(MarkRead, v1::MarkReadResponse)
  STAFETT_RPC(GetMessage, v1::Message)
  STAFETT_RPC(GetReceipt, common::v1::Receipt)
#undef STAFETT_RPC

 private:
  Status Fill(const host::Who& who, const domain::Message& message, domain::Sight sight, v1::Message* out) const;

  host::Host& host_;
  app::App app_;
  stafett::rpc::Endpoint endpoint_;
};

}  // namespace stafett::notifications::rpc_api
