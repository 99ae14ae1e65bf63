// Yes and no.
#include "sample.h"

namespace stafett::consent::domain {
namespace {
using namespace sample;

// R3-02.
TEST(Answer, Silence_is_never_consent) {
  Child child = WithRequest();
  for (Time now : {kNow, Time{kEnd.ms - 1}, kEnd, Time{kEnd.ms + 1}}) {
    EXPECT_NE(Of(child, "r-ppt", now), Standing::kGranted);
  }
}

TEST(Answer, One_yes_of_two_is_no_consent) {
  Child child = WithRequest();
  Do(child, Grant(child, By(kMother), "p-mother", {"r-ppt"}, ""));
  EXPECT_EQ(Of(child, "r-ppt"), Standing::kRequested);
  Do(child, Grant(child, By(kFather), "p-father", {"r-ppt"}, ""));
  EXPECT_EQ(Of(child, "r-ppt"), Standing::kGranted);
}

TEST(Answer, A_yes_for_one_service_is_no_yes_for_another) {
  Child child = WithConsent();
  EXPECT_EQ(Of(child, "r-ppt"), Standing::kGranted);
  EXPECT_EQ(Of(child, "r-welfare"), Standing::kRefused);
}

TEST(Answer, A_no_wins_over_a_yes) {
  Child child = WithRequest();
  Do(child, Grant(child, By(kMother), "p-mother", {"r-ppt"}, ""));
  Do(child, Refuse(child, By(kFather), "p-father", {"r-ppt"}, ""));
  EXPECT_EQ(Of(child, "r-ppt"), Standing::kRefused);
}

TEST(Answer, A_no_may_become_a_yes) {
  Child child = WithRequest();
  Do(child, Refuse(child, By(kMother), "p-mother", {"r-ppt"}, ""));
  Do(child, Grant(child, By(kMother), "p-mother", {"r-ppt"}, ""));
  Do(child, Grant(child, By(kFather), "p-father", {"r-ppt"}, ""));
  EXPECT_EQ(Of(child, "r-ppt"), Standing::kGranted);
}

TEST(Answer, Grant_names_each_recipient) {
  Child child = WithRequest();
  EXPECT_EQ(Field(Grant(child, By(kMother), "p-mother", {}, "")), "recipients");
  EXPECT_EQ(Field(Grant(child, By(kMother), "p-mother", {"r-ppt", "r-health"}, "")), "recipients[1]");
  EXPECT_EQ(Field(Grant(child, By(kMother), "p-mother", {"r-ppt", "r-ppt"}, "")), "recipients[0]");
}

TEST(Answer, A_no_without_names_is_a_no_to_all) {
  Child child = WithRequest();
  Do(child, Refuse(child, By(kMother), "p-mother", {}, ""));
  for (const char* r : {"r-school", "r-ppt", "r-welfare"}) EXPECT_EQ(Of(child, r), Standing::kRefused) << r;
}

TEST(Answer, It_ends_on_its_day) {
  Child child = WithConsent();
  EXPECT_EQ(Of(child, "r-ppt", Time{kEnd.ms - 1}), Standing::kGranted);
  EXPECT_EQ(Of(child, "r-ppt", kEnd), Standing::kExpired);
}

TEST(Answer, An_ended_consent_takes_no_yes) {
  Child child = WithRequest();
  EXPECT_EQ(Reason(Grant(child, By(kMother, "", kEnd), "p-mother", {"r-ppt"}, "")), "EXPIRED");
}

TEST(Answer, A_withdrawn_consent_does_not_come_back) {
  Child child = WithConsent();
  Do(child, Withdraw(child, By(kFather), "p-father", {"r-ppt"}));
  EXPECT_EQ(Reason(Grant(child, By(kFather), "p-father", {"r-ppt"}, "")), "WITHDRAWN");
  EXPECT_EQ(Reason(Refuse(child, By(kFather), "p-father", {"r-ppt"}, "")), "WITHDRAWN");
  EXPECT_EQ(Of(child, "r-ppt"), Standing::kWithdrawn);
}

// Promise P4: a "no" that ended what is in force would do so without anybody waiting for it.
TEST(Answer, What_is_in_force_ends_by_withdrawal_only) {
  Child child = WithConsent();
  EXPECT_EQ(Reason(Refuse(child, By(kMother), "p-mother", {"r-ppt"}, "")), "GRANTED");
  EXPECT_EQ(Reason(Refuse(child, By(kMother), "p-mother", {}, "")), "GRANTED");
  EXPECT_EQ(Of(child, "r-ppt"), Standing::kGranted);
}

TEST(Answer, The_same_yes_again_is_no_second_yes) {
  Child child = WithRequest();
  Do(child, Grant(child, By(kMother), "p-mother", {"r-ppt"}, ""));
  EXPECT_EQ(Reason(Grant(child, By(kMother), "p-mother", {"r-ppt"}, "")), "ALREADY_GRANTED");
  EXPECT_EQ(Reason(Grant(child, By(kMother), "p-mother", {"r-ppt", "r-school"}, "")), "(done)");
}

TEST(Answer, A_stale_reading_is_told_to_read_again) {
  Child child = WithRequest();
  EXPECT_EQ(Reason(Grant(child, By(kMother, "7"), "p-mother", {"r-ppt"}, "")), "ETAG_MISMATCH");
  EXPECT_EQ(Grant(child, By(kMother, "7"), "p-mother", {"r-ppt"}, "").error().code, Code::kAborted);
  EXPECT_EQ(Reason(Grant(child, By(kMother, "1"), "p-mother", {"r-ppt"}, "")), "(done)");
}

// R3-01: provable.
TEST(Answer, What_staff_record_needs_its_evidence) {
  Child child = WithRequest();
  EXPECT_EQ(Field(Grant(child, By(kTeacher), "p-mother", {"r-ppt"}, "")), "evidence");
  EXPECT_EQ(Field(Grant(child, By(kTeacher), "p-mother", {"r-ppt"}, "THEY_CAME_TO_THE_MEETING")), "evidence");
  EXPECT_EQ(Field(Refuse(child, By(kTeacher), "p-mother", {"r-ppt"}, "")), "evidence");
  auto granted = Grant(child, By(kTeacher), "p-mother", {"r-ppt"}, "SIGNED_ON_PAPER");
  ASSERT_TRUE(granted);
  const auto& e = std::get<ConsentAnswered>(granted->at(0));
  EXPECT_EQ(e.recorded_by, "p-teacher");
  EXPECT_EQ(e.consenter, "p-mother");
  EXPECT_EQ(e.evidence, "SIGNED_ON_PAPER");
}

TEST(Answer, Who_answers_for_himself_needs_none) {
  Child child = WithRequest();
  auto granted = Grant(child, By(kMother), "p-mother", {"r-ppt"}, "");
  ASSERT_TRUE(granted);
  EXPECT_EQ(std::get<ConsentAnswered>(granted->at(0)).recorded_by, "");
  EXPECT_EQ(Field(Grant(child, By(kMother), "p-mother", {"r-ppt"}, "HEARSAY")), "evidence");
}

TEST(Answer, Nobody_is_recorded_who_was_not_asked) {
  EXPECT_EQ(Field(Grant(WithRequest(), By(kTeacher), "p-stepfather", {"r-ppt"}, "ELECTRONIC")), "consenter");
}

}  // namespace
}  // namespace stafett::consent::domain
