// R3-04, GDPR art. 7(3): as easy as giving, at once, by any one of them.
#include "sample.h"

namespace stafett::consent::domain {
namespace {
using namespace sample;

std::vector<std::string> Withdrawn(const Result<Events>& decided) {
  return decided ? std::get<ConsentWithdrawn>(decided->at(0)).recipients : std::vector<std::string>{Reason(decided)};
}
using Names = std::vector<std::string>;

TEST(Withdraw, Any_one_consenter_withdraws) {
  for (const auto& [who, id] : {std::pair(kMother, "p-mother"), std::pair(kFather, "p-father")}) {
    Child child = WithConsent();
    Do(child, Withdraw(child, By(who), id, {"r-ppt"}));
    EXPECT_EQ(Of(child, "r-ppt"), Standing::kWithdrawn);
    EXPECT_EQ(Of(child, "r-school"), Standing::kGranted);  // scoped to consent and recipient (design §4.7)
  }
}

TEST(Withdraw, Without_names_it_is_all_that_somebody_said_yes_to) {
  EXPECT_EQ(Withdrawn(Withdraw(WithConsent(), By(kMother), "p-mother", {})), (Names{"r-school", "r-ppt"}));
}

TEST(Withdraw, It_needs_neither_evidence_nor_a_fresh_reading) {
  EXPECT_EQ(Reason(Withdraw(WithConsent(), By(kMother), "p-mother", {"r-ppt"})), "(done)");
}

TEST(Withdraw, A_yes_can_be_taken_back_before_the_other_has_answered) {
  Child child = WithRequest();
  Do(child, Grant(child, By(kMother), "p-mother", {"r-ppt"}, ""));
  EXPECT_EQ(Withdrawn(Withdraw(child, By(kMother), "p-mother", {})), Names{"r-ppt"});
  EXPECT_EQ(Withdrawn(Withdraw(child, By(kFather), "p-father", {})), Names{"r-ppt"});
}

TEST(Withdraw, An_ended_consent_can_still_be_withdrawn) {
  EXPECT_EQ(Withdrawn(Withdraw(WithConsent(), By(kMother, "", kEnd), "p-mother", {"r-ppt"})), Names{"r-ppt"});
}

TEST(Withdraw, Withdrawing_twice_changes_nothing) {
  Child child = WithConsent();
  Do(child, Withdraw(child, By(kFather), "p-father", {"r-ppt"}));
  auto before = child.Find(kConsent)->withdrawn;
  auto again = Withdraw(child, By(kMother), "p-mother", {"r-ppt"});
  EXPECT_EQ(Withdrawn(again), Names{"r-ppt"});  // recorded, so that the mother too can be told "enforced"
  Do(child, again);
  EXPECT_EQ(child.Find(kConsent)->withdrawn, before);
  EXPECT_EQ(Withdrawn(Withdraw(child, By(kMother), "p-mother", {})), Names{"r-school"});  // what still stands
}

TEST(Withdraw, Where_nobody_said_yes_there_is_nothing_to_withdraw) {
  EXPECT_EQ(Withdrawn(Withdraw(WithRequest(), By(kMother), "p-mother", {})), Names{"NOTHING_TO_WITHDRAW"});
  EXPECT_EQ(Withdrawn(Withdraw(WithConsent(), By(kMother), "p-mother", {"r-welfare"})), Names{"NOTHING_TO_WITHDRAW"});
}

TEST(Withdraw, Only_from_services_that_it_names) {
  EXPECT_EQ(Field(Withdraw(WithConsent(), By(kMother), "p-mother", {"r-health"})), "recipients[0]");
}

TEST(Withdraw, Staff_of_the_asking_service_record_it_on_the_consenters_word) {
  auto decided = Withdraw(WithConsent(), By(kTeacher), "p-father", {"r-ppt"});
  ASSERT_TRUE(decided);
  EXPECT_EQ(std::get<ConsentWithdrawn>(decided->at(0)).consenter, "p-father");
  EXPECT_EQ(Reason(Withdraw(WithConsent(), By(kAdviser), "p-father", {"r-ppt"})), "NOT_ALLOWED");
}

}  // namespace
}  // namespace stafett::consent::domain
