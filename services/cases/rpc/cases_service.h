// The gRPC face of cases: parse, hand to the use case, render. No decisions here.
#pragma once

#include <memory>
#include <string>

#include "cases/app/operations.h"
#include "lib/host/command.h"
#include "lib/host/host.h"
#include "lib/host/streams.h"
#include "lib/rpc/unary.h"
#include "stafett/cases/v1/cases_service.grpc.pb.h"

namespace stafett::cases::rpc_api {

namespace v1 = ::stafett::cases::v1;

class CasesService final : public v1::Cases::CallbackService {
 public:
  CasesService(host::Host& host, app::App app);

#define STAFETT_RPC(Method, Response)                                                                        \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* context, const v1::Method##Request* request, \
                                   Response* response) override;
  STAFETT_RPC(RegisterChild, v1::RegisterChildResponse)
  STAFETT_RPC(NoteConcern, v1::NoteConcernResponse)
  STAFETT_RPC(RecordConversation, v1::CaseResponse)
  STAFETT_RPC(OpenLog, v1::CaseResponse)
  STAFETT_RPC(SetLevel, v1::CaseResponse)
  STAFETT_RPC(AddParticipant, v1::CaseResponse)
  STAFETT_RPC(RemoveParticipant, v1::CaseResponse)
  STAFETT_RPC(OfferBaton, v1::CaseResponse)
  STAFETT_RPC(AcceptBaton, v1::CaseResponse)
  STAFETT_RPC(DeclineBaton, v1::CaseResponse)
  STAFETT_RPC(WriteNote, v1::CaseResponse)
  STAFETT_RPC(AddBrightSpot, v1::CaseResponse)
  STAFETT_RPC(SubmitContribution, v1::CaseResponse)
  STAFETT_RPC(AcceptContribution, v1::CaseResponse)
  STAFETT_RPC(DeclineContribution, v1::CaseResponse)
  STAFETT_RPC(AddGoal, v1::CaseResponse)
  STAFETT_RPC(EndGoal, v1::CaseResponse)
  STAFETT_RPC(StartMeasure, v1::CaseResponse)
  STAFETT_RPC(ChangeMeasure, v1::CaseResponse)
  STAFETT_RPC(EvaluateMeasure, v1::CaseResponse)
  STAFETT_RPC(EndMeasure, v1::CaseResponse)
  STAFETT_RPC(CloseCase, v1::CaseResponse)
  STAFETT_RPC(GetCase, v1::Case)
  STAFETT_RPC(ListDue, v1::ListDueResponse)
  STAFETT_RPC(ListTimeline, v1::ListTimelineResponse)
  STAFETT_RPC(GetReceipt, common::v1::Receipt)
#undef STAFETT_RPC
  grpc::ServerWriteReactor<v1::Case>* WatchCase(grpc::CallbackServerContext* context,
                                                const v1::WatchCaseRequest* request) override;

 private:
  // Every command on a case: `operation(OnCase) -> Result<Committed>`.
  template <class Req, class Operation>
  grpc::ServerUnaryReactor* OnCase(const char* method, grpc::CallbackServerContext* context, const Req* request,
                                   v1::CaseResponse* response, Operation operation);
  // Something of a case that a request names by itself: a measure, a contribution.
  struct Part {
    std::string name;
    const char *field, *collection;
  };
  // Every command on one: `operation(OnCase, its id) -> Result<Committed>`.
  template <class Req, class Operation>
  grpc::ServerUnaryReactor* OnPart(const char* method, const Part& part, grpc::CallbackServerContext* context,
                                   const Req* request, v1::CaseResponse* response, Operation operation);
  // The case as this person may see it after `committed`; to somebody who may not read it, or no longer, only its name,
  // as the caller named it.
  Status Render(const host::Request& checked, const std::string& case_id, const std::string& named, v1::Case* out);

  void Show(const host::Request& checked, const app::Reading& reading, v1::Case* out) const;

  host::Host& host_;
  app::App app_;
  stafett::rpc::Endpoint endpoint_;
  std::unique_ptr<stafett::rpc::Streams> streams_;
};

}  // namespace stafett::cases::rpc_api
