// The calls of cases that only read, beside GetCase.
#include "cases/app/reads.h"
#include "cases/rpc/cases_service.h"
#include "lib/host/names.h"

namespace stafett::cases::rpc_api {
namespace {

using stafett::rpc::Call;
constexpr host::Rules kRules{"stafett:cases", true};

// An evaluation is of a measure: "evaluation/<measure>", an answer of a contribution. All else is of the case.
std::string About(const host::Who& who, const domain::Due& due) {
  const auto id = due.awaited.id.substr(due.awaited.id.find('/') + 1);
  if (due.awaited.kind == AwaitedKind::kEvaluation) return host::ResourceName(who.controller, "measures", id);
  if (due.awaited.kind == AwaitedKind::kContributionAnswer) {
    return host::ResourceName(who.controller, "contributions", id);
  }
  return host::ResourceName(who.controller, "cases", due.case_id);
}

}  // namespace

grpc::ServerWriteReactor<v1::Case>* CasesService::WatchCase(grpc::CallbackServerContext* context,
                                                            const v1::WatchCaseRequest* request) {
  using stafett::rpc::Asked;
  using Portion = stafett::rpc::Portion<v1::Case>;
  return streams_->Serve<v1::Case>(
      "WatchCase", context, [this, request = *request](const Asked& asked) -> Result<Portion> {
        STAFETT_TRY(auto checked, host::CheckQuery(host_, asked.caller, asked.deadline, request, kRules));
        auto case_id = host::IdFromName(request.name(), "cases");
        if (!case_id) return Invalid("name", "name: must be controllers/{controller}/cases/{case}");
        STAFETT_TRY(auto reading, app::ReadCase(app_, checked.who, *case_id, checked.deadline));
        Portion portion{reading.child, {}};
        const auto etag = std::to_string(reading.c.VersionFor(checked.who.recipient));
        if (etag == (asked.resume.empty() ? request.etag() : asked.resume)) return portion;
        portion.items.push_back({{}, etag});
        Show(checked, reading, &portion.items.back().message);
        return portion;
      });
}

grpc::ServerUnaryReactor* CasesService::ListDue(grpc::CallbackServerContext* context, const v1::ListDueRequest* request,
                                                v1::ListDueResponse* response) {
  return endpoint_.Serve("ListDue", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
    STAFETT_TRY(auto page,
                app::ListDue(app_, checked.who, request->page_size(), request->page_token(), checked.deadline));
    for (const auto& due : page.due) {
      auto& out = *response->add_due();
      out.set_kind(static_cast<common::v1::AwaitedKind>(due.awaited.kind));
      out.set_case_(host::ResourceName(checked.who.controller, "cases", due.case_id));
      out.set_about(About(checked.who, due));
      out.set_date(due.awaited.date);
      out.set_person(due.awaited.person);
    }
    response->set_next_page_token(page.next);
    return {};
  });
}

grpc::ServerUnaryReactor* CasesService::ListTimeline(grpc::CallbackServerContext* context,
                                                     const v1::ListTimelineRequest* request,
                                                     v1::ListTimelineResponse* response) {
  return endpoint_.Serve("ListTimeline", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
    auto case_id = host::IdFromName(request->case_(), "cases");
    if (!case_id) return Invalid("case", "case: must be controllers/{controller}/cases/{case}");
    const app::Paging paging{request->page_size(), request->page_token(), request->newest_first(),
                             static_cast<std::size_t>(host_.config().limits.max_message_bytes)};
    STAFETT_TRY(auto page, app::ListTimeline(app_, checked.who, *case_id, paging, checked.deadline));
    for (auto& entry : page.entries) {
      auto& out = *response->add_entries();
      out.set_etag(std::to_string(entry.version));
      out.set_event_type(entry.recorded.type);
      out.set_recorded_ms(entry.recorded.recorded.ms);
      out.set_person(entry.recorded.person);
      out.mutable_content()->set_type_url("type.googleapis.com/" + entry.recorded.message);
      out.mutable_content()->set_value(std::move(entry.recorded.body));
    }
    response->set_next_page_token(page.next);
    return {};
  });
}

}  // namespace stafett::cases::rpc_api
