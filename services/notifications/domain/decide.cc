#include "notifications/domain/decide.h"

#include <algorithm>

#include "lib/base/id.h"

namespace stafett::notifications::domain {
namespace {

void Tell(const Child& child, const EscalationFact& fact, const std::string& person, Channel channel, Time not_before,
          Events& out) {
  auto id = MessageIdOf(fact.event_id, person, channel);
  if (child.Find(id) != nullptr) return;
  out.push_back(MessageQueued{id, person, channel, fact.tells, fact.escalation_id, fact.event_id, not_before});
}

}  // namespace

tl::unexpected<Error> NotAllowed() {
  return Fail(Code::kPermissionDenied, "NOT_ALLOWED", "permission denied on this resource (or it might not exist)");
}

std::string MessageIdOf(const std::string& event_id, const std::string& person, Channel channel) {
  return DerivedId("m", event_id + "/" + person + "/" + (channel == Channel::kEmail ? "EMAIL" : "INBOX"));
}

Events Plan(const Child& child, const EscalationFact& fact, const ReachOf& reach_of) {
  Events out;
  if (fact.tells == Tells::kNone) return out;
  if (fact.tells == Tells::kResolved) {
    for (const auto& [id, m] : child.messages) {
      if (m.Waits() && m.escalation_id == fact.escalation_id) out.push_back(MessageDropped{id});
    }
    auto owner = child.owners.find(fact.escalation_id);
    if (owner != child.owners.end() && !owner->second.empty() && owner->second != fact.by) {
      Tell(child, fact, owner->second, Channel::kInbox, Time{}, out);
    }
    return out;
  }
  if (fact.owner.empty()) return out;
  Tell(child, fact, fact.owner, Channel::kInbox, Time{}, out);
  if (auto reach = reach_of(fact.owner); reach.mail) {
    Tell(child, fact, fact.owner, Channel::kEmail, reach.not_before, out);
  }
  return out;
}

bool MaySend(const Child& child, const Message& message, Time now, std::int64_t published) {
  if (!message.Waits() || now < message.due) return false;
  auto cause = child.offsets.find(message.cause);
  return cause != child.offsets.end() && cause->second < published;
}

std::optional<Millis> Backoff(const Retries& retries, int tries) {
  if (tries >= retries.most) return std::nullopt;
  auto wait = std::min(retries.first, retries.longest);
  for (int i = 1; i < tries && wait < retries.longest; ++i) wait = std::min(wait * 2, retries.longest);
  return wait;
}

Result<Events> Settle(const Child& child, const Tried& tried, const Retries& retries, Time now,
                      const std::function<Time(Time)>& later) {
  const auto* m = child.Find(tried.message_id);
  if (m == nullptr || !m->Waits() || m->tries != tried.tries) {
    return Fail(Code::kFailedPrecondition, "SETTLED", "what came of this try is written down already");
  }
  if (tried.failure == Cause::kNone) return Events{MessageSent{m->id}};
  // What the server or our own file says never to, is not asked again.
  const bool never = tried.failure == Cause::kRefused || tried.failure == Cause::kNoAddress;
  auto wait = never ? std::nullopt : Backoff(retries, m->tries + 1);
  if (!wait) return Events{MessageFailed{m->id, tried.failure, std::nullopt}};
  return Events{MessageFailed{m->id, tried.failure, later(Time{now.ms + wait->count()})}};
}

Sight SightOf(const Message& message, const Asker& asker, const std::optional<Workplace>& of_reader) {
  if (asker.person.empty()) return Sight::kNone;
  if (asker.person == message.person) return Sight::kAll;
  if (!of_reader) return Sight::kNone;
  if (asker.leads && asker.recipient == of_reader->recipient) return Sight::kFate;
  if (asker.officer && asker.controller == of_reader->controller) return Sight::kFate;
  return Sight::kNone;
}

Result<Events> MarkRead(const Child& child, const std::string& message_id, const std::string& person) {
  const auto* m = child.Find(message_id);
  if (m == nullptr || person.empty() || m->person != person) return NotAllowed();
  if (m->channel != Channel::kInbox) {
    return Fail(Code::kFailedPrecondition, "NOT_IN_INBOX", "only what lies in the inbox can be marked as read");
  }
  if (m->state == State::kRead) return Fail(Code::kFailedPrecondition, "ALREADY_READ", "it is marked as read already");
  return Events{MessageRead{m->id, m->person}};
}

}  // namespace stafett::notifications::domain
