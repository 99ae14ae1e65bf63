#include <gtest/gtest.h>

#include <tuple>

#include "sample.h"

namespace stafett::policy {
namespace {

TEST(Names, GoThereAndBack) {
  for (int i = 0; i < kCategoryCount; ++i) {
    auto category = static_cast<Category>(i);
    EXPECT_EQ(CategoryFromName(Name(category)), category);
  }
  for (int i = 1; i < kAgencyCount; ++i) {
    auto agency = static_cast<Agency>(i);
    EXPECT_EQ(AgencyFromName(Name(agency)), agency);
  }
  for (int i = 0; i <= static_cast<int>(Effect::kNeitherNor); ++i) {
    auto effect = static_cast<Effect>(i);
    EXPECT_EQ(EffectFromName(Name(effect)), effect);
  }
  for (int i = 0; i <= static_cast<int>(Start::kDuty); ++i) {
    auto start = static_cast<Start>(i);
    EXPECT_EQ(StartFromName(Name(start)), start);
  }
  for (int i = 0; i < kFactCount; ++i) {
    auto fact = static_cast<Fact>(i);
    EXPECT_EQ(FactFromName(Name(fact)), fact);
  }
  for (int i = 1; i < kRoleCount; ++i) {
    auto role = static_cast<Role>(i);
    EXPECT_EQ(RoleFromName(Name(role)), role);
  }
  for (int i = 0; i < 4; ++i) {
    auto assurance = static_cast<Assurance>(i);
    EXPECT_EQ(AssuranceFromName(Name(assurance)), assurance);
  }
}

TEST(Names, FactsAreAsTheRuleFileCallsThem) {
  EXPECT_EQ(Name(Fact::kChildUnder7), "child-under-7");
  EXPECT_EQ(Name(Fact::kObjected), "objected");
  EXPECT_EQ(Name(Fact::kParentalResponsibility), "parental-responsibility");
  EXPECT_EQ(Name(Fact::kLocationShield), "location-shield");
  EXPECT_EQ(Name(Fact::kReceiverReported), "receiver-reported");
  EXPECT_EQ(Name(Fact::kChildAlone), "child-alone");
}

// A leader is no health professional, and no rank is assigned to a child by being one.
TEST(Roles, IncludeWhatTheyMayDo) {
  EXPECT_TRUE(Includes(Role::kHolder, Role::kCase));
  EXPECT_TRUE(Includes(Role::kBvLead, Role::kLeader));
  EXPECT_TRUE(Includes(Role::kProf, Role::kAnyEmp));
  EXPECT_TRUE(Includes(Role::kNone, Role::kNone));
  EXPECT_FALSE(Includes(Role::kLeader, Role::kProf));
  EXPECT_FALSE(Includes(Role::kLeader, Role::kCase));
  EXPECT_FALSE(Includes(Role::kSubj, Role::kAnyEmp));
  EXPECT_FALSE(Includes(Role::kNone, Role::kSys));
  for (int a = 0; a < kRoleCount; ++a) {
    for (int b = 0; b < kRoleCount; ++b) {
      for (int c = 0; c < kRoleCount; ++c) {
        auto [x, y, z] = std::tuple(static_cast<Role>(a), static_cast<Role>(b), static_cast<Role>(c));
        EXPECT_TRUE(!(Includes(x, y) && Includes(y, z)) || Includes(x, z)) << Name(x) << Name(y) << Name(z);
      }
    }
  }
}

// Kleene: more knowledge never turns a yes into a no, or back.
TEST(Conditions, AreYesNoOrUnknown) {
  const Condition when{FactSet{}.With(Fact::kParty), FactSet{}.With(Fact::kInCare).With(Fact::kDeceased),
                       FactSet{}.With(Fact::kObjected)};
  Known known;
  EXPECT_EQ(Judge({}, known), Truth::kYes);
  EXPECT_EQ(Judge(when, known), Truth::kUnknown);
  known = known.With(Fact::kParty, Truth::kYes).With(Fact::kObjected, Truth::kNo);
  EXPECT_EQ(Judge(when, known), Truth::kUnknown);
  EXPECT_EQ(Judge(when, known.With(Fact::kDeceased, Truth::kYes)), Truth::kYes);
  EXPECT_EQ(Judge(when, known.With(Fact::kDeceased, Truth::kNo)), Truth::kUnknown);
  EXPECT_EQ(Judge(when, known.With(Fact::kDeceased, Truth::kNo).With(Fact::kInCare, Truth::kNo)), Truth::kNo);
  EXPECT_EQ(Judge(when, known.With(Fact::kParty, Truth::kNo)), Truth::kNo);
  EXPECT_EQ(Judge(when, known.With(Fact::kObjected, Truth::kYes)), Truth::kNo);
  // Said both ways is not known.
  Known both = known;
  both.no = both.no.With(Fact::kParty);
  EXPECT_EQ(both.Of(Fact::kParty), Truth::kUnknown);
  EXPECT_EQ(Judge(when, both.With(Fact::kInCare, Truth::kYes)), Truth::kUnknown);
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
