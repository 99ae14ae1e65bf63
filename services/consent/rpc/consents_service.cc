#include "consent/rpc/consents_service.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "lib/host/command.h"
#include "lib/host/names.h"
#include "lib/telemetry/trace.h"

namespace stafett::consent::rpc_api {
namespace {

using stafett::rpc::Call;
constexpr host::Rules kRules{"stafett:consent", true};
constexpr Millis kAskAgain{500};  // of GetWithdrawal: it is asked repeatedly, the next one may have better luck
constexpr char kBadName[] = "consent: must be controllers/{controller}/consents/{consent}";

v1::ConsentState ToProto(domain::Standing standing) {
  switch (standing) {
    case domain::Standing::kRequested: return v1::REQUESTED;
    case domain::Standing::kGranted: return v1::GRANTED;
    case domain::Standing::kRefused: return v1::REFUSED;
    case domain::Standing::kWithdrawn: return v1::WITHDRAWN;
    case domain::Standing::kExpired: return v1::EXPIRED;
  }
  return v1::CONSENT_STATE_UNSPECIFIED;
}

common::v1::Category ToProto(policy::Category c) { return static_cast<common::v1::Category>(c); }

std::vector<std::string> Strings(const google::protobuf::RepeatedPtrField<std::string>& from) {
  return {from.begin(), from.end()};
}

std::vector<domain::Scope> Scopes(const google::protobuf::RepeatedPtrField<v1::Scope>& from) {
  std::vector<domain::Scope> out;
  for (const auto& s : from) {
    domain::Scope scope{s.recipient(), {}};
    for (int c : s.categories()) scope.categories.push_back(static_cast<policy::Category>(c));
    out.push_back(std::move(scope));
  }
  return out;
}

}  // namespace

ConsentsService::ConsentsService(host::Host& host, app::App app)
    : host_(host),
      app_(app),
      endpoint_(host.runtime(), v1::Consents::service_full_name()),
      enforced_seconds_(host.metrics().Histogram(
          "stafett_withdrawal_enforced_seconds",
          "Time from the arrival of a withdrawal to its answer ENFORCED; later ones are not in it.")) {}

void ConsentsService::Fill(const host::Who& who, const app::Reading& reading, v1::Consent* out) {
  const auto& c = reading.c;
  out->set_name(host::ResourceName(who.controller, "consents", c.id));
  out->set_child(
      host::ResourceName(who.controller, "children", app_.references.ForService(app::ViewerOf(who), reading.child)));
  out->set_purpose(c.purpose);
  out->set_until_ms(c.until.ms);
  for (const auto& scope : reading.shown.scopes) {
    auto& line = *out->add_recipients();
    line.set_recipient(scope.recipient);
    for (auto category : scope.categories) line.add_categories(ToProto(category));
    line.set_state(ToProto(c.StandingFor(scope.recipient, reading.now)));
    if (!reading.shown.whole) continue;
    for (const auto& m : c.Missing(scope.recipient)) line.add_missing(m);
  }
  if (!reading.shown.whole) return;
  // The etag counts what others did, so it is for those who see it all.
  out->set_etag(std::to_string(c.version));
  for (const auto& consenter : c.consenters) out->add_consenters(consenter);
}

Status ConsentsService::Render(const host::Request& checked, const std::string& consent_id, v1::Consent* out) {
  out->set_name(host::ResourceName(checked.who.controller, "consents", consent_id));
  auto reading = app::ReadConsent(app_, checked.who, consent_id, checked.deadline);
  if (!reading) {
    if (reading.error().code == Code::kPermissionDenied) return {};
    return tl::unexpected(std::move(reading).error());
  }
  Fill(checked.who, *reading, out);
  return {};
}

grpc::ServerUnaryReactor* ConsentsService::RequestConsent(grpc::CallbackServerContext* context,
                                                          const v1::RequestConsentRequest* request,
                                                          v1::ConsentResponse* response) {
  return endpoint_.Serve("RequestConsent", context, [=, this](Call call) {
    std::string consent_id;
    host::RunCommand(
        host_, call, "RequestConsent", *request, response, kRules,
        [&](const host::Request& checked) -> Result<gate::Committed> {
          auto child = host::IdFromName(request->child(), "children");
          if (!child) return Invalid("child", "child: must be controllers/{controller}/children/{child}");
          app::Asking asking{*child,
                             request->purpose(),
                             request->until(),
                             request->language(),
                             Scopes(request->scopes()),
                             Strings(request->consenters())};
          STAFETT_TRY(auto requested,
                      app::RequestConsent(app_, checked.who, checked.command, checked.deadline, asking));
          consent_id = app::ConsentIdOf(checked.command, requested.child);
          return requested;
        },
        [&](const host::Request& checked, const gate::Committed&) {
          return Render(checked, consent_id, response->mutable_consent());
        });
  });
}

template <class Req, class Operation>
grpc::ServerUnaryReactor* ConsentsService::OnConsent(const char* method, grpc::CallbackServerContext* context,
                                                     const Req* request, v1::ConsentResponse* response,
                                                     Operation operation) {
  return endpoint_.Serve(method, context, [=, this](Call call) {
    auto consent_id = host::IdFromName(request->consent(), "consents");
    host::RunCommand(
        host_, call, method, *request, response, kRules,
        [&](const host::Request& checked) -> Result<gate::Committed> {
          if (!consent_id) return Invalid("consent", kBadName);
          app::OnConsent on{checked.who, checked.command, checked.deadline, *consent_id, request->etag()};
          return operation(on);
        },
        [&](const host::Request& checked, const gate::Committed&) {
          return Render(checked, *consent_id, response->mutable_consent());
        });
  });
}

#define STAFETT_ON_CONSENT(Method)                                                                               \
  grpc::ServerUnaryReactor* ConsentsService::Method(                                                             \
      grpc::CallbackServerContext* context, const v1::Method##Request* request, v1::ConsentResponse* response) { \
    return OnConsent(#Method, context, request, response, [=, this](const app::OnConsent& on) {                  \
      return app::Method(app_, on, {request->consenter(), Strings(request->recipients()), request->evidence()}); \
    });                                                                                                          \
  }

STAFETT_ON_CONSENT(Grant)
STAFETT_ON_CONSENT(Refuse)
#undef STAFETT_ON_CONSENT

grpc::ServerUnaryReactor* ConsentsService::Withdraw(grpc::CallbackServerContext* context,
                                                    const v1::WithdrawRequest* request,
                                                    v1::WithdrawResponse* response) {
  return endpoint_.Serve("Withdraw", context, [=, this](Call call) {
    auto consent_id = host::IdFromName(request->consent(), "consents");
    response->set_state(v1::REGISTERED);
    const auto arrived = std::chrono::steady_clock::now();
    host::RunCommand(
        host_, call, "Withdraw", *request, response, kRules,
        [&](const host::Request& checked) -> Result<gate::Committed> {
          if (!consent_id) return Invalid("consent", kBadName);
          app::OnConsent on{checked.who, checked.command, checked.deadline, *consent_id, ""};
          return app::Withdraw(app_, on, request->consenter(), Strings(request->recipients()));
        },
        [&](const host::Request& checked, const gate::Committed&) -> Status {
          // It is withdrawn: a store that does not answer this reading makes no error of it.
          (void)Render(checked, *consent_id, response->mutable_consent());
          return {};
        },
        [this, call, response, arrived](const gate::Committed& committed, gate::ReceiptState state, Deadline until) {
          if (state != gate::ReceiptState::kPublished) return call.Finish({});
          bool taken = host_.runtime().executor.TrySubmit([this, call, response, committed, until, arrived] {
            FinishWithFence(call, committed, until, response, [this, arrived, repeated = committed.replay] {
              if (repeated) return;  // the first one's time is not known here
              const std::chrono::duration<double> took = std::chrono::steady_clock::now() - arrived;
              enforced_seconds_.Observe(took.count());
            });
          });
          if (!taken) call.Finish({});  // too busy to ask; GetWithdrawal tells later
        });
  });
}

void ConsentsService::FinishWithFence(const Call& call, const gate::Committed& committed, Deadline deadline,
                                      v1::WithdrawResponse* response, std::function<void()> enforced) {
  const telemetry::TraceScope scope(call.trace());  // disclosure's part belongs to the same trace
  app::AwaitEnforced(app_, committed, deadline,
                     [call, response, enforced = std::move(enforced)](const app::Fence::Answer& answer) {
                       if (answer.passed) enforced();
                       response->set_state(answer.passed ? v1::ENFORCED : v1::REGISTERED);
                       for (const auto& read : answer.reads) {
                         auto& line = *response->add_reads();
                         line.set_recipient(read.recipient);
                         line.set_admitted_ms(read.admitted.ms);
                       }
                       call.Finish({});
                     });
}

grpc::ServerUnaryReactor* ConsentsService::GetWithdrawal(grpc::CallbackServerContext* context,
                                                         const v1::GetWithdrawalRequest* request,
                                                         v1::WithdrawResponse* response) {
  return endpoint_.Serve("GetWithdrawal", context, [=, this](Call call) {
    auto found = [&]() -> Result<gate::Committed> {
      STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
      STAFETT_TRY(auto withdrawal, app::ReadWithdrawal(app_, checked.who, request->request_id(), checked.deadline));
      Fill(checked.who, withdrawal.reading, response->mutable_consent());
      response->set_state(v1::REGISTERED);
      STAFETT_CHECK_OK(host::ReadReceipt(host_, call, *request, response->mutable_receipt(), kRules));
      return std::move(withdrawal.committed);
    }();
    if (!found) return call.Finish(tl::unexpected(std::move(found).error()));
    if (response->receipt().state() != common::v1::PUBLISHED) return call.Finish({});
    auto most = std::min(kAskAgain, std::max(call.deadline().Left(), Millis(0)) * 8 / 10);
    FinishWithFence(call, *found, Deadline::In(most), response, [] {});
  });
}

grpc::ServerUnaryReactor* ConsentsService::ListConsents(grpc::CallbackServerContext* context,
                                                        const v1::ListConsentsRequest* request,
                                                        v1::ListConsentsResponse* response) {
  return endpoint_.Serve("ListConsents", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
    auto child = host::IdFromName(request->child(), "children");
    if (!child) return Invalid("child", "child: must be controllers/{controller}/children/{child}");
    STAFETT_TRY(auto readings, app::ListConsents(app_, checked.who, *child, checked.deadline));
    for (const auto& reading : readings) Fill(checked.who, reading, response->add_consents());
    return {};
  });
}

grpc::ServerUnaryReactor* ConsentsService::Preview(grpc::CallbackServerContext* context,
                                                   const v1::PreviewRequest* request, v1::PreviewResponse* response) {
  return endpoint_.Serve("Preview", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
    auto child = host::IdFromName(request->child(), "children");
    if (!child) return Invalid("child", "child: must be controllers/{controller}/children/{child}");
    STAFETT_TRY(auto lines, app::Preview(app_, checked.who, *child, request->purpose(), Scopes(request->scopes()),
                                         checked.deadline));
    for (const auto& line : lines) {
      auto& out = *response->add_lines();
      out.set_recipient(line.recipient);
      for (auto c : line.allowed) out.add_categories(ToProto(c));
      for (auto c : line.refused) out.add_refused(ToProto(c));
      if (line.snapshot) out.set_snapshot("level, plan, holder, participants");
    }
    return {};
  });
}

grpc::ServerUnaryReactor* ConsentsService::GetReceipt(grpc::CallbackServerContext* context,
                                                      const v1::GetReceiptRequest* request,
                                                      common::v1::Receipt* response) {
  return endpoint_.Serve("GetReceipt", context, [=, this](const Call& call) -> Status {
    return host::ReadReceipt(host_, call, *request, response, {"stafett:consent", false});
  });
}

}  // namespace stafett::consent::rpc_api
