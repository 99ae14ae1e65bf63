#include "escalation/adapters/event_mapping.h"

#include <functional>
#include <map>

#include "stafett/common/v1/options.pb.h"
#include "stafett/escalation/v1/escalation_events.pb.h"

namespace stafett::escalation::adapters {
namespace {
namespace v1 = ::stafett::escalation::v1;
using namespace domain;

template <class Message>
const std::string& TypeOf() {
  static const std::string type = Message::descriptor()->options().GetExtension(common::v1::event_type);
  return type;
}
template <class Message>
Body Pack(const Message& m) {
  return {TypeOf<Message>(), m.SerializeAsString()};
}

struct Packer {
  Body operator()(const Raised& e) const {
    v1::EscalationRaised m;
    m.set_escalation_id(e.escalation_id);
    m.set_awaited_id(e.awaited.id);
    m.set_kind(static_cast<common::v1::AwaitedKind>(e.awaited.kind));
    m.set_date(e.awaited.date);
    m.set_awaited_of(e.awaited.recipient);
    m.set_owner(e.owner.person);
    m.set_recipient(e.owner.recipient);
    m.set_step(e.step);
    return Pack(m);
  }
  Body operator()(const PassedOn& e) const {
    v1::EscalationPassedOn m;
    m.set_escalation_id(e.escalation_id);
    m.set_owner(e.owner.person);
    m.set_recipient(e.owner.recipient);
    m.set_step(e.step);
    return Pack(m);
  }
  Body operator()(const Acknowledged& e) const {
    v1::EscalationAcknowledged m;
    m.set_escalation_id(e.escalation_id);
    m.set_by(e.by);
    return Pack(m);
  }
  Body operator()(const Taken& e) const {
    v1::EscalationTaken m;
    m.set_escalation_id(e.escalation_id);
    m.set_owner(e.owner.person);
    m.set_recipient(e.owner.recipient);
    return Pack(m);
  }
  Body operator()(const Resolved& e) const {
    v1::EscalationResolved m;
    m.set_escalation_id(e.escalation_id);
    m.set_by(e.by);
    return Pack(m);
  }
};

Event From(const v1::EscalationRaised& m) {
  Awaited awaited{m.awaited_id(), static_cast<AwaitedKind>(m.kind()), m.date(), "", m.awaited_of()};
  return Raised{m.escalation_id(), std::move(awaited), {m.owner(), m.recipient()}, m.step()};
}
Event From(const v1::EscalationPassedOn& m) {
  return PassedOn{m.escalation_id(), {m.owner(), m.recipient()}, m.step()};
}
Event From(const v1::EscalationAcknowledged& m) { return Acknowledged{m.escalation_id(), m.by()}; }
Event From(const v1::EscalationTaken& m) { return Taken{m.escalation_id(), {m.owner(), m.recipient()}}; }
Event From(const v1::EscalationResolved& m) { return Resolved{m.escalation_id(), m.by()}; }

using Parsers = std::map<std::string, std::function<Result<Event>(const std::string&)>>;
template <class... Messages>
Parsers ParsersOf() {
  Parsers out;
  (out.emplace(TypeOf<Messages>(),
               [](const std::string& bytes) -> Result<Event> {
                 Messages m;
                 if (!m.ParseFromString(bytes)) return Fail(Code::kInternal, "BAD_BODY", "an event does not parse");
                 return From(m);
               }),
   ...);
  return out;
}

}  // namespace

Body ToBody(const Event& event) { return std::visit(Packer{}, event); }

Result<std::optional<Event>> FromBody(const std::string& type, const std::string& bytes) {
  static const auto parsers = ParsersOf<v1::EscalationRaised, v1::EscalationPassedOn, v1::EscalationAcknowledged,
                                        v1::EscalationTaken, v1::EscalationResolved>();
  auto it = parsers.find(type);
  if (it == parsers.end()) return std::optional<Event>();
  STAFETT_TRY(auto event, it->second(bytes));
  return std::optional<Event>(std::move(event));
}

}  // namespace stafett::escalation::adapters
