#include "cases/rpc/cases_service.h"

#include "lib/host/command.h"
#include "lib/host/names.h"

namespace stafett::cases::rpc_api {
namespace {

using stafett::rpc::Call;
constexpr host::Rules kRules{"stafett:cases", true};
constexpr char kGoals[] = "goals", kMeasures[] = "measures", kContributions[] = "contributions";

domain::Level FromProto(v1::Level level) { return static_cast<domain::Level>(static_cast<int>(level) - 1); }

v1::CaseState ToProto(domain::CaseState state) {
  switch (state) {
    case domain::CaseState::kConcernNoted: return v1::CONCERN_NOTED;
    case domain::CaseState::kLogOpen: return v1::LOG_OPEN;
    case domain::CaseState::kLogSuspended: return v1::LOG_SUSPENDED;
    case domain::CaseState::kClosed: return v1::CLOSED;
  }
  return v1::CASE_STATE_UNSPECIFIED;
}

void Fill(const host::Who& who, const domain::Case& c, v1::Case* out) {
  const auto& controller = who.controller;
  out->set_etag(std::to_string(c.VersionFor(who.recipient)));
  out->set_state(ToProto(c.state));
  out->set_level(static_cast<v1::Level>(static_cast<int>(c.level) + 1));
  out->set_holder(c.holder);
  out->set_holder_recipient(c.holder_recipient);
  out->set_next_date(c.next_date);
  out->set_offered_to(c.offered_to);
  for (const auto& p : c.participants) out->add_participants(p);
  out->set_goal(c.goal);
  for (const auto& g : c.goals) {
    auto& x = *out->add_goals();
    x.set_name(host::ResourceName(controller, kGoals, g.id));
    x.set_goal(g.text);
    x.set_ended(g.ended);
  }
  for (const auto& m : c.measures) {
    auto& x = *out->add_measures();
    x.set_name(host::ResourceName(controller, kMeasures, m.id));
    if (!m.goal.empty()) x.set_goal(host::ResourceName(controller, kGoals, m.goal));
    x.set_title(m.title);
    x.set_responsible(m.responsible);
    x.set_responsible_recipient(m.responsible_recipient);
    x.set_start(m.start);
    x.set_due_date(m.due_date);
    x.set_evaluation_date(m.evaluation_date);
    x.set_outcome(static_cast<v1::Outcome>(static_cast<int>(m.outcome)));
    x.set_ended(m.ended);
  }
  for (const auto& one : c.contributions) {
    if (one.to_recipient != who.recipient) continue;  // to whoever held the log before
    auto& x = *out->add_contributions();
    x.set_name(host::ResourceName(controller, kContributions, one.id));
    x.set_author_recipient(one.author_recipient);
    x.set_answer_by(one.answer_by);
    x.set_state(static_cast<v1::ContributionState>(static_cast<int>(one.state)));
  }
}

std::vector<domain::Section> ToSections(const google::protobuf::RepeatedPtrField<v1::Section>& from) {
  std::vector<domain::Section> out;
  for (const auto& s : from) {
    out.push_back(
        {static_cast<policy::Category>(s.section_category()), s.text(), {s.describes().begin(), s.describes().end()}});
  }
  return out;
}

// The id in the name of a goal; nothing if none is named.
Result<std::string> GoalOf(const std::string& name) {
  if (name.empty()) return std::string();
  auto id = host::IdFromName(name, kGoals);
  if (!id) return Invalid("goal", "goal: must be controllers/{controller}/goals/{goal}");
  return *std::move(id);
}

// What a request says of a measure.
template <class Req>
Result<domain::Measure> ToMeasure(const Req& request, const std::string& id) {
  STAFETT_TRY(auto goal, GoalOf(request.goal()));
  return domain::Measure{id, std::move(goal), request.title(),    request.responsible(),
                         "", request.start(), request.due_date(), request.evaluation_date()};
}

std::vector<std::string> Strings(const google::protobuf::RepeatedPtrField<std::string>& from) {
  return {from.begin(), from.end()};
}

}  // namespace

CasesService::CasesService(host::Host& host, app::App app)
    : host_(host),
      app_(app),
      endpoint_(host.runtime(), v1::Cases::service_full_name()),
      streams_(host::OpenStreams(host, v1::Cases::service_full_name(), [&gate = host.gate()](const std::string& child) {
        return gate.keys().Own(gate.PartitionOf(child), child);
      })) {}

Status CasesService::Render(const host::Request& checked, const std::string& case_id, const std::string& named,
                            v1::Case* out) {
  out->set_name(host::ResourceName(checked.who.controller, "cases", named));
  auto reading = app::ReadCase(app_, checked.who, case_id, checked.deadline);
  if (!reading) {
    // E.g. the one who declined the baton: the command is done, and the case is no longer theirs to see.
    if (reading.error().code == Code::kPermissionDenied) return {};
    return tl::unexpected(std::move(reading).error());
  }
  Show(checked, *reading, out);
  return {};
}

void CasesService::Show(const host::Request& checked, const app::Reading& reading, v1::Case* out) const {
  out->set_name(host::ResourceName(checked.who.controller, "cases", reading.c.id));
  Fill(checked.who, reading.c, out);
  out->set_child(host::ResourceName(checked.who.controller, "children",
                                    app_.references.ForService(checked.who.recipient, reading.child)));
}

grpc::ServerUnaryReactor* CasesService::RegisterChild(grpc::CallbackServerContext* context,
                                                      const v1::RegisterChildRequest* request,
                                                      v1::RegisterChildResponse* response) {
  return endpoint_.Serve("RegisterChild", context, [=, this](Call call) {
    host::RunCommand(
        host_, call, "RegisterChild", *request, response, kRules,
        [&](const host::Request& checked) {
          std::vector<domain::Guardian> guardians;
          for (const auto& g : request->guardians()) {
            guardians.push_back({g.person(), g.name(), g.relation(), g.parental_responsibility()});
          }
          return app::RegisterChild(app_, checked.who, checked.command, checked.deadline, request->national_number(),
                                    request->name(), std::move(guardians));
        },
        [&](const host::Request& checked, const gate::Committed& done) -> Status {
          response->set_child(host::ResourceName(checked.who.controller, "children",
                                                 app_.references.ForService(checked.who.recipient, done.child)));
          return {};
        });
  });
}

grpc::ServerUnaryReactor* CasesService::NoteConcern(grpc::CallbackServerContext* context,
                                                    const v1::NoteConcernRequest* request,
                                                    v1::NoteConcernResponse* response) {
  return endpoint_.Serve("NoteConcern", context, [=, this](Call call) {
    std::string case_id;
    host::RunCommand(
        host_, call, "NoteConcern", *request, response, kRules,
        [&](const host::Request& checked) -> Result<gate::Committed> {
          auto child = host::IdFromName(request->child(), "children");
          if (!child) return Invalid("child", "child: must be controllers/{controller}/children/{child}");
          STAFETT_TRY(auto noted, app::NoteConcern(app_, checked.who, checked.command, checked.deadline, *child,
                                                   request->concern(), request->next_date()));
          case_id = app::CaseIdOf(checked.command, noted.child);
          return noted;
        },
        [&](const host::Request& checked, const gate::Committed&) -> Status {
          auto& reminder = *response->mutable_reminder();
          reminder.set_concern_is_not_a_report("A concern in Stafett is not a report to child welfare.");
          reminder.set_duty_to_report(
              "If there is reason to believe that a child is abused, neglected or in serious danger you must report to "
              "child welfare yourself, without delay, whatever anybody consents to (barnevernsloven §13-2).");
          if (const auto* controller = host_.tenants().ControllerOf(checked.who.recipient)) {
            reminder.set_oncall_name(controller->oncall.name);
            reminder.set_oncall_phone(controller->oncall.phone);
          }
          // It is said whatever else can be shown just now; the same request_id gives the rest.
          if (!Render(checked, case_id, case_id, response->mutable_case_())) response->clear_case_();
          return {};
        });
  });
}

template <class Req, class Operation>
grpc::ServerUnaryReactor* CasesService::OnCase(const char* method, grpc::CallbackServerContext* context,
                                               const Req* request, v1::CaseResponse* response, Operation operation) {
  return endpoint_.Serve(method, context, [=, this](Call call) {
    auto named = host::IdFromName(request->case_(), "cases");
    std::string case_id;
    host::RunCommand(
        host_, call, method, *request, response, kRules,
        [&](const host::Request& checked) -> Result<gate::Committed> {
          if (!named) return Invalid("case", "case: must be controllers/{controller}/cases/{case}");
          STAFETT_TRY(case_id, app::CaseNamed(app_, checked.who, *named));
          return operation(app::OnCase{checked.who, checked.command, checked.deadline, case_id, request->etag()});
        },
        [&](const host::Request& checked, const gate::Committed&) {
          return Render(checked, case_id, *named, response->mutable_case_());
        });
  });
}

#define STAFETT_ON_CASE(Method, ...)                                                                               \
  grpc::ServerUnaryReactor* CasesService::Method(grpc::CallbackServerContext* context,                             \
                                                 const v1::Method##Request* request, v1::CaseResponse* response) { \
    return OnCase(#Method, context, request, response,                                                             \
                  [=, this](const app::OnCase& on) -> Result<gate::Committed> { __VA_ARGS__ });                    \
  }

STAFETT_ON_CASE(RecordConversation,
                return app::RecordConversation(app_, on,
                                               {"", Strings(request->guardians()), request->child_heard(),
                                                request->summary(), request->next_date()});)
STAFETT_ON_CASE(OpenLog, return app::OpenLog(app_, on, request->goal(), request->next_date());)
STAFETT_ON_CASE(SetLevel,
                return app::SetLevel(app_, on, FromProto(request->level()), request->reason(), request->next_date());)
STAFETT_ON_CASE(AddParticipant, return app::AddParticipant(app_, on, request->recipient());)
STAFETT_ON_CASE(RemoveParticipant, return app::RemoveParticipant(app_, on, request->recipient());)
STAFETT_ON_CASE(OfferBaton, return app::OfferBaton(app_, on, request->to());)
STAFETT_ON_CASE(AcceptBaton, return app::AcceptBaton(app_, on, request->next_date());)
STAFETT_ON_CASE(DeclineBaton, return app::DeclineBaton(app_, on, request->reason());)
STAFETT_ON_CASE(WriteNote, return app::WriteNote(app_, on, ToSections(request->sections()));)
STAFETT_ON_CASE(AddBrightSpot, return app::AddBrightSpot(app_, on, ToSections(request->sections()));)
STAFETT_ON_CASE(SubmitContribution, auto id = domain::ContributionMadeBy(app::NameOf(on.command));
                response->set_made(host::ResourceName(on.who.controller, kContributions, id));
                return app::SubmitContribution(app_, on, ToSections(request->sections()));)
STAFETT_ON_CASE(AddGoal, auto id = domain::GoalMadeBy(app::NameOf(on.command), on.case_id);
                response->set_made(host::ResourceName(on.who.controller, kGoals, id));
                return app::AddGoal(app_, on, request->goal());)
STAFETT_ON_CASE(EndGoal, STAFETT_TRY(auto goal, GoalOf(request->goal()));
                return app::EndGoal(app_, on, goal, request->reached(), request->reason());)
STAFETT_ON_CASE(StartMeasure, STAFETT_TRY(auto measure, ToMeasure(*request, ""));
                auto id = domain::MeasureMadeBy(app::NameOf(on.command), on.case_id);
                response->set_made(host::ResourceName(on.who.controller, kMeasures, id));
                return app::StartMeasure(app_, on, measure);)
STAFETT_ON_CASE(CloseCase, return app::CloseCase(app_, on, request->reason());)
#undef STAFETT_ON_CASE

template <class Req, class Operation>
grpc::ServerUnaryReactor* CasesService::OnPart(const char* method, const Part& part,
                                               grpc::CallbackServerContext* context, const Req* request,
                                               v1::CaseResponse* response, Operation operation) {
  return endpoint_.Serve(method, context, [=, this](Call call) {
    auto id = host::IdFromName(part.name, part.collection);
    std::string case_id;
    host::RunCommand(
        host_, call, method, *request, response, kRules,
        [&](const host::Request& checked) -> Result<gate::Committed> {
          if (!id) {
            return Invalid(part.field, std::string(part.field) + ": must be controllers/{controller}/" +
                                           part.collection + "/{" + part.field + "}");
          }
          STAFETT_TRY(case_id, app::CaseOfPart(app_, checked.who, *id, checked.deadline));
          return operation(app::OnCase{checked.who, checked.command, checked.deadline, case_id, request->etag()}, *id);
        },
        [&](const host::Request& checked, const gate::Committed&) {
          return Render(checked, case_id, case_id, response->mutable_case_());
        });
  });
}

#define STAFETT_ON_PART(Method, part, collection, ...)                                                                 \
  grpc::ServerUnaryReactor* CasesService::Method(grpc::CallbackServerContext* context,                                 \
                                                 const v1::Method##Request* request, v1::CaseResponse* response) {     \
    return OnPart(#Method, Part{request->part(), #part, collection}, context, request, response,                       \
                  [=, this](const app::OnCase& on, const std::string& id) -> Result<gate::Committed> { __VA_ARGS__ }); \
  }

STAFETT_ON_PART(ChangeMeasure, measure, kMeasures, STAFETT_TRY(auto wanted, ToMeasure(*request, id));
                return app::ChangeMeasure(app_, on, wanted);)
STAFETT_ON_PART(EvaluateMeasure, measure, kMeasures,
                domain::Evaluation said{static_cast<domain::Outcome>(request->outcome()),
                                        ToSections(request->sections()), request->evaluation_date(), request->end()};
                return app::EvaluateMeasure(app_, on, id, std::move(said));)
STAFETT_ON_PART(EndMeasure, measure, kMeasures, return app::EndMeasure(app_, on, id, request->reason());)
STAFETT_ON_PART(AcceptContribution, contribution, kContributions, return app::AcceptContribution(app_, on, id);)
STAFETT_ON_PART(DeclineContribution, contribution, kContributions,
                return app::DeclineContribution(app_, on, id, static_cast<domain::DeclineReason>(request->reason()));)
#undef STAFETT_ON_PART

grpc::ServerUnaryReactor* CasesService::GetCase(grpc::CallbackServerContext* context, const v1::GetCaseRequest* request,
                                                v1::Case* response) {
  return endpoint_.Serve("GetCase", context, [=, this](const Call& call) -> Status {
    STAFETT_TRY(auto checked, host::CheckQuery(host_, call, *request, kRules));
    auto case_id = host::IdFromName(request->name(), "cases");
    if (!case_id) return Invalid("name", "name: must be controllers/{controller}/cases/{case}");
    STAFETT_CHECK_OK(app::ReadCase(app_, checked.who, *case_id, checked.deadline));
    return Render(checked, *case_id, *case_id, response);
  });
}

grpc::ServerUnaryReactor* CasesService::GetReceipt(grpc::CallbackServerContext* context,
                                                   const v1::GetReceiptRequest* request,
                                                   common::v1::Receipt* response) {
  return endpoint_.Serve("GetReceipt", context, [=, this](const Call& call) -> Status {
    return host::ReadReceipt(host_, call, *request, response, {"stafett:cases", false});
  });
}

}  // namespace stafett::cases::rpc_api
