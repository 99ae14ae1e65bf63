// Goals and measures: the holder writes them, who is responsible evaluates, and each has an evaluation date until it
// ends.
#include <gmock/gmock.h>

#include "sample.h"

namespace stafett::cases::domain {
namespace {
using namespace sample;

TEST(Goals, The_one_that_the_log_was_opened_with_is_the_first) {
  Child child = WithLog();
  ASSERT_EQ(child.Find(kCase)->goals.size(), 1U);
  EXPECT_EQ(child.Find(kCase)->goals[0].text, "be happy");
  Do(child, AddGoal(child, By(kTeacher), "sleep well"));
  Do(child, EndGoal(child, By(kTeacher), child.Find(kCase)->goals[0].id, true, "she is"));
  const auto& goals = child.Find(kCase)->goals;
  ASSERT_EQ(goals.size(), 2U);
  EXPECT_NE(goals[0].id, goals[1].id);
  EXPECT_TRUE(goals[0].ended);
  EXPECT_FALSE(goals[1].ended);
  EXPECT_EQ(Reason(EndGoal(child, By(kTeacher), goals[0].id, true, "again")), "GOAL_ENDED");
  EXPECT_EQ(Reason(EndGoal(child, By(kTeacher), "go-none", true, "")), "INVALID_FIELD");
}

TEST(Goals, A_log_that_is_opened_again_goes_on_with_its_goal_or_has_one_more) {
  Child child = WithLog();
  auto first = child.Find(kCase)->goals[0].id;
  Evolve(child, LogSuspended{kCase});
  Do(child, OpenLog(child, By(kTeacher), "be happy", kSoon));
  ASSERT_EQ(child.Find(kCase)->goals.size(), 1U);
  EXPECT_EQ(child.Find(kCase)->goals[0].id, first);
  Evolve(child, LogSuspended{kCase});
  Do(child, OpenLog(child, By(kTeacher), "sleep well", kSoon));
  EXPECT_EQ(child.Find(kCase)->goals.size(), 2U);
}

// Records of 0.1.0 say the goal and no id of it.
TEST(Goals, Of_a_log_that_was_opened_before_they_had_ids_can_be_ended) {
  Child child = WithConsent();
  Evolve(child, LogOpened{kCase, kTeacher.id, kTeacher.recipient, "be happy", Level::k1, kSoon});
  ASSERT_EQ(child.Find(kCase)->goals.size(), 1U);
  EXPECT_EQ(Reason(EndGoal(child, By(kTeacher), child.Find(kCase)->goals[0].id, true, "")), "(done)");
}

TEST(Goals, A_case_has_so_many_at_most) {
  Child child = WithLog();
  while (child.Find(kCase)->goals.size() < kGoalsPerCase) Do(child, AddGoal(child, By(kTeacher), "one more"));
  EXPECT_EQ(Reason(AddGoal(child, By(kTeacher), "too many")), "TOO_MANY_GOALS");
  Evolve(child, LogSuspended{kCase});
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "too many", kSoon)), "TOO_MANY_GOALS");
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "be happy", kSoon)), "(done)");
}

TEST(Measures, A_case_has_so_many_at_most) {
  Child child = WithLog();
  while (child.Find(kCase)->measures.size() < kMeasuresPerCase) {
    Do(child, StartMeasure(child, By(kTeacher), Walks(kTeacher)));
  }
  EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), Walks(kTeacher))), "TOO_MANY_MEASURES");
}

TEST(Measures, Belong_to_a_log) {
  EXPECT_EQ(Reason(StartMeasure(WithConsent(), By(kTeacher), Walks(kTeacher))), "LOG_NOT_OPEN");
  Child child = WithMeasure();
  Do(child, CloseCase(child, By(kTeacher), "done"));
  EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), Walks(kTeacher))), "CASE_CLOSED");
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), TheMeasure(child).id, Helped())), "CASE_CLOSED");
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kNurse), TheMeasure(child).id, Helped())), "CASE_CLOSED");
}

TEST(Measures, Serve_a_goal_that_has_not_ended_or_none) {
  Child child = WithLog();
  auto measure = Walks(kTeacher);
  EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), measure)), "(done)");
  measure.goal = "go-another-cases";
  EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), measure)), "INVALID_FIELD");
  measure.goal = child.Find(kCase)->goals[0].id;
  EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), measure)), "(done)");
  Do(child, EndGoal(child, By(kTeacher), measure.goal, false, "too much"));
  EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), measure)), "GOAL_ENDED");
}

// Who is responsible has to know of it, so his service is in the log with a consent.
TEST(Measures, Are_done_by_somebody_in_the_log) {
  Child child = WithParticipants();
  for (const auto& somebody : {kTeacher, kColleague, kNurse, kHealthLeader}) {
    EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), Walks(somebody))), "(done)") << somebody.id;
  }
  EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), Walks(kAdviser))), "NOT_PARTICIPANT");
  // Withdrawn, and the service is not out of the log yet.
  Learn(child, ConsentWithdrawnFact{"co-1", {kNurse.recipient}});
  EXPECT_EQ(Reason(StartMeasure(child, By(kTeacher), Walks(kNurse))), "NO_CONSENT");
}

TEST(Measures, Have_dates_that_exist_in_an_order_that_can_be) {
  Child child = WithLog();
  auto with = [&](const char* start, const char* due, const char* evaluation) {
    auto m = Walks(kTeacher);
    m.start = start;
    m.due_date = due;
    m.evaluation_date = evaluation;
    return Reason(StartMeasure(child, By(kTeacher), m));
  };
  EXPECT_EQ(with("2026-08-17", "", kSoon), "(done)");  // begun before it was written down
  EXPECT_EQ(with("2026-12-01", "2026-12-20", "2026-12-20"), "(done)");
  EXPECT_EQ(with("", "", kSoon), "INVALID_FIELD");
  EXPECT_EQ(with("2026-11-31", "", kSoon), "INVALID_FIELD");
  EXPECT_EQ(with("2028-01-01", "", kSoon), "INVALID_FIELD");
  EXPECT_EQ(with(kToday, "2026-11-17", kSoon), "INVALID_FIELD");
  EXPECT_EQ(with("2026-12-05", "2026-12-04", kSoon), "INVALID_FIELD");
  EXPECT_EQ(with(kToday, "", ""), "INVALID_FIELD");
  EXPECT_EQ(with(kToday, "", "2026-11-17"), "INVALID_FIELD");
}

TEST(Measures, Are_evaluated_by_the_holder_or_the_one_who_is_responsible) {
  Child child = WithMeasure();
  auto id = TheMeasure(child).id;
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), id, Helped())), "(done)");
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kNurse), id, Helped())), "(done)");
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kHead), id, Helped())), "NOT_HOLDER");  // may read it
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kHealthLeader), id, Helped())), "NOT_ALLOWED");
  Person impostor = kNurse;
  impostor.guardian = true;
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(impostor), id, Helped())), "NOT_ALLOWED");
  impostor = kNurse;
  impostor.recipient = "r-ppt";
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(impostor), id, Helped())), "NOT_ALLOWED");
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kNurse), "ms-none", Helped())), "NOT_ALLOWED");
}

// All else about a measure is the holder's.
TEST(Measures, Who_is_responsible_neither_changes_nor_ends_them) {
  Child child = WithMeasure();
  auto id = TheMeasure(child).id;
  Measure wanted = Walks(kNurse);
  wanted.id = id;
  wanted.title = "drives";
  EXPECT_EQ(Reason(ChangeMeasure(child, By(kNurse), wanted)), "NOT_ALLOWED");
  EXPECT_EQ(Reason(EndMeasure(child, By(kNurse), id, "done")), "NOT_ALLOWED");
  auto last = Helped("");
  last.end = true;
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kNurse), id, last)), "NOT_HOLDER");
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), id, last)), "(done)");
}

// The outcome is for everybody who may see the plan; what was said goes by its categories, as a note does.
TEST(Measures, An_evaluation_is_an_outcome_and_a_note) {
  Child child = WithMeasure();
  auto events = EvaluateMeasure(child, By(kNurse), TheMeasure(child).id, Helped("2026-12-20"));
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 2U);
  const auto& evaluated = std::get<MeasureEvaluated>((*events)[0]);
  EXPECT_EQ(evaluated.outcome, Outcome::kHelped);
  EXPECT_EQ(evaluated.by, kNurse.id);
  EXPECT_EQ(evaluated.by_recipient, kNurse.recipient);
  const auto& note = std::get<NoteWritten>((*events)[1]);
  EXPECT_EQ(note.measure_id, TheMeasure(child).id);
  EXPECT_EQ(note.author_recipient, kNurse.recipient);
  Do(child, events);
  EXPECT_EQ(TheMeasure(child).outcome, Outcome::kHelped);
  EXPECT_EQ(TheMeasure(child).evaluation_date, "2026-12-20");
  EXPECT_FALSE(TheMeasure(child).ended);
  auto said = Helped();
  said.sections[0].category = policy::Category::kIdent;
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kNurse), TheMeasure(child).id, said)), "INVALID_FIELD");
}

TEST(Measures, An_evaluation_ends_them_or_says_when_the_next_one_is) {
  Child child = WithMeasure();
  auto id = TheMeasure(child).id;
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), id, Helped(""))), "INVALID_FIELD");
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), id, Helped("2026-11-17"))), "INVALID_FIELD");
  auto last = Helped(kSoon);
  last.end = true;
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), id, last)), "INVALID_FIELD");
  last.evaluation_date.clear();
  Do(child, EvaluateMeasure(child, By(kTeacher), id, last));
  EXPECT_TRUE(TheMeasure(child).ended);
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), id, Helped())), "MEASURE_ENDED");
  EXPECT_EQ(Reason(EndMeasure(child, By(kTeacher), id, "")), "MEASURE_ENDED");
  EXPECT_EQ(Reason(ChangeMeasure(child, By(kTeacher), TheMeasure(child))), "MEASURE_ENDED");
}

// What is left empty stays, and is not looked at again: the start may lie in the past by now.
TEST(Measures, Are_changed_in_what_is_said_and_nothing_else) {
  Child child = WithMeasure();
  Do(child, EvaluateMeasure(child, By(kNurse), TheMeasure(child).id, Helped()));
  auto before = TheMeasure(child);
  Measure wanted;
  wanted.id = before.id;
  EXPECT_EQ(Reason(ChangeMeasure(child, By(kTeacher), wanted)), "NOTHING_CHANGED");
  wanted.title = "drives";
  auto change = By(kTeacher);
  change.today = "2026-12-24";  // behind its evaluation date
  Do(child, ChangeMeasure(child, change, wanted));
  before.title = "drives";
  EXPECT_EQ(TheMeasure(child), before);
  wanted.evaluation_date = "2026-12-23";
  EXPECT_EQ(Reason(ChangeMeasure(child, change, wanted)), "INVALID_FIELD");
  wanted.evaluation_date.clear();
  wanted.responsible = kAdviser.id;
  wanted.responsible_recipient = kAdviser.recipient;
  EXPECT_EQ(Reason(ChangeMeasure(child, change, wanted)), "NOT_PARTICIPANT");
}

// Design §4.7: who lost the consent does nothing more in the log; and nothing is left without somebody responsible.
TEST(Measures, Of_a_service_that_lost_its_consent_fall_to_the_holder) {
  Child child = WithMeasure();
  auto id = TheMeasure(child).id;
  Do(child, StartMeasure(child, By(kTeacher), Walks(kColleague)));
  auto ended = Walks(kNurse);
  Do(child, StartMeasure(child, By(kTeacher), ended));
  Do(child, EndMeasure(child, By(kTeacher), child.Find(kCase)->measures[2].id, "done"));
  Learn(child, ConsentWithdrawnFact{"co-1", {kNurse.recipient}});
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kNurse), id, Helped())), "NOT_ALLOWED");  // before it is out of the log
  for (const auto& e : StopWhatLostItsConsent(child, kNow)) Evolve(child, e);
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kNurse), id, Helped())), "NOT_ALLOWED");
  const auto& measures = child.Find(kCase)->measures;
  EXPECT_EQ(measures[0].responsible, kTeacher.id);
  EXPECT_EQ(measures[0].responsible_recipient, kTeacher.recipient);
  EXPECT_EQ(measures[1].responsible, kColleague.id);
  EXPECT_EQ(measures[2].responsible, kNurse.id);  // ended: who did it
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), id, Helped())), "(done)");
}

TEST(Measures, Are_not_evaluated_in_a_log_that_rests_on_no_consent) {
  Child child = WithMeasure();
  Learn(child, ConsentWithdrawnFact{"co-1", {kTeacher.recipient}});  // the holder's; the nurse's stands
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kNurse), TheMeasure(child).id, Helped())), "NOT_ALLOWED");
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), TheMeasure(child).id, Helped())), "NO_CONSENT");
}

// The baton passes; what somebody is to do stays his.
TEST(Measures, Stay_with_whom_they_were_given_to_when_the_baton_passes) {
  Child child = WithMeasure();
  Do(child, StartMeasure(child, By(kTeacher), Walks(kTeacher)));
  Do(child, OfferBaton(child, By(kTeacher), kNurse.id, kNurse.recipient, kSoon));
  Do(child, AcceptBaton(child, By(kNurse), kSoon));
  EXPECT_EQ(child.Find(kCase)->measures[1].responsible, kTeacher.id);
  EXPECT_EQ(Reason(EvaluateMeasure(child, By(kTeacher), child.Find(kCase)->measures[1].id, Helped())), "(done)");
}

}  // namespace
}  // namespace stafett::cases::domain
