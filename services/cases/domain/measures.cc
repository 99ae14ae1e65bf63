#include "cases/domain/measures.h"

#include <utility>

#include "cases/domain/day.h"
#include "cases/domain/rules.h"
#include "lib/base/id.h"

namespace stafett::cases::domain {
namespace {

// The measure of this case; the one answer if it has none of this name, as for a case.
Result<const Measure*> Open(const Case& c, const std::string& measure_id) {
  const auto* m = c.FindMeasure(measure_id);
  if (m == nullptr) return NotAllowed();
  if (m->ended) return State("MEASURE_ENDED", "the measure has ended");
  return m;
}

Status CheckGoal(const Case& c, const std::string& goal_id) {
  const auto* goal = c.FindGoal(goal_id);
  if (goal == nullptr) return Invalid("goal", "goal: is none of this case's");
  if (goal->ended) return State("GOAL_ENDED", "the goal has ended");
  return {};
}

// Somebody who may know what he is to do: of a service that is in the log and that a valid consent names.
Status CheckResponsible(const Child& child, const Case& c, const std::string& recipient, Time now) {
  if (!c.InTheLog(recipient)) {
    return State("NOT_PARTICIPANT", "the responsible person works in a service that takes part");
  }
  if (!Consented(child, c, recipient, now)) return State("NO_CONSENT", "no valid consent names this service");
  return {};
}

// It may have begun before it was written down.
Status CheckStart(const std::string& start, const std::string& today) {
  if (IsDay(start) && start < today) return {};
  return CheckDate("start", start, today);
}

Status CheckOrder(const Measure& m) {
  if (!m.due_date.empty() && m.due_date < m.start) return Invalid("due_date", "due_date: lies before the start");
  return {};
}

}  // namespace

Status RoomForGoal(const Case& c) {
  if (c.goals.size() < kGoalsPerCase) return {};
  return Fail(Code::kResourceExhausted, "TOO_MANY_GOALS",
              "a case has " + std::to_string(kGoalsPerCase) + " goals at most, ended ones counted");
}

std::string GoalMadeBy(const std::string& command, const std::string& case_id) {
  return DerivedId("go", command + "/" + case_id);
}
std::string MeasureMadeBy(const std::string& command, const std::string& case_id) {
  return DerivedId("ms", command + "/" + case_id);
}

Result<Events> AddGoal(const Child& child, const Change& change, const std::string& goal) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  STAFETT_CHECK_OK(RoomForGoal(*c));
  return Events{GoalAdded{c->id, GoalMadeBy(change.command, c->id), goal}};
}

Result<Events> EndGoal(const Child& child, const Change& change, const std::string& goal_id, bool reached,
                       const std::string& reason) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  STAFETT_CHECK_OK(CheckGoal(*c, goal_id));
  return Events{GoalEnded{c->id, goal_id, reached, reason}};
}

Result<Events> StartMeasure(const Child& child, const Change& change, Measure measure) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  if (c->measures.size() >= kMeasuresPerCase) {
    return Fail(Code::kResourceExhausted, "TOO_MANY_MEASURES",
                "a case has " + std::to_string(kMeasuresPerCase) + " measures at most, ended ones counted");
  }
  if (!measure.goal.empty()) STAFETT_CHECK_OK(CheckGoal(*c, measure.goal));
  STAFETT_CHECK_OK(CheckResponsible(child, *c, measure.responsible_recipient, change.now));
  STAFETT_CHECK_OK(CheckStart(measure.start, change.today));
  if (!measure.due_date.empty()) STAFETT_CHECK_OK(CheckDate("due_date", measure.due_date, change.today));
  STAFETT_CHECK_OK(CheckDate("evaluation_date", measure.evaluation_date, change.today));
  STAFETT_CHECK_OK(CheckOrder(measure));
  measure.id = MeasureMadeBy(change.command, c->id);
  return Events{MeasureStarted{c->id, std::move(measure)}};
}

Result<Events> ChangeMeasure(const Child& child, const Change& change, const Measure& wanted) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  STAFETT_TRY(const Measure* m, Open(*c, wanted.id));
  // What is not wanted otherwise is not looked at again: a date that has passed is no hindrance to a better title.
  Measure next = *m;
  if (!wanted.title.empty()) next.title = wanted.title;
  if (!wanted.goal.empty()) {
    STAFETT_CHECK_OK(CheckGoal(*c, wanted.goal));
    next.goal = wanted.goal;
  }
  if (!wanted.responsible.empty()) {
    STAFETT_CHECK_OK(CheckResponsible(child, *c, wanted.responsible_recipient, change.now));
    next.responsible = wanted.responsible;
    next.responsible_recipient = wanted.responsible_recipient;
  }
  if (!wanted.start.empty()) {
    STAFETT_CHECK_OK(CheckStart(wanted.start, change.today));
    next.start = wanted.start;
  }
  if (!wanted.due_date.empty()) {
    STAFETT_CHECK_OK(CheckDate("due_date", wanted.due_date, change.today));
    next.due_date = wanted.due_date;
  }
  if (!wanted.evaluation_date.empty()) {
    STAFETT_CHECK_OK(CheckDate("evaluation_date", wanted.evaluation_date, change.today));
    next.evaluation_date = wanted.evaluation_date;
  }
  STAFETT_CHECK_OK(CheckOrder(next));
  if (next == *m) return State("NOTHING_CHANGED", "the measure is like this already");
  return Events{MeasureChanged{c->id, std::move(next)}};
}

Result<Events> EvaluateMeasure(const Child& child, const Change& change, const std::string& measure_id,
                               Evaluation evaluation) {
  const Case* c = child.Find(change.case_id);
  const Measure* m = c == nullptr ? nullptr : c->FindMeasure(measure_id);
  if (m == nullptr) return NotAllowed();
  const auto& who = change.who;
  if (!MayKnowPart(child, *c, measure_id, who, change.now)) return NotAllowed();
  const bool holds = Holds(*c, who);
  const bool responsible = IsResponsible(*m, who);
  STAFETT_CHECK_OK(Fits(*c, change));
  if (c->state == CaseState::kClosed) return State("CASE_CLOSED", "the case is closed");
  if (!holds && (!responsible || evaluation.end)) {
    return Fail(Code::kPermissionDenied, "NOT_HOLDER",
                responsible ? "only the one who holds the baton ends a measure"
                            : "a measure is evaluated by the one who is responsible or holds the baton");
  }
  STAFETT_CHECK_OK(InOpenLog(child, *c, who, change.now));
  if (m->ended) return State("MEASURE_ENDED", "the measure has ended");
  if (evaluation.end) {
    if (!evaluation.evaluation_date.empty()) {
      return Invalid("evaluation_date", "evaluation_date: what ends is not evaluated again");
    }
  } else {
    STAFETT_CHECK_OK(CheckDate("evaluation_date", evaluation.evaluation_date, change.today));
  }
  STAFETT_CHECK_OK(CheckSections(evaluation.sections));
  return Events{MeasureEvaluated{c->id, m->id, evaluation.outcome, who.id, who.recipient, evaluation.evaluation_date,
                                 evaluation.end},
                NoteWritten{c->id, who.id, who.recipient, std::move(evaluation.sections), m->id}};
}

Result<Events> EndMeasure(const Child& child, const Change& change, const std::string& measure_id,
                          const std::string& reason) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  STAFETT_TRY(const Measure* m, Open(*c, measure_id));
  return Events{MeasureEnded{c->id, m->id, reason}};
}

}  // namespace stafett::cases::domain
