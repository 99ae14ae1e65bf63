// The escalation service's own world: what is waited for about a child, and what did not come in time. Pure: no I/O, no
// clock, no protobuf. Of the child it knows nothing but opaque ids and dates.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/awaited.h"
#include "lib/base/time.h"

namespace stafett::escalation::domain {

// Somebody in the line, and his service.
struct Post {
  std::string person, recipient;
  bool operator==(const Post&) const = default;
};

// The latest word about something that is waited for.
struct Word {
  Awaited awaited;
  std::string said_by;  // event id: the same thing said again is another word
  bool raised = false;  // it did not come in time, and that was said
};

struct Escalation {
  std::string id;
  Awaited awaited;  // the word that was not kept
  Post owner;       // exactly one, at every step
  int step = 1;     // place in the line
  bool acknowledged = false;
  bool resolved = false;
  Time raised, since;  // since: the last time that something was said of it
};

struct State {
  std::map<std::string, Word> words;              // by id of what is waited for
  std::map<std::string, Escalation> escalations;  // by id; resolved ones too
  const Escalation* Find(const std::string& id) const {
    auto it = escalations.find(id);
    return it == escalations.end() ? nullptr : &it->second;
  }
};

// ---- events (proto/stafett/escalation/v1/escalation_events.proto) ------------------------------------------------

// clang-format off: one line each, to be read as a list
struct Raised {
  std::string escalation_id;
  Awaited awaited;
  Post owner;
  int step = 1;
};
struct PassedOn {
  std::string escalation_id;
  Post owner;
  int step = 0;
};
struct Acknowledged {
  std::string escalation_id, by;
};
struct Taken {
  std::string escalation_id;
  Post owner;
};
struct Resolved {
  std::string escalation_id, by;  // by nobody: what was waited for has come
};
// clang-format on
using Event = std::variant<Raised, PassedOn, Acknowledged, Taken, Resolved>;
using Events = std::vector<Event>;

// Folds one event. Total: an event that was accepted once is always folded.
void Evolve(State& state, const Event& event, Time at);
std::string EscalationOf(const Event& event);
// A record's words. The latest about an id counts.
void Learn(State& state, const std::vector<Awaited>& words, const std::string& event_id);

}  // namespace stafett::escalation::domain
