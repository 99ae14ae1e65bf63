#include "notifications/domain/types.h"

namespace stafett::notifications::domain {
namespace {

struct Folder {
  Child& child;
  Time at;

  void operator()(const MessageQueued& e) const {
    Message m;
    m.id = e.message_id;
    m.person = e.person;
    m.channel = e.channel;
    m.tells = e.tells;
    m.escalation_id = e.escalation_id;
    m.cause = e.cause;
    m.queued = at;
    m.due = e.not_before;
    child.messages.emplace(m.id, std::move(m));
  }
  void operator()(const MessageSent& e) const {
    if (auto* m = Of(e.message_id)) {
      ++m->tries;
      End(*m, State::kSent);
    }
  }
  void operator()(const MessageFailed& e) const {
    auto* m = Of(e.message_id);
    if (m == nullptr) return;
    ++m->tries;
    m->failure = e.cause;
    if (e.again) {
      m->due = *e.again;
    } else {
      End(*m, State::kFailed);
    }
  }
  void operator()(const MessageDropped& e) const {
    if (auto* m = Of(e.message_id)) End(*m, State::kDropped);
  }
  void operator()(const MessageRead& e) const {
    if (auto* m = Of(e.message_id)) End(*m, State::kRead);
  }

  Message* Of(const std::string& id) const {
    auto it = child.messages.find(id);
    return it == child.messages.end() ? nullptr : &it->second;
  }
  void End(Message& m, State state) const {
    m.state = state;
    m.ended = at;
  }
};

}  // namespace

void Evolve(Child& child, const Event& event, Time at) { std::visit(Folder{child, at}, event); }

void Learn(Child& child, const EscalationFact& fact) {
  child.offsets[fact.event_id] = fact.offset;
  if (fact.tells == Tells::kResolved) {
    child.owners.erase(fact.escalation_id);
  } else {
    child.owners[fact.escalation_id] = fact.owner;
  }
}

const std::string& MessageOf(const Event& event) {
  return std::visit([](const auto& e) -> const std::string& { return e.message_id; }, event);
}

}  // namespace stafett::notifications::domain
