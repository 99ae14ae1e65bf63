#include "escalation/rpc/escalations_service.h"

#include "lib/host/names.h"

namespace stafett::escalation::rpc_api {
namespace {

using stafett::rpc::Call;
constexpr host::Rules kRules{"stafett:escalation", true};
constexpr int kPageSize = 50, kLargestPage = 100;

// What is waited for, in the words of the API: "next/ca-1" is about controllers/{controller}/cases/ca-1.
std::string About(const host::Who& who, const Awaited& awaited) {
  const auto id = awaited.id.substr(awaited.id.find('/') + 1);
  switch (awaited.kind) {
    case AwaitedKind::kNextDate:
    case AwaitedKind::kBatonAnswer: return host::ResourceName(who.controller, "cases", id);
    case AwaitedKind::kEvaluation: return host::ResourceName(who.controller, "measures", id);
    case AwaitedKind::kDeliveryStored: return host::ResourceName(who.controller, "deliveries", id);
    case AwaitedKind::kContributionAnswer: return host::ResourceName(who.controller, "contributions", id);
    case AwaitedKind::kNone: break;
  }
  return {};
}

void Fill(const host::Who& who, const domain::Escalation& x, v1::Escalation* out) {
  out->set_name(host::ResourceName(who.controller, "escalations", x.id));
  out->set_kind(static_cast<common::v1::AwaitedKind>(x.awaited.kind));
  out->set_about(About(who, x.awaited));
  out->set_date(x.awaited.date);
  out->set_awaited_of(x.awaited.recipient);
  out->set_owner(x.owner.person);
  out->set_owner_recipient(x.owner.recipient);
  out->set_step(x.step);
  out->set_acknowledged(x.acknowledged);
  out->set_resolved(x.resolved);
  out->set_since_ms(x.since.ms);
}

}  // namespace

EscalationsService::EscalationsService(host::Host& host, app::App app)
    : host_(host), app_(app), endpoint_(host.runtime(), v1::Escalations::service_full_name()) {}

grpc::ServerUnaryReactor* EscalationsService::ListEscalations(grpc::CallbackServerContext* context,
                                                              const v1::ListEscalationsRequest* request,
                                                              v1::ListEscalationsResponse* response) {
  return endpoint_.Serve("ListEscalations", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
    const int size = request->page_size() == 0 ? kPageSize : request->page_size();
    if (size < 0 || size > kLargestPage) return Invalid("page_size", "page_size: 1 to 100, or 0 for 50");
    STAFETT_TRY(auto page, app::ListEscalations(app_, checked.who, size, request->page_token(), checked.deadline));
    for (const auto& x : page.seen) Fill(checked.who, x, response->add_escalations());
    for (const auto& [owner, count] : page.hidden) {
      auto& line = *response->add_hidden();
      line.set_owner(owner);
      line.set_count(count);
    }
    response->set_next_page_token(page.next);
    return {};
  });
}

template <class Req>
grpc::ServerUnaryReactor* EscalationsService::OnEscalation(
    const char* method, grpc::CallbackServerContext* context, const Req* request, v1::EscalationResponse* response,
    Result<gate::Committed> (*operation)(app::App&, const app::OnEscalation&)) {
  return endpoint_.Serve(method, context, [=, this](Call call) {
    const auto id = host::IdFromName(request->escalation(), "escalations");
    host::RunCommand(
        host_, call, method, *request, response, kRules,
        [&](const host::Request& checked) -> Result<gate::Committed> {
          if (!id)
            return Invalid("escalation", "escalation: must be controllers/{controller}/escalations/{escalation}");
          return operation(app_, {checked.who, checked.command, checked.deadline, *id});
        },
        [&](const host::Request& checked, const gate::Committed&) -> Status {
          STAFETT_TRY(auto reading, app::ReadEscalation(app_, checked.who, *id, checked.deadline));
          auto* out = response->mutable_escalation();
          if (reading.seen) {
            Fill(checked.who, reading.x, out);
          } else {
            out->set_name(host::ResourceName(checked.who.controller, "escalations", *id));
            out->set_owner(reading.x.owner.person);
          }
          return {};
        });
  });
}

#define STAFETT_ON_ESCALATION(Method)                                                                               \
  grpc::ServerUnaryReactor* EscalationsService::Method(                                                             \
      grpc::CallbackServerContext* context, const v1::Method##Request* request, v1::EscalationResponse* response) { \
    return OnEscalation(#Method, context, request, response, app::Method);                                          \
  }

STAFETT_ON_ESCALATION(Acknowledge)
STAFETT_ON_ESCALATION(TakeOver)
STAFETT_ON_ESCALATION(Resolve)
#undef STAFETT_ON_ESCALATION

grpc::ServerUnaryReactor* EscalationsService::GetReceipt(grpc::CallbackServerContext* context,
                                                         const v1::GetReceiptRequest* request,
                                                         common::v1::Receipt* response) {
  return endpoint_.Serve("GetReceipt", context, [=, this](const Call& call) -> Status {
    return host::ReadReceipt(host_, call, *request, response, {"stafett:escalation", false});
  });
}

}  // namespace stafett::escalation::rpc_api
