// Asking: who, whom, for what, how long.
#include "sample.h"

namespace stafett::consent::domain {
namespace {
using namespace sample;

TEST(Request, Asking_is_not_consent) {
  Child child = WithRequest();
  EXPECT_EQ(Of(child, "r-school"), Standing::kRequested);
  EXPECT_EQ(child.Find(kConsent)->Missing("r-school"), (std::vector<std::string>{"p-father", "p-mother"}));
}

TEST(Request, It_says_what_was_asked) {
  auto events = RequestConsent(Registered(), By(kTeacher), Question());
  ASSERT_TRUE(events);
  const auto& e = std::get<ConsentRequested>(events->at(0));
  EXPECT_EQ(e.consent_id, kConsent);
  EXPECT_EQ(e.asking_recipient, "r-school");
  EXPECT_EQ(e.scopes, Question().scopes);
  EXPECT_EQ(e.until, kEnd);
}

TEST(Request, Consent_is_asked_for_by_staff) {
  EXPECT_EQ(Reason(RequestConsent(Registered(), By(kMother), Question())), "STAFF_ONLY");
}

TEST(Request, An_unknown_child_and_a_forbidden_one_are_the_same) {
  auto unknown = RequestConsent(Child{}, By(kTeacher), Question());
  EXPECT_EQ(Reason(unknown), "NOT_ALLOWED");
  EXPECT_EQ(unknown.error().message, NotAllowed().value().message);
}

// R3-01: separate purposes separate; for now there is one.
TEST(Request, Only_for_follow_up) {
  auto asked = Question();
  asked.purpose = "research";
  EXPECT_EQ(Field(RequestConsent(Registered(), By(kTeacher), asked)), "purpose");
}

TEST(Request, Every_consenter_has_parental_responsibility) {
  auto asked = Question();
  asked.consenters = {"p-mother", "p-father", "p-stepfather"};
  EXPECT_EQ(Field(RequestConsent(Registered(), By(kTeacher), asked)), "consenters[2]");
  asked.consenters = {"p-mother", "p-father", "p-stranger"};
  EXPECT_EQ(Field(RequestConsent(Registered(), By(kTeacher), asked)), "consenters[2]");
  asked.consenters = {"p-mother", "p-mother", "p-father"};
  EXPECT_EQ(Field(RequestConsent(Registered(), By(kTeacher), asked)), "consenters[0]");
}

// R3-07, R3-11: all of them; the answer tells how many are missing and not who.
TEST(Request, Nobody_with_parental_responsibility_is_left_out) {
  auto asked = Question();
  asked.consenters = {"p-mother"};
  auto refused = RequestConsent(Registered(), By(kTeacher), asked);
  ASSERT_EQ(Reason(refused), "CONSENTER_MISSING");
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(refused.error().metadata.at("missing"), "1");
  EXPECT_EQ(refused.error().message.find("p-father"), std::string::npos);
  asked.consenters = {};
  EXPECT_EQ(Field(RequestConsent(Registered(), By(kTeacher), asked)), "consenters");
}

TEST(Request, A_child_without_known_guardians_has_nobody_to_ask) {
  Child child;
  Learn(child, {});
  EXPECT_EQ(Field(RequestConsent(child, By(kTeacher), Question())), "consenters[0]");
}

// R3-05: at most 24 months; never past.
TEST(Request, A_consent_lasts_at_most_two_years) {
  auto until = [](const char* date) {
    auto asked = Question();
    asked.term.until = date;
    return Field(RequestConsent(Registered(), By(kTeacher), asked));
  };
  EXPECT_EQ(until("2028-11-18"), "(done)");
  EXPECT_EQ(until("2028-11-19"), "until");
  EXPECT_EQ(until("2026-11-19"), "(done)");
  EXPECT_EQ(until("2026-11-18"), "until");  // it would end before it began
  EXPECT_EQ(until("2026-11-17"), "until");
}

// R3-03: by receiving service and by category.
TEST(Request, Each_service_once_and_each_category_once) {
  auto with = [](std::vector<Scope> scopes) {
    auto asked = Question();
    asked.scopes = std::move(scopes);
    return Field(RequestConsent(Registered(), By(kTeacher), asked));
  };
  EXPECT_EQ(with({}), "scopes");
  EXPECT_EQ(with({{"r-ppt", {}}}), "scopes[0].categories");
  EXPECT_EQ(with({{"r-ppt", {Category::kEduc, Category::kEduc}}}), "scopes[0].categories[0]");
  EXPECT_EQ(with({{"r-ppt", {Category::kEduc, Category::kNone}}}), "scopes[0].categories[1]");
  EXPECT_EQ(with({{"r-ppt", {Category::kEduc}}, {"r-ppt", {Category::kPlan}}}), "scopes[0].recipient");
  EXPECT_EQ(with({{"r-ppt", {Category::kEduc}}, {"r-school", {Category::kEduc}}}), "(done)");
}

TEST(Request, In_a_language_that_there_is_a_text_for) {
  auto asked = Question();
  asked.language = "";
  auto events = RequestConsent(Registered(), By(kTeacher), asked);
  EXPECT_EQ(std::get<ConsentRequested>(events->at(0)).language, "nb");
  asked.language = "tlh";
  EXPECT_EQ(Field(RequestConsent(Registered(), By(kTeacher), asked)), "language");
}

TEST(Request, Asking_without_end_ends) {
  Child child = Registered();
  for (std::size_t i = 0; i < kMaxConsents; ++i) {
    Do(child, RequestConsent(child, By(kTeacher, "", kNow, "co-" + std::to_string(i)), Question()));
  }
  EXPECT_EQ(Reason(RequestConsent(child, By(kTeacher, "", kNow, "co-x"), Question())), "TOO_MANY_CONSENTS");
  // How often one service asked is nothing that another could notice.
  EXPECT_EQ(Reason(RequestConsent(child, By(kNurse, "", kNow, "co-x"), Question())), "(done)");
}

TEST(Request, The_first_words_about_guardians_stand) {
  Child child = Registered();
  Learn(child, {{{"p-stranger", true}}});
  EXPECT_EQ(Reason(RequestConsent(child, By(kTeacher), Question())), "(done)");
}

}  // namespace
}  // namespace stafett::consent::domain
