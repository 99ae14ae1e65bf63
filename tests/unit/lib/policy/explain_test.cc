#include <gtest/gtest.h>

#include "sample.h"

namespace stafett::policy {
namespace {

using namespace sample;  // NOLINT
using enum Category;

const Explanation::Line* Find(const Explanation& e, std::string_view category) {
  for (const auto& line : e.lines) {
    if (line.category == category) return &line;
  }
  return nullptr;
}

TEST(Explain, NamesRuleBothKeysAndConsentOfWhatIsShown) {
  const Consent consent = For("r-ppt", Cats(kConcern));
  Explanation e = Explain(Rules(), School(Cats(kConcern, kHealthd)), kPptUnit, Know({&consent, 1}), Start::kPush, kNow);
  EXPECT_EQ(e.verdict, "DISCLOSE");
  EXPECT_EQ(e.rule, "T020");
  EXPECT_EQ(e.missing, "RULE");
  ASSERT_EQ(e.lines.size(), 4U);
  const auto* concern = Find(e, "CONCERN");
  ASSERT_NE(concern, nullptr);
  EXPECT_EQ(concern->rule, "T020");
  EXPECT_EQ(concern->statute, "statute of T020");
  EXPECT_EQ(concern->basis, "basis of T020");
  EXPECT_EQ(concern->consent, "k-1");
  EXPECT_EQ(concern->outcome, "shown");
  EXPECT_EQ(Find(e, "EXIST")->outcome, "shown");
  EXPECT_EQ(Find(e, "HEALTHD")->rule, "T001");
  EXPECT_EQ(Find(e, "HEALTHD")->outcome, "withheld: RULE");
}

TEST(Explain, DefaultDenyIsCitedAlsoWithoutItsRow) {
  Explanation e = Explain(RuleSet(), School(Cats(kConcern)), kPptUnit, Know(), Start::kPush, kNow);
  EXPECT_EQ(e.verdict, "WITHHOLD");
  EXPECT_EQ(e.rule, "T001");
  EXPECT_EQ(e.missing, "RULE");
}

TEST(Explain, NamesTheRuleAndConsentThatWereNearest) {
  Consent consent = For("r-ppt", Cats(kConcern));
  consent.withdrawn = true;
  Explanation e = Explain(Rules(), School(Cats(kConcern)), kPptUnit, Know({&consent, 1}), Start::kRequest, kNow);
  EXPECT_EQ(e.rule, "T001");
  EXPECT_EQ(e.missing, "CONSENT_WITHDRAWN");
  EXPECT_EQ(Find(e, "CONCERN")->rule, "T020");
  EXPECT_EQ(Find(e, "CONCERN")->consent, "k-1");
  EXPECT_EQ(Find(e, "CONCERN")->outcome, "withheld: CONSENT_WITHDRAWN");
}

TEST(Explain, NamesTheGate) {
  Explanation e = Explain(Rules(), School(Cats(kAddrG)), kPptUnit, Know(), Start::kPush, kNow);
  EXPECT_EQ(e.rule, "T002");
  EXPECT_EQ(Find(e, "ADDR_G")->outcome, "withheld: gated");
  e = Explain(Rules(), School(Cats(kEduc)), kPptUnit, Know({}, Cats(kExist)), Start::kPush, kNow);
  EXPECT_EQ(Find(e, "EDUC")->outcome, "withheld: gated");
  EXPECT_EQ(Find(e, "EDUC")->rule, "");
}

// bvl §13-2: who reads "withheld" must see that the duty to report waits for none of this.
TEST(Explain, ADutyIsNamedEvenWhereTheCategoryIsGated) {
  Explanation e = Explain(Rules(), School(Cats(kConcern)), kChildWelfare, Know({}, Cats(kConcern)), Start::kPush, kNow);
  ASSERT_EQ(e.lines.size(), 2U);
  EXPECT_EQ(e.lines[1].rule, "T040");
  EXPECT_EQ(e.lines[1].outcome, "a person's duty, outside this decision");
}

TEST(Explain, NamesWhoDecides) {
  Explanation e = Explain(Rules(), School(Cats(kEduc)), kOtherSchool, Know(), Start::kRequest, kNow);
  EXPECT_EQ(e.verdict, "HUMAN");
  EXPECT_EQ(e.rule, "T026");
  EXPECT_EQ(Find(e, "EDUC")->outcome, "a person decides: LEADER");
  e = Explain(Rules(), School(Cats(kConcern)), kPptUnit, Know(), Start::kRequest, kNow);
  ASSERT_EQ(e.lines.size(), 2U);
  EXPECT_EQ(e.lines[1].rule, "T014");
  EXPECT_EQ(e.lines[1].outcome, "a person decides: LEADER");
}

TEST(Explain, ObstaclesAreSaidAsTheyAre) {
  Explanation e = Explain(Rules(), School(Cats(kEduc)), kPptUnit, Facts{}, Start::kRequest, kNow);
  EXPECT_EQ(e.missing, "FACTS");
  EXPECT_EQ(Find(e, "EDUC")->outcome, "withheld: FACTS");
}

}  // namespace
}  // namespace stafett::policy
