// What the log says in clear of what is waited for, event by event.
#include "cases/domain/awaited.h"

#include <algorithm>

#include "sample.h"

namespace stafett::cases::domain {
namespace {
using namespace sample;

// The words of one command's events, the state moving on.
std::vector<Awaited> Said(Child& child, const Result<Events>& decided) {
  EXPECT_TRUE(decided.has_value());
  std::vector<Awaited> out;
  if (!decided) return out;
  for (const auto& event : *decided) {
    for (const auto& word : AwaitedBy(child, event)) out.push_back(word);
    Evolve(child, event);
  }
  return out;
}
Awaited Next(const Person& who, const std::string& date) {
  return {"next/ca-1", AwaitedKind::kNextDate, date, who.id, who.recipient};
}
Awaited Answer(const Person& who, const std::string& date) {
  return {"baton/ca-1", AwaitedKind::kBatonAnswer, date, who.id, who.recipient};
}
Awaited NoAnswer(const Person& who) { return {"baton/ca-1", AwaitedKind::kBatonAnswer, "", "", who.recipient, true}; }
using Words = std::vector<Awaited>;

TEST(Awaited, A_concern_and_each_new_date_say_the_holders_next_step) {
  Child child = Registered();
  EXPECT_EQ(Said(child, NoteConcern(child, By(kTeacher), "worried", kSoon)), Words{Next(kTeacher, kSoon)});
  ConversationHeld held;
  held.next_date = "2026-12-05";
  EXPECT_EQ(Said(child, RecordConversation(child, By(kTeacher), held)), Words{Next(kTeacher, "2026-12-05")});
  Ask(child);
  Yes(child, "p-mother", {"r-school"});
  Yes(child, "p-father", {"r-school"});
  EXPECT_EQ(Said(child, OpenLog(child, By(kTeacher), "goal", "2026-12-06")), Words{Next(kTeacher, "2026-12-06")});
  EXPECT_EQ(Said(child, SetLevel(child, By(kTeacher), Level::k2, "", "2026-12-07")),
            Words{Next(kTeacher, "2026-12-07")});
  EXPECT_EQ(Said(child, WriteNote(child, By(kTeacher), {{policy::Category::kPlan, "text", {}}})), Words{});
}

TEST(Awaited, An_offered_baton_waits_for_its_answer_and_then_no_more) {
  Child child = WithParticipants();
  auto offer = [&] { return OfferBaton(child, By(kTeacher), kNurse.id, kNurse.recipient, "2026-11-25"); };
  EXPECT_EQ(Said(child, offer()), Words{Answer(kNurse, "2026-11-25")});
  EXPECT_EQ(Said(child, DeclineBaton(child, By(kNurse), "")), Words{NoAnswer(kNurse)});
  EXPECT_EQ(Said(child, offer()), Words{Answer(kNurse, "2026-11-25")});
  EXPECT_EQ(Said(child, AcceptBaton(child, By(kNurse), "2026-12-03")),
            (Words{Next(kNurse, "2026-12-03"), NoAnswer(kNurse)}));
}

TEST(Awaited, A_closed_case_waits_for_nothing) {
  Child child = WithParticipants();
  Said(child, OfferBaton(child, By(kTeacher), kNurse.id, kNurse.recipient, "2026-11-25"));
  EXPECT_EQ(Said(child, CloseCase(child, By(kTeacher), "done")),
            (Words{{"next/ca-1", AwaitedKind::kNextDate, "", "", kTeacher.recipient, true}, NoAnswer(kNurse)}));
}

Awaited Evaluate(const Child& child, const Person& who, const std::string& date) {
  return {"evaluation/" + TheMeasure(child).id, AwaitedKind::kEvaluation, date, who.id, who.recipient};
}
Awaited NoEvaluation(const Child& child, const Person& who) {
  return {"evaluation/" + TheMeasure(child).id, AwaitedKind::kEvaluation, "", "", who.recipient, true};
}

TEST(Awaited, A_measure_is_to_be_evaluated_by_the_one_who_is_responsible_until_it_ends) {
  Child child = WithParticipants();
  auto said = Said(child, StartMeasure(child, By(kTeacher), Walks(kNurse)));
  EXPECT_EQ(said, Words{Evaluate(child, kNurse, kSoon)});
  auto id = TheMeasure(child).id;
  Measure other;
  other.id = id;
  other.responsible = kColleague.id;
  other.responsible_recipient = kColleague.recipient;
  EXPECT_EQ(Said(child, ChangeMeasure(child, By(kTeacher), other)), Words{Evaluate(child, kColleague, kSoon)});
  EXPECT_EQ(Said(child, EvaluateMeasure(child, By(kColleague), id, Helped("2026-12-20"))),
            Words{Evaluate(child, kColleague, "2026-12-20")});
  EXPECT_EQ(Said(child, EndMeasure(child, By(kTeacher), id, "done")), Words{NoEvaluation(child, kColleague)});

  child = WithMeasure();
  auto last = Helped("");
  last.end = true;
  EXPECT_EQ(Said(child, EvaluateMeasure(child, By(kTeacher), TheMeasure(child).id, last)),
            Words{NoEvaluation(child, kNurse)});
}

TEST(Awaited, A_closed_case_wants_no_evaluation_and_a_suspended_log_wants_it_when_it_is_open_again) {
  Child child = WithMeasure();
  EXPECT_EQ(
      Said(child, CloseCase(child, By(kTeacher), "done")),
      (Words{{"next/ca-1", AwaitedKind::kNextDate, "", "", kTeacher.recipient, true}, NoEvaluation(child, kNurse)}));
  child = WithMeasure();
  EXPECT_EQ(AwaitedBy(child, LogSuspended{kCase}), Words{NoEvaluation(child, kNurse)});
  Evolve(child, LogSuspended{kCase});
  EXPECT_EQ(AwaitedBy(child, LogOpened{kCase, kTeacher.id, kTeacher.recipient, "goal", Level::k1, kSoon}),
            Words{Evaluate(child, kNurse, kSoon)});
}

TEST(Awaited, Whose_service_leaves_the_log_is_responsible_no_longer_the_holder_is) {
  Child child = WithMeasure();
  EXPECT_EQ(Said(child, RemoveParticipant(child, By(kTeacher), kNurse.recipient)),
            Words{Evaluate(child, kTeacher, kSoon)});
  child = WithMeasure();
  Learn(child, ConsentWithdrawnFact{"co-1", {kNurse.recipient}});
  EXPECT_EQ(Said(child, StopWhatLostItsConsent(child, kNow)), Words{Evaluate(child, kTeacher, kSoon)});
}

// By its id alone the case of a measure is found, also after a rebuild: the record that starts it names it in clear.
TEST(Awaited, The_record_that_starts_a_measure_names_it_in_clear) {
  Child child = WithParticipants();
  auto words = Said(child, StartMeasure(child, By(kTeacher), Walks(kNurse)));
  EXPECT_EQ(NamedIn(kCase, words), (std::vector<std::string>{kCase, TheMeasure(child).id}));
  EXPECT_EQ(NamedIn("", {}), std::vector<std::string>{});
  EXPECT_EQ(NamedIn(kCase, {Next(kTeacher, kSoon), Answer(kNurse, kSoon)}), std::vector<std::string>{kCase});
}

Awaited AnswerTo(const Child& child, const Person& who) {
  return {"contribution/" + TheContribution(child).id, AwaitedKind::kContributionAnswer, kSoon, who.id, who.recipient};
}
Awaited NoAnswerTo(const Child& child, const Person& who) {
  return {"contribution/" + TheContribution(child).id, AwaitedKind::kContributionAnswer, "", "", who.recipient, true};
}

TEST(Awaited, A_contribution_waits_for_the_holders_answer_and_then_no_more) {
  Child child = WithParticipants();
  auto submit = [&] { return SubmitContribution(child, By(kNurse), SleepsAgain(), kSoon); };
  auto said = Said(child, submit());
  EXPECT_EQ(said, Words{AnswerTo(child, kTeacher)});
  EXPECT_EQ(NamedIn(kCase, said), (std::vector<std::string>{kCase, TheContribution(child).id}));
  const Child before = child;
  EXPECT_EQ(Said(child, AcceptContribution(child, By(kTeacher), TheContribution(child).id)),
            Words{NoAnswerTo(child, kTeacher)});
  child = before;
  EXPECT_EQ(
      Said(child, DeclineContribution(child, By(kTeacher), TheContribution(child).id, DeclineReason::kNotRelevant)),
      Words{NoAnswerTo(child, kTeacher)});
}

TEST(Awaited, A_contribution_that_nobody_can_answer_any_more_waits_for_nobody) {
  Child child = WithContribution();
  EXPECT_EQ(Said(child, RemoveParticipant(child, By(kTeacher), kNurse.recipient)), Words{NoAnswerTo(child, kTeacher)});
  child = WithContribution();
  EXPECT_EQ(AwaitedBy(child, LogSuspended{kCase}), Words{NoAnswerTo(child, kTeacher)});
  Evolve(child, LogSuspended{kCase});
  EXPECT_EQ(AwaitedBy(child, LogOpened{kCase, kTeacher.id, kTeacher.recipient, "goal", Level::k1, kSoon}), Words{});
  child = WithContribution();
  Learn(child, ConsentWithdrawnFact{"co-1", {kNurse.recipient}});
  EXPECT_EQ(Said(child, StopWhatLostItsConsent(child, kNow)), Words{NoAnswerTo(child, kTeacher)});
  child = WithContribution();
  EXPECT_EQ(
      Said(child, CloseCase(child, By(kTeacher), "done")),
      (Words{{"next/ca-1", AwaitedKind::kNextDate, "", "", kTeacher.recipient, true}, NoAnswerTo(child, kTeacher)}));
}

// Within the holder's service it goes along with the baton; another service was not told of it, and is not waited for.
TEST(Awaited, A_contribution_goes_with_the_baton_within_the_service_and_ends_when_it_leaves_it) {
  Child child = WithContribution();
  Do(child, OfferBaton(child, By(kTeacher), kColleague.id, kColleague.recipient, "2026-11-25"));
  auto said = Said(child, AcceptBaton(child, By(kColleague), kSoon));
  EXPECT_NE(std::find(said.begin(), said.end(), AnswerTo(child, kColleague)), said.end());
  Do(child, OfferBaton(child, By(kColleague), kNurse.id, kNurse.recipient, "2026-11-25"));
  said = Said(child, AcceptBaton(child, By(kNurse), kSoon));
  EXPECT_NE(std::find(said.begin(), said.end(), NoAnswerTo(child, kColleague)), said.end());
}

// Nobody can answer while the log is suspended, and an offer that has ended wants none.
TEST(Awaited, Who_lost_his_consent_is_not_waited_for) {
  Child child = WithParticipants();
  Said(child, OfferBaton(child, By(kTeacher), kNurse.id, kNurse.recipient, "2026-11-25"));
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-health"}});
  EXPECT_EQ(Said(child, StopWhatLostItsConsent(child, kNow)), Words{NoAnswer(kNurse)});

  child = WithParticipants();
  Said(child, OfferBaton(child, By(kTeacher), kNurse.id, kNurse.recipient, "2026-11-25"));
  EXPECT_EQ(AwaitedBy(child, LogSuspended{kCase}), Words{NoAnswer(kNurse)});
  Evolve(child, LogSuspended{kCase});
  EXPECT_EQ(AwaitedBy(child, LogOpened{kCase, kTeacher.id, kTeacher.recipient, "goal", Level::k1, kSoon}),
            Words{Answer(kNurse, "2026-11-25")});
}

}  // namespace
}  // namespace stafett::cases::domain
