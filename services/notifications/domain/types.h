// The notifications service's own world: who was told what, over which channel, and what came of it. Pure: no I/O, no
// clock, no protobuf, and neither names nor addresses.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::notifications::domain {

// The numbers are those of proto/stafett/notifications/v1/notification_events.proto.
enum class Channel { kNone, kInbox, kEmail };
enum class Tells { kNone, kRaised, kPassedOn, kResolved };
enum class Cause { kNone, kConnect, kTls, kLogin, kDeferred, kRefused, kNoAddress };
enum class State { kQueued, kSent, kFailed, kDropped, kRead };

struct Message {
  std::string id, person;
  Channel channel = Channel::kNone;
  Tells tells = Tells::kNone;
  std::string escalation_id;
  std::string cause;  // event_id of the record that it tells of
  State state = State::kQueued;
  Time queued, due, ended;
  int tries = 0;
  Cause failure = Cause::kNone;  // of the last try that failed

  // A mail that nobody has handed over, given up or dropped: an intent without a result (design §3.1).
  bool Waits() const { return channel == Channel::kEmail && state == State::kQueued; }
};

// What this service keeps of a record of escalation.
struct EscalationFact {
  std::string event_id;
  std::int64_t offset = 0;  // in the log
  std::string escalation_id;
  Tells tells = Tells::kNone;  // kNone: somebody took it over, which nobody is told of
  std::string owner;           // raised, passed on, taken
  std::string by;              // resolved: who said so; empty: what was awaited has come
};

struct Child {
  std::map<std::string, Message> messages;
  std::map<std::string, std::string> owners;    // escalation -> who has it now
  std::map<std::string, std::int64_t> offsets;  // event_id of a cause -> where it stands in the log
  const Message* Find(const std::string& id) const {
    auto it = messages.find(id);
    return it == messages.end() ? nullptr : &it->second;
  }
};

// ---- events (proto/stafett/notifications/v1/notification_events.proto) -----------------------------------------

struct MessageQueued {
  std::string message_id, person;
  Channel channel = Channel::kNone;
  Tells tells = Tells::kNone;
  std::string escalation_id, cause;
  Time not_before;
};
struct MessageSent {
  std::string message_id;
};
struct MessageFailed {
  std::string message_id;
  Cause cause = Cause::kNone;
  std::optional<Time> again;  // nothing: given up
};
struct MessageDropped {
  std::string message_id;
};
struct MessageRead {
  std::string message_id, person;
};

using Event = std::variant<MessageQueued, MessageSent, MessageFailed, MessageDropped, MessageRead>;
using Events = std::vector<Event>;

// Folds one event, recorded at `at`. Total: an event that was accepted once is always folded.
void Evolve(Child& child, const Event& event, Time at);
void Learn(Child& child, const EscalationFact& fact);
const std::string& MessageOf(const Event& event);

}  // namespace stafett::notifications::domain
