// What is to be done next about a child, and what a person may do: pure functions of the state.
//
// Errors: kPermissionDenied/NOT_ALLOWED is the one answer to everybody who may not know the escalation, existing or
// not.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "escalation/domain/types.h"
#include "lib/base/error.h"

namespace stafett::escalation::domain {

// What the controllers' files say (app/plan.h).
class Plan {
 public:
  virtual ~Plan() = default;
  // Who gets what this service leaves undone, one after the other. Empty for a service that no file knows.
  virtual std::vector<Post> Line(const std::string& recipient) const = 0;
  // When the first in line gets it, and when the next one after him.
  virtual Time First(const Awaited& word) const = 0;
  virtual Time Next(const Awaited& word, Time since, bool acknowledged) const = 0;
};

// Something that time does.
struct Step {
  Time at;  // not before
  Event event;
  std::string request_id;  // the same whoever takes it, and whenever: it happens once
};
// The first of all steps that lie ahead; nothing if none does.
std::optional<Step> NextStep(const State& state, const Plan& plan);
// Is something waited for that no line takes up? (A service has left the files.)
bool Unowned(const State& state, const Plan& plan);

// What a record's words bring to an end: whoever has been waited for has done something, or need not any more.
Events ResolveBy(const State& state, const std::vector<Awaited>& words);

struct Person {
  std::string id, recipient;
  bool leads = false;  // HEAD or LEADER of its service
};
// Whether the person may know what it is about: as in cases, who is to do it and the leaders of that service.
bool MaySee(const Escalation& x, const Person& who);
// Its owner, and who may see it, may know that it is there.
bool MayKnow(const Escalation& x, const Person& who);

Result<Events> Acknowledge(const State& state, const Person& who, const std::string& id);
Result<Events> TakeOver(const State& state, const Person& who, const std::string& id, const Plan& plan);
Result<Events> Resolve(const State& state, const Person& who, const std::string& id);
tl::unexpected<Error> NotAllowed();

}  // namespace stafett::escalation::domain
