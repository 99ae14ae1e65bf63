#include "notifications/adapters/event_mapping.h"

#include <functional>
#include <map>

#include "stafett/common/v1/options.pb.h"
#include "stafett/escalation/v1/escalation_events.pb.h"
#include "stafett/notifications/v1/notification_events.pb.h"

namespace stafett::notifications::adapters {
namespace {
namespace v1 = ::stafett::notifications::v1;
namespace escalation_v1 = ::stafett::escalation::v1;
using namespace domain;

template <class M>
const std::string& TypeOf() {
  static const std::string type = M::descriptor()->options().GetExtension(common::v1::event_type);
  return type;
}

template <class M>
Body Pack(const M& m) {
  return {TypeOf<M>(), m.SerializeAsString(), m.message_id()};
}

struct Packer {
  Body operator()(const MessageQueued& e) const {
    v1::MessageQueued m;
    m.set_message_id(e.message_id);
    m.set_person(e.person);
    m.set_channel(static_cast<v1::Channel>(e.channel));
    m.set_tells(static_cast<v1::Tells>(e.tells));
    m.set_escalation_id(e.escalation_id);
    m.set_cause(e.cause);
    m.set_not_before_ms(e.not_before.ms);
    return Pack(m);
  }
  Body operator()(const MessageSent& e) const {
    v1::MessageSent m;
    m.set_message_id(e.message_id);
    return Pack(m);
  }
  Body operator()(const MessageFailed& e) const {
    v1::MessageFailed m;
    m.set_message_id(e.message_id);
    m.set_cause(static_cast<v1::FailureCause>(e.cause));
    if (e.again) m.set_again_ms(e.again->ms);
    return Pack(m);
  }
  Body operator()(const MessageDropped& e) const {
    v1::MessageDropped m;
    m.set_message_id(e.message_id);
    return Pack(m);
  }
  Body operator()(const MessageRead& e) const {
    v1::MessageRead m;
    m.set_message_id(e.message_id);
    m.set_person(e.person);
    return Pack(m);
  }
};

Event From(const v1::MessageQueued& m) {
  return MessageQueued{m.message_id(),
                       m.person(),
                       static_cast<Channel>(m.channel()),
                       static_cast<domain::Tells>(m.tells()),
                       m.escalation_id(),
                       m.cause(),
                       Time{m.not_before_ms()}};
}
Event From(const v1::MessageSent& m) { return MessageSent{m.message_id()}; }
Event From(const v1::MessageFailed& m) {
  return MessageFailed{m.message_id(), static_cast<Cause>(m.cause()),
                       m.again_ms() == 0 ? std::nullopt : std::optional(Time{m.again_ms()})};
}
Event From(const v1::MessageDropped& m) { return MessageDropped{m.message_id()}; }
Event From(const v1::MessageRead& m) { return MessageRead{m.message_id(), m.person()}; }

EscalationFact Fact(const std::string& escalation_id, domain::Tells tells, const std::string& owner,
                    const std::string& by) {
  EscalationFact f;
  f.escalation_id = escalation_id;
  f.tells = tells;
  f.owner = owner;
  f.by = by;
  return f;
}
EscalationFact From(const escalation_v1::EscalationRaised& m) {
  return Fact(m.escalation_id(), domain::Tells::kRaised, m.owner(), "");
}
EscalationFact From(const escalation_v1::EscalationPassedOn& m) {
  return Fact(m.escalation_id(), domain::Tells::kPassedOn, m.owner(), "");
}
EscalationFact From(const escalation_v1::EscalationTaken& m) {
  return Fact(m.escalation_id(), domain::Tells::kNone, m.owner(), "");
}
EscalationFact From(const escalation_v1::EscalationResolved& m) {
  return Fact(m.escalation_id(), domain::Tells::kResolved, "", m.by());
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

const Parsers<EscalationFact>& OfEscalation() {
  static const auto parsers =
      ParsersOf<EscalationFact, escalation_v1::EscalationRaised, escalation_v1::EscalationPassedOn,
                escalation_v1::EscalationTaken, escalation_v1::EscalationResolved>();
  return parsers;
}

}  // namespace

Body ToBody(const Event& event) { return std::visit(Packer{}, event); }

Result<std::optional<Event>> FromBody(const std::string& type, const std::string& bytes) {
  static const auto parsers =
      ParsersOf<Event, v1::MessageQueued, v1::MessageSent, v1::MessageFailed, v1::MessageDropped, v1::MessageRead>();
  return Parse(parsers, type, bytes);
}

bool IsOfEscalation(const std::string& type) { return OfEscalation().contains(type); }

bool TellsSomebody(const std::string& type) {
  return IsOfEscalation(type) && type != TypeOf<escalation_v1::EscalationTaken>();
}

Result<std::optional<EscalationFact>> FactFrom(const gate::Envelope& e, std::int64_t offset) {
  if (e.sealed) return Fail(Code::kInternal, "SEALED", "a record of escalation is sealed; this service holds no keys");
  STAFETT_TRY(auto fact, Parse(OfEscalation(), e.type, e.clear));
  if (fact) {
    fact->event_id = e.event_id;
    fact->offset = offset;
  }
  return fact;
}

}  // namespace stafett::notifications::adapters
