#include "disclosure/rpc/disclosure_service.h"

#include <google/protobuf/util/json_util.h>

#include "lib/base/id.h"
#include "lib/calendar/calendar.h"
#include "lib/host/names.h"

namespace stafett::disclosure::rpc_api {
namespace {

using stafett::rpc::Call;
constexpr host::Rules kMachine{"stafett:disclosure", false};
constexpr host::Rules kPerson{"stafett:disclosure", true};

v1::DeliveryState ToProto(domain::DeliveryState s) {
  switch (s) {
    case domain::DeliveryState::kSignalled: return v1::SIGNALLED;
    case domain::DeliveryState::kFetched: return v1::FETCHED;
    case domain::DeliveryState::kStored: return v1::STORED_BY_RECIPIENT;
    case domain::DeliveryState::kOpened: return v1::OPENED;
    case domain::DeliveryState::kWithdrawn: return v1::DELIVERY_WITHDRAWN;
    case domain::DeliveryState::kWithheld: return v1::DELIVERY_WITHHELD;
  }
  return v1::DELIVERY_STATE_UNSPECIFIED;
}
v1::DeliveryKind ToProto(domain::DeliveryKind k) { return static_cast<v1::DeliveryKind>(static_cast<int>(k) + 1); }
v1::Verdict ToProto(policy::Verdict v) { return static_cast<v1::Verdict>(static_cast<int>(v) + 1); }

template <class Message>
void SetFields(policy::CategorySet set, Message* out) {
  for (int c = 1; c < policy::kCategoryCount; ++c) {
    if (set.Has(static_cast<policy::Category>(c))) out->add_fields(static_cast<common::v1::Category>(c));
  }
}

void Fill(const app::DecisionRow& row, v1::Decision* out) {
  out->set_event_id(row.decided.event_id);
  out->set_event_type(row.line.kind == domain::DeliveryKind::kEvent ? row.line.item_type : row.decided.event_type);
  out->set_recipient(row.line.recipient);
  out->set_verdict(ToProto(row.line.verdict));
  out->set_kind(ToProto(row.line.kind));
  out->set_rule(row.line.rule);
  SetFields(row.line.fields, out);
  out->set_missing(row.line.missing);
  if (row.state) out->set_state(ToProto(*row.state));
  out->set_decided_at_ms(row.decided.at.ms);
  out->set_delivery_id(row.line.delivery_id);
  for (const auto& c : row.line.consents) out->add_consents(c);
  out->set_decision_id(row.id);
}

void Fill(const app::Listed& listed, v1::Delivery* out) {
  out->set_delivery_id(listed.delivery.id);
  out->set_case_ref(listed.case_ref);
  out->set_kind(ToProto(listed.delivery.kind));
  out->set_type_class(std::string(domain::TypeClass(listed.delivery.kind, listed.delivery.item_type)));
  out->set_ground(listed.delivery.rule);
  out->set_epoch(listed.delivery.epoch);
  out->set_sequence(listed.delivery.sequence);
  out->set_state(ToProto(listed.delivery.state));
  out->set_cursor(listed.cursor);
}

// A delivery has come through every state before its own.
void CountIn(const domain::Reconciled& row, v1::ReconciledCounts* out) {
  using S = domain::DeliveryState;
  const auto state = row.delivery.state;
  if (row.missing) out->set_missing(out->missing() + 1);
  if (state == S::kWithdrawn) return out->set_withdrawn(out->withdrawn() + 1);
  if (state == S::kWithheld) return out->set_withheld(out->withheld() + 1);
  out->set_signalled(out->signalled() + 1);
  if (state == S::kOpened) out->set_opened(out->opened() + 1);
  if (state == S::kOpened || state == S::kStored) out->set_stored(out->stored() + 1);
  if (state != S::kSignalled) out->set_fetched(out->fetched() + 1);
}

void Fill(const app::ReconciledPart& part, v1::ReconciledDay* out) {
  out->set_recipient(part.recipient);
  out->set_date(calendar::Format(part.day));
  out->set_day_over(part.day_over);
  out->set_made_ms(part.now.ms);
  out->set_page_token(part.from);
  out->set_next_page_token(part.next);
  out->mutable_counts();
  for (const auto& row : part.deliveries) {
    CountIn(row, out->mutable_counts());
    auto& delivery = *out->add_deliveries();
    delivery.set_delivery_id(row.delivery.id);
    delivery.set_kind(ToProto(row.delivery.kind));
    delivery.set_type_class(std::string(domain::TypeClass(row.delivery.kind, row.delivery.item_type)));
    delivery.set_state(ToProto(row.delivery.state));
    if (row.missing) delivery.set_missing(ToProto(*row.missing));
    delivery.set_ended(row.ended);
    delivery.set_decided_ms(row.delivery.at.ms);
  }
}

// With every field, so that who reads it need not know what an absent one means.
std::string AsJson(const v1::ReconciledDay& day) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string out;
  (void)google::protobuf::util::MessageToJsonString(day, &out, options);  // fails on an Any alone
  return out;
}

// One look at the fence: all others who wait, wait for it too.
constexpr Millis kLook{2000};
}  // namespace

DisclosureService::DisclosureService(host::Host& host, app::App app, seal::SigningKey signing)
    : host_(host),
      app_(app),
      signing_(std::move(signing)),
      endpoint_(host.runtime(), v1::Disclosure::service_full_name()),
      waits_(host::BeatsOf(host.health())),
      streams_(host::OpenStreams(
          host, v1::Disclosure::service_full_name(),
          [&gate = host.gate()](const std::string& recipient) { return gate.keys().Global("to:" + recipient); })) {}

gate::Command DisclosureService::CommandFor(const host::Request& checked) const {
  gate::Command command;
  command.request_scope = checked.who.organisation;
  command.request_id = NewId("rq");
  command.actor = checked.who.actor;
  command.purpose = checked.who.purpose;
  return command;
}

grpc::ServerUnaryReactor* DisclosureService::Fetch(grpc::CallbackServerContext* context,
                                                   const v1::FetchRequest* request, v1::FetchResponse* response) {
  return endpoint_.Serve("Fetch", context, [=, this](Call call) {
    auto checked = host::CheckQuery(host_, call, *request, kMachine);
    if (!checked) return call.Finish(tl::unexpected(std::move(checked).error()));
    auto fetched = app::Fetch(app_, checked->who, CommandFor(*checked), checked->deadline, request->delivery_id());
    if (!fetched) return call.Finish(tl::unexpected(std::move(fetched).error()));
    auto& f = *fetched;
    response->set_delivery_id(f.delivery.id);
    response->set_case_ref(f.case_ref);
    if (!f.identity.empty()) response->mutable_child()->ParseFromString(f.identity);
    response->mutable_content()->set_type_url(f.type_url);
    response->mutable_content()->set_value(f.value);
    SetFields(f.fields, response);
    response->set_rule(f.rule);
    response->set_digest(f.digest);
    response->set_origin(f.origin);
    response->set_happened_ms(f.happened.ms);
    call.Finish({});
    app_.ledger.EndReading(f.child, f.reading);
  });
}

grpc::ServerUnaryReactor* DisclosureService::ConfirmStored(grpc::CallbackServerContext* context,
                                                           const v1::ConfirmStoredRequest* request,
                                                           v1::ConfirmResponse* response) {
  return endpoint_.Serve("ConfirmStored", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kMachine));
    STAFETT_TRY(auto state, app::ConfirmStored(app_, checked.who, CommandFor(checked), checked.deadline,
                                               request->delivery_id(), request->record_ref(), request->digest()));
    response->set_state(ToProto(state));
    return {};
  });
}

grpc::ServerUnaryReactor* DisclosureService::ConfirmOpened(grpc::CallbackServerContext* context,
                                                           const v1::ConfirmOpenedRequest* request,
                                                           v1::ConfirmResponse* response) {
  return endpoint_.Serve("ConfirmOpened", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kPerson));
    STAFETT_TRY(auto state,
                app::ConfirmOpened(app_, checked.who, CommandFor(checked), checked.deadline, request->delivery_id()));
    response->set_state(ToProto(state));
    return {};
  });
}

grpc::ServerUnaryReactor* DisclosureService::ListDeliveries(grpc::CallbackServerContext* context,
                                                            const v1::ListDeliveriesRequest* request,
                                                            v1::ListDeliveriesResponse* response) {
  return endpoint_.Serve("ListDeliveries", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kMachine));
    STAFETT_TRY(auto page,
                app::ListDeliveries(app_, checked.who, request->after(), request->page_size(), checked.deadline));
    for (const auto& listed : page.deliveries) Fill(listed, response->add_deliveries());
    response->set_next(page.next);
    return {};
  });
}

grpc::ServerWriteReactor<v1::Delivery>* DisclosureService::WatchDeliveries(grpc::CallbackServerContext* context,
                                                                           const v1::WatchDeliveriesRequest* request) {
  using stafett::rpc::Asked;
  using Portion = stafett::rpc::Portion<v1::Delivery>;
  return streams_->Serve<v1::Delivery>(
      "WatchDeliveries", context, [this, request = *request](const Asked& asked) -> Result<Portion> {
        STAFETT_TRY(auto checked, host::CheckQuery(host_, asked.caller, asked.deadline, request, kMachine));
        const auto& after = asked.resume.empty() ? request.after() : asked.resume;
        STAFETT_TRY(auto page, app::ListDeliveries(app_, checked.who, after, 0, checked.deadline));
        Portion portion{checked.who.recipient, {}, page.next, !page.next.empty()};
        for (const auto& listed : page.deliveries) {
          portion.items.push_back({{}, listed.cursor});
          Fill(listed, &portion.items.back().message);
        }
        return portion;
      });
}

grpc::ServerUnaryReactor* DisclosureService::ListDecisions(grpc::CallbackServerContext* context,
                                                           const v1::ListDecisionsRequest* request,
                                                           v1::ListDecisionsResponse* response) {
  return endpoint_.Serve("ListDecisions", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kPerson));
    auto child = host::IdFromName(request->child(), "children");
    if (!child) return Invalid("child", "child: must be controllers/{controller}/children/{child}");
    STAFETT_TRY(auto page, app::ListDecisions(app_, checked.who, *child, request->page_size(), request->page_token(),
                                              checked.deadline));
    for (const auto& row : page.rows) Fill(row, response->add_decisions());
    response->set_next_page_token(page.next);
    return {};
  });
}

grpc::ServerUnaryReactor* DisclosureService::Explain(grpc::CallbackServerContext* context,
                                                     const v1::ExplainRequest* request, v1::ExplainResponse* response) {
  return endpoint_.Serve("Explain", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kPerson));
    auto child = host::IdFromName(request->child(), "children");
    if (!child) return Invalid("child", "child: must be controllers/{controller}/children/{child}");
    STAFETT_TRY(auto explained, app::Explain(app_, checked.who, *child, request->event_id(), request->recipient(),
                                             request->decision_id(), checked.deadline));
    Fill(explained.row, response->mutable_decision());
    response->set_policy_hash(explained.row.decided.policy_hash);
    for (const auto& l : explained.why) {
      auto& line = *response->add_lines();
      line.set_category(l.category);
      line.set_rule(l.rule);
      line.set_statute(l.statute);
      line.set_basis(l.basis);
      line.set_consent(l.consent);
      line.set_outcome(l.outcome);
    }
    response->set_same_again(explained.same_again);
    return {};
  });
}

grpc::ServerUnaryReactor* DisclosureService::ListRecipients(grpc::CallbackServerContext* context,
                                                            const v1::ListRecipientsRequest* request,
                                                            v1::ListRecipientsResponse* response) {
  return endpoint_.Serve("ListRecipients", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kPerson));
    if (checked.who.role != "DISCLOSURE_OFFICER") return host::NotAllowed();
    std::vector<std::string> ids;
    const auto* controller = host_.tenants().FindController(checked.who.controller);
    if (controller == nullptr) return host::NotAllowed();
    for (const auto* r : host_.tenants().ServicesFor(*controller)) ids.push_back(r->id);
    STAFETT_TRY(auto suspended, app_.recipients.Suspended(ids, checked.deadline));
    STAFETT_TRY(auto untouched, app_.recipients.Untouched(checked.deadline));
    for (const auto& r : ids) {
      auto& status = *response->add_recipients();
      status.set_recipient(r);
      auto it = suspended.find(r);
      status.set_active(it == suspended.end());
      if (it != suspended.end()) status.set_suspended_because(it->second);
      if (auto since = untouched.find(r); since != untouched.end()) status.set_untouched_since_ms(since->second.ms);
    }
    return {};
  });
}

grpc::ServerUnaryReactor* DisclosureService::ResumeRecipient(grpc::CallbackServerContext* context,
                                                             const v1::ResumeRecipientRequest* request,
                                                             v1::RecipientStatus* response) {
  return endpoint_.Serve("ResumeRecipient", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kPerson));
    STAFETT_CHECK_OK(app::OfficerOf(app_, checked.who, request->recipient()));
    STAFETT_CHECK_OK(app_.recipients.Resume(request->recipient(), checked.deadline));
    response->set_recipient(request->recipient());
    response->set_active(true);
    return {};
  });
}

grpc::ServerUnaryReactor* DisclosureService::ResendMissed(grpc::CallbackServerContext* context,
                                                          const v1::ResendMissedRequest* request,
                                                          v1::ResendMissedResponse* response) {
  return endpoint_.Serve("ResendMissed", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kPerson));
    STAFETT_TRY(auto resent,
                app::ResendMissed(app_, checked.who, CommandFor(checked), checked.deadline, request->recipient()));
    response->set_deliveries(resent.deliveries);
    response->set_more(resent.more);
    return {};
  });
}

grpc::ServerUnaryReactor* DisclosureService::GetReconciliation(grpc::CallbackServerContext* context,
                                                               const v1::GetReconciliationRequest* request,
                                                               v1::Reconciliation* response) {
  return endpoint_.Serve("GetReconciliation", context, [=, this](const Call& call) -> Status {
    const bool officer = !request->recipient().empty();
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, officer ? kPerson : kMachine));
    STAFETT_TRY(auto part, app::Reconcile(app_, checked.who, request->recipient(), request->date(),
                                          request->page_token(), checked.deadline));
    Fill(part, response->mutable_day());
    response->set_jws(signing_.Sign("stafett-reconciliation+jws", AsJson(response->day())));
    response->set_key(signing_.Jwk());
    response->set_next_page_token(part.next);
    return {};
  });
}

grpc::ServerUnaryReactor* DisclosureService::AwaitFence(grpc::CallbackServerContext* context,
                                                        const v1::AwaitFenceRequest* request,
                                                        v1::AwaitFenceResponse* response) {
  return endpoint_.Serve("AwaitFence", context, [=, this](Call call) {
    auto checked = [&]() -> Result<host::Request> {
      STAFETT_CHECK_OK(stafett::rpc::RequireInternal(call.caller()));
      return host::CheckQuery(host_, call, *request, {"stafett:internal", false});
    }();
    if (!checked) return call.Finish(tl::unexpected(std::move(checked).error()));
    app::FenceQuestion question{request->child(),
                                request->event_id(),
                                request->consent(),
                                {request->recipients().begin(), request->recipients().end()}};
    auto deadline = checked->deadline;
    auto look = [this, call, question = std::move(question), deadline, response](bool last) {
      const auto soon = Deadline::In(kLook);
      auto fence = app::LookAtFence(app_, question, soon.at < deadline.at ? soon : deadline);
      if (fence && !fence->passed && !last) return false;
      call.FinishWith(fence, [&](const app::FenceAnswer& answer) {
        response->set_passed(answer.passed);
        for (const auto& r : answer.reads) {
          auto& read = *response->add_reads();
          read.set_recipient(r.recipient);
          read.set_admitted_ms(r.admitted.ms);
        }
      });
      return true;
    };
    if (!waits_.Wait(deadline, look)) {
      call.Finish(Fail(Code::kResourceExhausted, "TOO_MANY_WAIT", "too many withdrawals wait here; ask again"));
    }
  });
}

}  // namespace stafett::disclosure::rpc_api
