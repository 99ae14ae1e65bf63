// What time does, and what people do; who may know of it.
#include "escalation/domain/decide.h"

#include <gtest/gtest.h>

#include "unit/escalation/sample.h"

namespace stafett::escalation::domain {
namespace {
using namespace sample;

struct Escalations : testing::Test {
  CountedDays plan;
  State state;

  void Say(const std::vector<Awaited>& words) { Learn(state, words, "e-" + std::to_string(++said_)); }
  // Lets time pass up to there, and does what it does.
  int Until(Time now) {
    int taken = 0;
    for (auto step = domain::NextStep(state, plan); step && step->at <= now; step = domain::NextStep(state, plan)) {
      Evolve(state, step->event, step->at);
      ++taken;
    }
    return taken;
  }
  void Do(const Result<Events>& decided, Time at) {
    ASSERT_TRUE(decided.has_value()) << decided.error().reason;
    for (const auto& e : *decided) Evolve(state, e, at);
  }
  const Escalation& Only() {
    EXPECT_EQ(state.escalations.size(), 1U);
    return state.escalations.begin()->second;
  }
  static std::string Reason(const Result<Events>& decided) { return decided ? "(done)" : decided.error().reason; }
  int said_ = 0;
};

TEST_F(Escalations, What_is_not_done_goes_down_the_line_and_stays_with_the_last) {
  Say({sample::NextStep(10)});
  EXPECT_EQ(Until(Time{Day(11).ms - 1}), 0);
  EXPECT_EQ(Until(Day(11)), 1);
  EXPECT_EQ(Only().owner, (Post{"p-head", "r-school"}));
  EXPECT_EQ(Only().awaited, sample::NextStep(10));
  EXPECT_EQ(Until(Day(12)), 1);
  EXPECT_EQ(Only().owner, (Post{"p-deputy", "r-school"}));
  EXPECT_EQ(Until(Day(100)), 1);
  EXPECT_EQ(Only().owner, (Post{"p-last", "r-office"}));
  EXPECT_EQ(Only().step, 3);
  EXPECT_FALSE(domain::NextStep(state, plan)) << "the last one keeps it";
}

TEST_F(Escalations, What_has_come_is_not_raised_and_what_was_raised_is_over) {
  Say({sample::NextStep(10)});
  Say({sample::NextStep(20)});
  EXPECT_EQ(Until(Day(15)), 0) << "the latest word counts";
  Until(Day(21));
  EXPECT_FALSE(Only().resolved);
  auto events = ResolveBy(state, {sample::NextStep(40)});
  ASSERT_EQ(events.size(), 1U);
  Say({sample::NextStep(40)});
  Evolve(state, events[0], Day(22));
  EXPECT_TRUE(Only().resolved);
  EXPECT_EQ(Until(Day(40)), 0);
  EXPECT_TRUE(ResolveBy(state, {sample::NextStep(41)}).empty()) << "it is over already";
  Say({Done()});
  EXPECT_EQ(Until(Day(400)), 0);
  EXPECT_FALSE(domain::NextStep(state, plan));
}

// The same date waited for anew (a log that was suspended and opened again) is a new word.
TEST_F(Escalations, What_is_waited_for_anew_is_raised_anew_under_another_id) {
  Say({sample::NextStep(1)});
  Until(Day(2));
  auto first = Only().id;
  for (const auto& e : ResolveBy(state, {Done()})) Evolve(state, e, Day(3));
  Say({Done()});
  Say({sample::NextStep(1)});
  EXPECT_EQ(Until(Day(2)), 1);
  EXPECT_EQ(state.escalations.size(), 2U);
}

TEST_F(Escalations, Who_did_not_do_it_is_passed_by_in_the_line) {
  Say({sample::NextStep(10, "ca-1", "p-head")});
  Until(Day(11));
  EXPECT_EQ(Only().owner.person, "p-deputy");
}

TEST_F(Escalations, Seen_waits_longer) {
  Say({sample::NextStep(10)});
  Until(Day(11));
  Do(Acknowledge(state, kHead, Only().id), Day(11));
  EXPECT_EQ(Until(Time{Day(14).ms - 1}), 0);
  EXPECT_EQ(Until(Day(14)), 1);
  EXPECT_FALSE(Only().acknowledged) << "the next one has not seen it";
}

TEST_F(Escalations, Taken_over_it_is_the_takers_and_he_is_not_passed_his_own) {
  Say({sample::NextStep(10)});
  Until(Day(11));
  Do(TakeOver(state, kDeputy, Only().id, plan), Day(11));
  EXPECT_EQ(Only().owner.person, "p-deputy");
  EXPECT_EQ(Reason(Acknowledge(state, kHead, Only().id)), "NOT_OWNER");
  EXPECT_EQ(Until(Day(13)), 0) << "it waits as if he had said that he has seen it";
  EXPECT_EQ(Until(Day(14)), 1);
  EXPECT_EQ(Only().owner.person, "p-last");
}

TEST_F(Escalations, The_owner_ends_it_and_it_is_not_raised_again) {
  Say({sample::NextStep(10)});
  Until(Day(11));
  EXPECT_EQ(Reason(Resolve(state, kDeputy, Only().id)), "NOT_OWNER");
  Do(Resolve(state, kHead, Only().id), Day(11));
  EXPECT_EQ(Until(Day(400)), 0);
  EXPECT_EQ(Reason(Resolve(state, kHead, Only().id)), "RESOLVED");
}

TEST_F(Escalations, Nobody_else_is_told_whether_it_exists) {
  Say({sample::NextStep(10)});
  Until(Day(11));
  for (const auto& who : {kColleague, kOtherHead, kLast, Person{}}) {
    for (const auto& id : {Only().id, std::string("es-none")}) {
      EXPECT_EQ(Reason(Acknowledge(state, who, id)), "NOT_ALLOWED");
      EXPECT_EQ(Reason(TakeOver(state, who, id, plan)), "NOT_ALLOWED");
      EXPECT_EQ(Reason(Resolve(state, who, id)), "NOT_ALLOWED");
    }
  }
  EXPECT_EQ(Reason(TakeOver(state, kTeacher, Only().id, plan)), "NOT_IN_LINE") << "he knows it: it is his own step";
}

TEST_F(Escalations, The_last_one_owns_what_he_may_not_see) {
  Say({sample::NextStep(10)});
  Until(Day(400));
  EXPECT_FALSE(MaySee(Only(), kLast));
  EXPECT_TRUE(MayKnow(Only(), kLast));
  EXPECT_TRUE(MaySee(Only(), kHead));
  EXPECT_TRUE(MaySee(Only(), kTeacher));
  EXPECT_FALSE(MaySee(Only(), kColleague));
  EXPECT_EQ(Reason(Acknowledge(state, kLast, Only().id)), "(done)");
}

// Nobody in person is to do it, so nobody's empty name is his.
TEST_F(Escalations, What_a_service_as_a_whole_left_undone_is_known_to_its_leaders_alone) {
  Say({sample::Store(Day(10))});
  Until(Day(12));
  EXPECT_EQ(Only().awaited.kind, AwaitedKind::kDeliveryStored);
  EXPECT_TRUE(MaySee(Only(), kHead));
  for (const auto& who : {kTeacher, kColleague, kOtherHead, Person{"", "r-school", false}, Person{}}) {
    EXPECT_FALSE(MayKnow(Only(), who)) << who.id;
  }
  EXPECT_EQ(ResolveBy(state, {sample::Stored()}).size(), 1U);
}

TEST_F(Escalations, A_service_that_no_file_knows_is_said_to_have_no_line) {
  Say({sample::NextStep(10, "ca-1", "p-teacher", "r-gone"), sample::NextStep(20, "ca-2")});
  EXPECT_TRUE(Unowned(state, plan));
  EXPECT_EQ(Until(Day(21)), 1) << "the others go on";
  EXPECT_EQ(Only().awaited.id, "next/ca-2");
}

}  // namespace
}  // namespace stafett::escalation::domain
