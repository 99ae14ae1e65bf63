#include "cases/adapters/event_mapping.h"

#include <functional>
#include <map>

#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/consent/v1/consent_events.pb.h"

namespace stafett::cases::adapters {
namespace {
namespace v1 = ::stafett::cases::v1;
namespace cv = ::stafett::consent::v1;
using namespace domain;

template <class Message>
const std::string& TypeOf() {
  static const std::string type = Message::descriptor()->options().GetExtension(common::v1::event_type);
  return type;
}

template <class Message>
host::Body Pack(const Message& m, const std::string& subject) {
  return {TypeOf<Message>(), m.SerializeAsString(), subject};
}

v1::Level ToProto(Level l) { return static_cast<v1::Level>(static_cast<int>(l) + 1); }
Level FromProto(v1::Level l) {
  return l >= v1::LEVEL_0 && l <= v1::LEVEL_3 ? static_cast<Level>(static_cast<int>(l) - 1) : Level::k0;
}

// Names and numbers of the enums are the same on both sides.
v1::Outcome ToProto(Outcome o) { return static_cast<v1::Outcome>(static_cast<int>(o)); }
Outcome FromProto(v1::Outcome o) {
  return o >= v1::HELPED && o <= v1::NOT_CARRIED_OUT ? static_cast<Outcome>(static_cast<int>(o)) : Outcome::kNone;
}

v1::DeclineReason ToProto(DeclineReason r) { return static_cast<v1::DeclineReason>(static_cast<int>(r)); }
DeclineReason FromProto(v1::DeclineReason r) {
  return r >= v1::NOT_RELEVANT && r <= v1::NOT_RECEIVED ? static_cast<DeclineReason>(static_cast<int>(r))
                                                        : DeclineReason::kNone;
}

void Fill(const Measure& m, v1::Measure* out) {
  out->set_measure_id(m.id);
  out->set_goal_id(m.goal);
  out->set_title(m.title);
  out->set_responsible(m.responsible);
  out->set_responsible_recipient(m.responsible_recipient);
  out->set_start(m.start);
  out->set_due_date(m.due_date);
  out->set_evaluation_date(m.evaluation_date);
}
Measure FromProto(const v1::Measure& m) {
  return {m.measure_id(), m.goal_id(),  m.title(),          m.responsible(), m.responsible_recipient(),
          m.start(),      m.due_date(), m.evaluation_date()};
}

template <class To, class Range>
void CopyTo(const Range& from, To* to) {
  for (const auto& x : from) *to->Add() = x;
}
template <class Range>
std::vector<std::string> Strings(const Range& from) {
  return {from.begin(), from.end()};
}

void Fill(const std::vector<Section>& from, google::protobuf::RepeatedPtrField<v1::Section>* out) {
  for (const auto& s : from) {
    auto& x = *out->Add();
    x.set_section_category(static_cast<common::v1::Category>(s.category));
    x.set_text(s.text);
    CopyTo(s.describes, x.mutable_describes());
  }
}
std::vector<Section> FromProto(const google::protobuf::RepeatedPtrField<v1::Section>& from) {
  std::vector<Section> out;
  for (const auto& s : from) {
    out.push_back({static_cast<policy::Category>(s.section_category()), s.text(), Strings(s.describes())});
  }
  return out;
}

struct Packer {
  host::Body operator()(const ChildRegistered& e) const {
    v1::ChildRegistered m;
    m.mutable_identity()->set_name(e.name);
    m.mutable_identity()->set_birth_date(e.birth_date);
    for (const auto& g : e.guardians) {
      auto& x = *m.mutable_identity()->add_guardians();
      x.set_person(g.person);
      x.set_name(g.name);
      x.set_relation(g.relation);
      x.set_parental_responsibility(g.parental_responsibility);
    }
    return Pack(m, "");
  }
  host::Body operator()(const ConcernNoted& e) const {
    v1::ConcernNoted m;
    m.set_case_id(e.case_id);
    m.set_recipient(e.recipient);
    m.set_unit(e.unit);
    m.set_responsible(e.responsible);
    m.set_concern(e.concern);
    m.set_next_date(e.next_date);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const ConversationHeld& e) const {
    v1::ConversationHeld m;
    m.set_case_id(e.case_id);
    CopyTo(e.guardians, m.mutable_guardians());
    m.set_child_heard(e.child_heard);
    m.set_summary(e.summary);
    m.set_next_date(e.next_date);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const LogOpened& e) const {
    v1::LogOpened m;
    m.set_case_id(e.case_id);
    m.set_holder(e.holder);
    m.set_holder_recipient(e.holder_recipient);
    m.set_goal(e.goal);
    m.set_level(ToProto(e.level));
    m.set_next_date(e.next_date);
    m.set_goal_id(e.goal_id);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const LogSuspended& e) const {
    v1::LogSuspended m;
    m.set_case_id(e.case_id);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const LevelSet& e) const {
    v1::LevelSet m;
    m.set_case_id(e.case_id);
    m.set_level(ToProto(e.level));
    m.set_reason(e.reason);
    m.set_next_date(e.next_date);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const ParticipantAdded& e) const {
    v1::ParticipantAdded m;
    m.set_case_id(e.case_id);
    m.set_recipient(e.recipient);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const ParticipantRemoved& e) const {
    v1::ParticipantRemoved m;
    m.set_case_id(e.case_id);
    m.set_recipient(e.recipient);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const BatonOffered& e) const {
    v1::BatonOffered m;
    m.set_case_id(e.case_id);
    m.set_from(e.from);
    m.set_to(e.to);
    m.set_to_recipient(e.to_recipient);
    m.set_answer_by(e.answer_by);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const BatonAccepted& e) const {
    v1::BatonAccepted m;
    m.set_case_id(e.case_id);
    m.set_holder(e.holder);
    m.set_holder_recipient(e.holder_recipient);
    m.set_next_date(e.next_date);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const BatonDeclined& e) const {
    v1::BatonDeclined m;
    m.set_case_id(e.case_id);
    m.set_by(e.by);
    m.set_reason(e.reason);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const BatonOfferEnded& e) const {
    v1::BatonOfferEnded m;
    m.set_case_id(e.case_id);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const NoteWritten& e) const {
    v1::NoteWritten m;
    m.set_case_id(e.case_id);
    m.set_author(e.author);
    m.set_author_recipient(e.author_recipient);
    Fill(e.sections, m.mutable_sections());
    m.set_measure_id(e.measure_id);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const BrightSpotAdded& e) const {
    v1::BrightSpotAdded m;
    m.set_case_id(e.case_id);
    m.set_author(e.author);
    m.set_author_recipient(e.author_recipient);
    Fill(e.sections, m.mutable_sections());
    return Pack(m, e.case_id);
  }
  host::Body operator()(const ContributionSubmitted& e) const {
    v1::ContributionSubmitted m;
    m.set_case_id(e.case_id);
    m.set_contribution_id(e.contribution_id);
    m.set_author(e.author);
    m.set_author_recipient(e.author_recipient);
    m.set_to_recipient(e.to_recipient);
    Fill(e.sections, m.mutable_sections());
    m.set_answer_by(e.answer_by);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const ContributionAccepted& e) const {
    v1::ContributionAccepted m;
    m.set_case_id(e.case_id);
    m.set_contribution_id(e.contribution_id);
    m.set_to_recipient(e.to_recipient);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const ContributionDeclined& e) const {
    v1::ContributionDeclined m;
    m.set_case_id(e.case_id);
    m.set_contribution_id(e.contribution_id);
    m.set_to_recipient(e.to_recipient);
    m.set_reason(ToProto(e.reason));
    return Pack(m, e.case_id);
  }
  host::Body operator()(const GoalAdded& e) const {
    v1::GoalAdded m;
    m.set_case_id(e.case_id);
    m.mutable_goal()->set_goal_id(e.goal_id);
    m.mutable_goal()->set_goal(e.goal);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const GoalEnded& e) const {
    v1::GoalEnded m;
    m.set_case_id(e.case_id);
    m.set_goal_id(e.goal_id);
    m.set_reached(e.reached);
    m.set_reason(e.reason);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const MeasureStarted& e) const {
    v1::MeasureStarted m;
    m.set_case_id(e.case_id);
    Fill(e.measure, m.mutable_measure());
    return Pack(m, e.case_id);
  }
  host::Body operator()(const MeasureChanged& e) const {
    v1::MeasureChanged m;
    m.set_case_id(e.case_id);
    Fill(e.measure, m.mutable_measure());
    return Pack(m, e.case_id);
  }
  host::Body operator()(const MeasureEvaluated& e) const {
    v1::MeasureEvaluated m;
    m.set_case_id(e.case_id);
    m.set_measure_id(e.measure_id);
    m.set_outcome(ToProto(e.outcome));
    m.set_by(e.by);
    m.set_by_recipient(e.by_recipient);
    m.set_evaluation_date(e.evaluation_date);
    m.set_ended(e.ended);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const MeasureEnded& e) const {
    v1::MeasureEnded m;
    m.set_case_id(e.case_id);
    m.set_measure_id(e.measure_id);
    m.set_reason(e.reason);
    return Pack(m, e.case_id);
  }
  host::Body operator()(const CaseClosed& e) const {
    v1::CaseClosed m;
    m.set_case_id(e.case_id);
    m.set_reason(e.reason);
    return Pack(m, e.case_id);
  }
};

Event From(const v1::ChildRegistered& m) {
  ChildRegistered e{m.identity().name(), m.identity().birth_date(), {}};
  for (const auto& g : m.identity().guardians()) {
    e.guardians.push_back({g.person(), g.name(), g.relation(), g.parental_responsibility()});
  }
  return e;
}
Event From(const v1::ConcernNoted& m) {
  return ConcernNoted{m.case_id(), m.recipient(), m.unit(), m.responsible(), m.concern(), m.next_date()};
}
Event From(const v1::ConversationHeld& m) {
  return ConversationHeld{m.case_id(), Strings(m.guardians()), m.child_heard(), m.summary(), m.next_date()};
}
Event From(const v1::LogOpened& m) {
  return LogOpened{m.case_id(),          m.holder(),    m.holder_recipient(), m.goal(),
                   FromProto(m.level()), m.next_date(), m.goal_id()};
}
Event From(const v1::LogSuspended& m) { return LogSuspended{m.case_id()}; }
Event From(const v1::LevelSet& m) { return LevelSet{m.case_id(), FromProto(m.level()), m.reason(), m.next_date()}; }
Event From(const v1::ParticipantAdded& m) { return ParticipantAdded{m.case_id(), m.recipient()}; }
Event From(const v1::ParticipantRemoved& m) { return ParticipantRemoved{m.case_id(), m.recipient()}; }
Event From(const v1::BatonOffered& m) {
  return BatonOffered{m.case_id(), m.from(), m.to(), m.to_recipient(), m.answer_by()};
}
Event From(const v1::BatonAccepted& m) {
  return BatonAccepted{m.case_id(), m.holder(), m.holder_recipient(), m.next_date()};
}
Event From(const v1::BatonDeclined& m) { return BatonDeclined{m.case_id(), m.by(), m.reason()}; }
Event From(const v1::BatonOfferEnded& m) { return BatonOfferEnded{m.case_id()}; }
Event From(const v1::NoteWritten& m) {
  return NoteWritten{m.case_id(), m.author(), m.author_recipient(), FromProto(m.sections()), m.measure_id()};
}
Event From(const v1::BrightSpotAdded& m) {
  return BrightSpotAdded{m.case_id(), m.author(), m.author_recipient(), FromProto(m.sections())};
}
Event From(const v1::ContributionSubmitted& m) {
  return ContributionSubmitted{m.case_id(),      m.contribution_id(),     m.author(),   m.author_recipient(),
                               m.to_recipient(), FromProto(m.sections()), m.answer_by()};
}
Event From(const v1::ContributionAccepted& m) {
  return ContributionAccepted{m.case_id(), m.contribution_id(), m.to_recipient()};
}
Event From(const v1::ContributionDeclined& m) {
  return ContributionDeclined{m.case_id(), m.contribution_id(), m.to_recipient(), FromProto(m.reason())};
}
Event From(const v1::GoalAdded& m) { return GoalAdded{m.case_id(), m.goal().goal_id(), m.goal().goal()}; }
Event From(const v1::GoalEnded& m) { return GoalEnded{m.case_id(), m.goal_id(), m.reached(), m.reason()}; }
Event From(const v1::MeasureStarted& m) { return MeasureStarted{m.case_id(), FromProto(m.measure())}; }
Event From(const v1::MeasureChanged& m) { return MeasureChanged{m.case_id(), FromProto(m.measure())}; }
Event From(const v1::MeasureEvaluated& m) {
  return MeasureEvaluated{m.case_id(),         m.measure_id(), FromProto(m.outcome()), m.by(), m.by_recipient(),
                          m.evaluation_date(), m.ended()};
}
Event From(const v1::MeasureEnded& m) { return MeasureEnded{m.case_id(), m.measure_id(), m.reason()}; }
Event From(const v1::CaseClosed& m) { return CaseClosed{m.case_id(), m.reason()}; }

ConsentFact From(const cv::ConsentRequested& m) {
  ConsentRequestedFact f{m.consent_id(), m.purpose(), m.asking_recipient(), Time{m.until_ms()}, {}, {}};
  f.consenters.insert(m.consenters().begin(), m.consenters().end());
  for (const auto& s : m.scopes()) f.recipients.insert(s.recipient());
  return f;
}
ConsentFact From(const cv::ConsentAnswered& m) {
  return ConsentAnsweredFact{m.consent_id(), m.consenter(), Strings(m.granted()), Strings(m.refused())};
}
ConsentFact From(const cv::ConsentWithdrawn& m) {
  return ConsentWithdrawnFact{m.consent_id(), Strings(m.recipients())};
}

template <class Out>
using Parsers = std::map<std::string, std::function<Result<Out>(const std::string&)>>;

template <class Out, class... Messages>
Parsers<Out> ParsersOf() {
  Parsers<Out> out;
  (out.emplace(TypeOf<Messages>(),
               [](const std::string& bytes) -> Result<Out> {
                 Messages m;
                 if (!m.ParseFromString(bytes)) return Fail(Code::kInternal, "BAD_BODY", "an event does not parse");
                 return From(m);
               }),
   ...);
  return out;
}

template <class Out>
Result<std::optional<Out>> Parse(const Parsers<Out>& parsers, const std::string& type, const std::string& bytes) {
  auto it = parsers.find(type);
  if (it == parsers.end()) return std::optional<Out>();
  STAFETT_TRY(auto out, it->second(bytes));
  return std::optional<Out>(std::move(out));
}

}  // namespace

host::Body ToBody(const Event& event) { return std::visit(Packer{}, event); }

Result<std::optional<Event>> FromBody(const std::string& type, const std::string& bytes) {
  static const auto parsers =
      ParsersOf<Event, v1::ChildRegistered, v1::ConcernNoted, v1::ConversationHeld, v1::LogOpened, v1::LogSuspended,
                v1::LevelSet, v1::ParticipantAdded, v1::ParticipantRemoved, v1::BatonOffered, v1::BatonAccepted,
                v1::BatonDeclined, v1::BatonOfferEnded, v1::NoteWritten, v1::BrightSpotAdded, v1::ContributionSubmitted,
                v1::ContributionAccepted, v1::ContributionDeclined, v1::GoalAdded, v1::GoalEnded, v1::MeasureStarted,
                v1::MeasureChanged, v1::MeasureEvaluated, v1::MeasureEnded, v1::CaseClosed>();
  return Parse(parsers, type, bytes);
}

std::string MessageOf(const std::string& type) {
  static const auto names = [] {
    std::map<std::string, std::string> out;
    const auto* file = v1::ChildRegistered::descriptor()->file();
    for (int i = 0; i < file->message_type_count(); ++i) {
      const auto* message = file->message_type(i);
      const auto& its = message->options().GetExtension(common::v1::event_type);
      if (!its.empty()) out.emplace(its, message->full_name());
    }
    return out;
  }();
  auto it = names.find(type);
  return it == names.end() ? "" : it->second;
}

Result<std::optional<ConsentFact>> ConsentFromBody(const std::string& type, const std::string& bytes) {
  static const auto parsers = ParsersOf<ConsentFact, cv::ConsentRequested, cv::ConsentAnswered, cv::ConsentWithdrawn>();
  return Parse(parsers, type, bytes);
}

}  // namespace stafett::cases::adapters
