// Who may know a consent, and what everybody else is told.
#include "sample.h"

namespace stafett::consent::domain {
namespace {
using namespace sample;

std::vector<Result<Events>> TryAll(const Child& child, const Change& change) {
  return {Grant(child, change, "p-mother", {"r-ppt"}, "ELECTRONIC"),
          Refuse(child, change, "p-mother", {}, "ELECTRONIC"), Withdraw(child, change, "p-mother", {})};
}

// Promise P1: an existing consent, one that never was: the same words to a stranger.
TEST(Access, Who_may_not_know_gets_one_answer) {
  Person nobody{"p-teacher", "", false};
  Person namesake{"p-mother", "r-school-2", false};  // staff elsewhere who happens to have the id
  for (const auto& stranger : {kNurse, kAdviser, kCaseWorker, kFather, kStepfather, nobody, namesake}) {
    SCOPED_TRACE(stranger.id + " of " + stranger.recipient);
    for (const auto& child : {Registered(), WithRequest(), WithConsent()}) {
      for (const char* etag : {"", "77"}) {
        for (const auto& answer : TryAll(child, By(stranger, etag))) {
          ASSERT_FALSE(answer);
          EXPECT_EQ(answer.error().code, Code::kPermissionDenied);
          EXPECT_EQ(answer.error().reason, "NOT_ALLOWED");
          EXPECT_EQ(answer.error().message, NotAllowed().value().message);
          EXPECT_TRUE(answer.error().metadata.empty());
        }
      }
    }
  }
}

TEST(Access, A_parent_speaks_for_himself_only) {
  Child child = WithRequest();
  EXPECT_EQ(Reason(Grant(child, By(kFather), "p-mother", {"r-ppt"}, "")), "NOT_ALLOWED");
  EXPECT_EQ(Reason(Grant(child, By(kFather), "p-father", {"r-ppt"}, "")), "(done)");
}

TEST(Access, A_consenter_and_the_asking_service_see_it_all) {
  Child child = WithRequest();
  for (const auto& who : {kMother, kFather, kTeacher}) {
    auto shown = Show(*child.Find(kConsent), who);
    ASSERT_TRUE(shown) << who.id;
    EXPECT_TRUE(shown->whole);
    EXPECT_EQ(shown->scopes.size(), 3U);
  }
}

// That parents were asked about child welfare, or said no to it, is told by no rule.
TEST(Access, A_service_that_was_refused_learns_nothing) {
  EXPECT_FALSE(Show(*WithRequest().Find(kConsent), kCaseWorker));
  EXPECT_FALSE(Show(*WithConsent().Find(kConsent), kCaseWorker));
}

TEST(Access, A_service_learns_of_a_consent_when_everybody_has_said_yes_to_it) {
  Child child = WithRequest();
  EXPECT_FALSE(Show(*child.Find(kConsent), kAdviser));
  Do(child, Grant(child, By(kMother), "p-mother", {"r-ppt"}, ""));
  EXPECT_FALSE(Show(*child.Find(kConsent), kAdviser));
  Do(child, Grant(child, By(kFather), "p-father", {"r-ppt"}, ""));
  EXPECT_TRUE(Show(*child.Find(kConsent), kAdviser));
}

TEST(Access, It_sees_its_own_line_only) {
  auto shown = Show(*WithConsent().Find(kConsent), kAdviser);
  ASSERT_TRUE(shown);
  EXPECT_FALSE(shown->whole);
  ASSERT_EQ(shown->scopes.size(), 1U);
  EXPECT_EQ(shown->scopes[0].recipient, "r-ppt");
}

TEST(Access, It_still_sees_what_was_withdrawn_from_it) {
  Child child = WithConsent();
  Do(child, Withdraw(child, By(kFather), "p-father", {"r-ppt"}));
  EXPECT_TRUE(Show(*child.Find(kConsent), kAdviser));
}

TEST(Access, A_yes_taken_back_before_it_was_complete_is_seen_by_no_recipient) {
  Child child = WithRequest();
  Do(child, Grant(child, By(kMother), "p-mother", {"r-ppt"}, ""));
  Do(child, Withdraw(child, By(kMother), "p-mother", {"r-ppt"}));
  EXPECT_FALSE(Show(*child.Find(kConsent), kAdviser));
}

TEST(Access, Nobody_else_sees_anything) {
  Person nobody{"p-mother", "", false};
  Child child = WithConsent();
  for (const auto& who : {kNurse, kStepfather, nobody}) EXPECT_FALSE(Show(*child.Find(kConsent), who)) << who.id;
}

}  // namespace
}  // namespace stafett::consent::domain
