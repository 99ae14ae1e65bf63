#include "escalation/domain/decide.h"

#include <algorithm>

#include "lib/base/id.h"

namespace stafett::escalation::domain {
namespace {

tl::unexpected<Error> Precondition(std::string_view reason, std::string message) {
  return Fail(Code::kFailedPrecondition, reason, std::move(message));
}

// Who failed to do it is not told to see to it that it is done, unless there is nobody else.
std::vector<Post> LineFor(const Awaited& word, const Plan& plan) {
  auto line = plan.Line(word.recipient);
  if (line.size() > 1) std::erase_if(line, [&](const Post& p) { return p.person == word.person; });
  return line;
}

Step At(Time at, Event event, int step) {
  return {at, event, DerivedId("rq", EscalationOf(event) + "/" + std::to_string(step))};
}

std::optional<Step> Raise(const Word& word, const Plan& plan) {
  if (word.raised) return std::nullopt;
  const auto line = LineFor(word.awaited, plan);
  if (line.empty()) return std::nullopt;
  // Of the word and not of the date alone: what is waited for anew is raised anew.
  const auto id = DerivedId("es", word.said_by + "/" + word.awaited.id);
  return At(plan.First(word.awaited), Raised{id, word.awaited, line.front(), 1}, 1);
}

std::optional<Step> PassOn(const Escalation& x, const Plan& plan) {
  if (x.resolved) return std::nullopt;
  const auto line = LineFor(x.awaited, plan);
  // Who has it already, by taking it over, is passed by.
  auto place = static_cast<std::size_t>(x.step);
  while (place < line.size() && line[place] == x.owner) ++place;
  if (place >= line.size()) return std::nullopt;  // the last one keeps it
  const int step = static_cast<int>(place) + 1;
  return At(plan.Next(x.awaited, x.since, x.acknowledged), PassedOn{x.id, line[place], step}, step);
}

// The escalation, if this person may know it and it is not over.
Result<const Escalation*> Open(const State& state, const Person& who, const std::string& id) {
  const auto* x = state.Find(id);
  if (x == nullptr || !MayKnow(*x, who)) return NotAllowed();
  if (x->resolved) return Precondition("RESOLVED", "it is over already");
  return x;
}

Result<const Escalation*> Owned(const State& state, const Person& who, const std::string& id) {
  STAFETT_TRY(const Escalation* x, Open(state, who, id));
  if (x->owner != Post{who.id, who.recipient}) {
    return Fail(Code::kPermissionDenied, "NOT_OWNER", "only the owner does this; take it over first");
  }
  return x;
}

}  // namespace

tl::unexpected<Error> NotAllowed() {
  return Fail(Code::kPermissionDenied, "NOT_ALLOWED", "permission denied on this resource (or it might not exist)");
}

std::optional<Step> NextStep(const State& state, const Plan& plan) {
  std::optional<Step> first;
  auto take = [&](std::optional<Step> step) {
    if (step && (!first || step->at < first->at)) first = std::move(step);
  };
  for (const auto& [id, word] : state.words) take(Raise(word, plan));
  for (const auto& [id, x] : state.escalations) take(PassOn(x, plan));
  return first;
}

bool Unowned(const State& state, const Plan& plan) {
  return std::any_of(state.words.begin(), state.words.end(), [&](const auto& entry) {
    return !entry.second.raised && LineFor(entry.second.awaited, plan).empty();
  });
}

Events ResolveBy(const State& state, const std::vector<Awaited>& words) {
  Events out;
  for (const auto& [id, x] : state.escalations) {
    const bool said = std::any_of(words.begin(), words.end(), [&](const Awaited& w) { return w.id == x.awaited.id; });
    if (said && !x.resolved) out.push_back(Resolved{id, ""});
  }
  return out;
}

bool MaySee(const Escalation& x, const Person& who) {
  if (who.recipient.empty() || who.recipient != x.awaited.recipient) return false;
  return who.leads || (!who.id.empty() && who.id == x.awaited.person);
}

bool MayKnow(const Escalation& x, const Person& who) {
  return x.owner == Post{who.id, who.recipient} || MaySee(x, who);
}

Result<Events> Acknowledge(const State& state, const Person& who, const std::string& id) {
  STAFETT_TRY(const Escalation* x, Owned(state, who, id));
  if (x->acknowledged) return Precondition("ALREADY_ACKNOWLEDGED", "it has been acknowledged");
  return Events{Acknowledged{x->id, who.id}};
}

Result<Events> TakeOver(const State& state, const Person& who, const std::string& id, const Plan& plan) {
  STAFETT_TRY(const Escalation* x, Open(state, who, id));
  const Post taker{who.id, who.recipient};
  if (x->owner == taker) return Precondition("ALREADY_OWNER", "it is this person's");
  const auto line = LineFor(x->awaited, plan);
  if (!who.leads && std::find(line.begin(), line.end(), taker) == line.end()) {
    return Fail(Code::kPermissionDenied, "NOT_IN_LINE",
                "only somebody in the line, or who leads the service, takes it over");
  }
  return Events{Taken{x->id, taker}};
}

Result<Events> Resolve(const State& state, const Person& who, const std::string& id) {
  STAFETT_TRY(const Escalation* x, Owned(state, who, id));
  return Events{Resolved{x->id, who.id}};
}

}  // namespace stafett::escalation::domain
