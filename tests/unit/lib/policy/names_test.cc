#include <gtest/gtest.h>

#include "sample.h"

namespace stafett::policy {
namespace {

TEST(Names, GoThereAndBack) {
  for (int i = 0; i < kCategoryCount; ++i) {
    auto category = static_cast<Category>(i);
    EXPECT_EQ(CategoryFromName(Name(category)), category);
  }
  for (int i = 1; i <= static_cast<int>(Agency::kKon); ++i) {
    auto agency = static_cast<Agency>(i);
    EXPECT_EQ(AgencyFromName(Name(agency)), agency);
  }
  for (int i = 0; i <= static_cast<int>(Effect::kDefault); ++i) {
    auto effect = static_cast<Effect>(i);
    EXPECT_EQ(EffectFromName(Name(effect)), effect);
  }
  for (int i = 0; i <= static_cast<int>(Start::kDuty); ++i) {
    auto start = static_cast<Start>(i);
    EXPECT_EQ(StartFromName(Name(start)), start);
  }
}

// The names are in files and protos: a shifted table would be a silent change of the law.
TEST(Names, AreAsInTheLawCatalogue) {
  EXPECT_EQ(Name(Category::kEduc), "EDUC");
  EXPECT_EQ(Name(Category::kAddrG), "ADDR_G");
  EXPECT_EQ(Name(Category::kReport), "REPORT");
  EXPECT_EQ(Name(Agency::kSkoleK), "SKOLE_K");
  EXPECT_EQ(Name(Agency::kBup), "BUP");
  EXPECT_EQ(Name(Agency::kFlyk), "FLYK");
  EXPECT_EQ(Name(Verdict::kHuman), "HUMAN");
  EXPECT_EQ(Name(Missing::kConsentWithdrawn), "CONSENT_WITHDRAWN");
  EXPECT_EQ(Name(Missing::kHumanDecision), "HUMAN_DECISION");
}

TEST(Names, UnknownIsNoName) {
  EXPECT_FALSE(AgencyFromName("UNKNOWN"));
  EXPECT_FALSE(AgencyFromName("skole_k"));
  EXPECT_FALSE(CategoryFromName(""));
  EXPECT_FALSE(CategoryFromName("EDUC "));
}

TEST(Names, JoinIsInTheOrderOfTheEnum) {
  using enum Category;
  EXPECT_EQ(Join({}), "");
  EXPECT_EQ(Join(sample::Cats(kPlan, kEduc, kConcern)), "CONCERN|PLAN|EDUC");
  EXPECT_EQ(Join(sample::Cats(kNone, kEduc)), "EDUC");
}

}  // namespace
}  // namespace stafett::policy
