#include "notifications/rpc/notifications_service.h"

#include "lib/host/names.h"

namespace stafett::notifications::rpc_api {
namespace {

using stafett::rpc::Call;
constexpr host::Rules kRules{"stafett:notifications", true};
constexpr char kBadName[] = "message: must be controllers/{controller}/messages/{message}";

v1::MessageState ToProto(domain::State state) {
  switch (state) {
    case domain::State::kQueued: return v1::QUEUED;
    case domain::State::kSent: return v1::SENT;
    case domain::State::kFailed: return v1::FAILED;
    case domain::State::kDropped: return v1::DROPPED;
    case domain::State::kRead: return v1::READ;
  }
  return v1::MESSAGE_STATE_UNSPECIFIED;
}

}  // namespace

NotificationsService::NotificationsService(host::Host& host, app::App app)
    : host_(host), app_(app), endpoint_(host.runtime(), v1::Notifications::service_full_name()) {}

Status NotificationsService::Fill(const host::Who& who, const domain::Message& m, domain::Sight sight,
                                  v1::Message* out) const {
  out->set_name(host::ResourceName(who.controller, "messages", m.id));
  out->set_channel(static_cast<v1::Channel>(m.channel));
  out->set_state(ToProto(m.state));
  out->set_queued_ms(m.queued.ms);
  if (m.Waits()) out->set_due_ms(m.due.ms);
  out->set_tries(m.tries);
  out->set_failure(static_cast<v1::FailureCause>(m.failure));
  out->set_ended_ms(m.ended.ms);
  if (sight != domain::Sight::kAll) return {};
  out->set_tells(static_cast<v1::Tells>(m.tells));
  out->set_escalation(m.escalation_id);
  STAFETT_TRY(*out->mutable_text(), app::LineOf(app_, m));
  return {};
}

grpc::ServerUnaryReactor* NotificationsService::ListInbox(grpc::CallbackServerContext* context,
                                                          const v1::ListInboxRequest* request,
                                                          v1::ListInboxResponse* response) {
  return endpoint_.Serve("ListInbox", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
    STAFETT_TRY(auto page,
                app::ListInbox(app_, checked.who, request->page_size(), request->page_token(), checked.deadline));
    for (const auto& m : page.messages) {
      STAFETT_CHECK_OK(Fill(checked.who, m, domain::Sight::kAll, response->add_messages()));
    }
    response->set_next_page_token(page.next);
    response->set_unread(static_cast<std::int32_t>(page.unread));
    return {};
  });
}

grpc::ServerUnaryReactor* NotificationsService::MarkRead(grpc::CallbackServerContext* context,
                                                         const v1::MarkReadRequest* request,
                                                         v1::MarkReadResponse* response) {
  return endpoint_.Serve("MarkRead", context, [=, this](Call call) {
    auto id = host::IdFromName(request->message(), "messages");
    host::RunCommand(
        host_, call, "MarkRead", *request, response, kRules,
        [&](const host::Request& checked) -> Result<gate::Committed> {
          if (!id) return Invalid("message", kBadName);
          return app::MarkRead(app_, checked.who, checked.command, *id, checked.deadline);
        },
        [&](const host::Request& checked, const gate::Committed&) -> Status {
          STAFETT_TRY(auto reading, app::ReadMessage(app_, checked.who, *id, checked.deadline));
          return Fill(checked.who, reading.message, reading.sight, response->mutable_message());
        });
  });
}

grpc::ServerUnaryReactor* NotificationsService::GetMessage(grpc::CallbackServerContext* context,
                                                           const v1::GetMessageRequest* request,
                                                           v1::Message* response) {
  return endpoint_.Serve("GetMessage", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
    auto id = host::IdFromName(request->message(), "messages");
    if (!id) return Invalid("message", kBadName);
    STAFETT_TRY(auto reading, app::ReadMessage(app_, checked.who, *id, checked.deadline));
    return Fill(checked.who, reading.message, reading.sight, response);
  });
}

grpc::ServerUnaryReactor* NotificationsService::GetReceipt(grpc::CallbackServerContext* context,
                                                           const v1::GetReceiptRequest* request,
                                                           common::v1::Receipt* response) {
  return endpoint_.Serve("GetReceipt", context, [=, this](const Call& call) -> Status {
    return host::ReadReceipt(host_, call, *request, response, {"stafett:notifications", false});
  });
}

}  // namespace stafett::notifications::rpc_api
