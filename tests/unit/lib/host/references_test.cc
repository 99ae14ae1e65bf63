// A child as each service knows it (design §5, Identity: no oracle for "known").
#include "lib/host/references.h"

#include <gtest/gtest.h>

#include "lib/base/id.h"

namespace stafett::host {
namespace {

struct ReferencesTest : testing::Test {
  seal::Secret key = seal::Secret::Random();
  SealedReferences references{key};
  std::string child = NewId("ch");
};

TEST_F(ReferencesTest, Turn_back_for_the_service_that_has_them_also_in_another_process) {
  auto reference = references.ForService("r-school", child);
  EXPECT_EQ(reference.substr(0, 3), "cr-");
  EXPECT_EQ(references.ToChild("r-school", reference), child);
  EXPECT_EQ(SealedReferences(key).ToChild("r-school", reference), child);
}

TEST_F(ReferencesTest, Two_services_cannot_find_out_that_they_mean_the_same_child) {
  EXPECT_NE(references.ForService("r-school", child), references.ForService("r-ppt", child));
  // Another service's reference is a child that nobody knows, not an error that tells.
  auto other = references.ToChild("r-ppt", references.ForService("r-school", child));
  ASSERT_TRUE(other);
  EXPECT_NE(*other, child);
}

TEST_F(ReferencesTest, Two_recipients_cannot_find_out_that_they_mean_the_same_case) {
  auto case_id = NewId("ca");
  auto mine = references.CaseFor("r-school", case_id);
  EXPECT_EQ(mine.substr(0, 2), "k-");
  EXPECT_EQ(SealedReferences(key).CaseFor("r-school", case_id), mine);
  EXPECT_NE(references.CaseFor("r-ppt", case_id), mine);
}

TEST_F(ReferencesTest, The_name_that_a_service_was_told_of_a_case_is_the_case_for_that_service_alone) {
  auto case_id = NewId("ca");
  EXPECT_EQ(references.ToCase("r-school", references.CaseFor("r-school", case_id)), case_id);
  auto other = references.ToCase("r-ppt", references.CaseFor("r-school", case_id));
  ASSERT_TRUE(other);
  EXPECT_NE(*other, case_id);
  for (const char* wrong : {"", "k-", "k-ILOU"}) {
    auto refused = references.ToCase("r-school", wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().reason, "NOT_ALLOWED");
  }
}

TEST_F(ReferencesTest, What_is_no_reference_is_not_allowed_and_nothing_more_is_said) {
  for (const char* wrong : {"", "cr-", "nonsense", "cr-ILOU"}) {
    auto refused = references.ToChild("r-school", wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, Code::kPermissionDenied);
    EXPECT_EQ(refused.error().reason, "NOT_ALLOWED");
  }
}

}  // namespace
}  // namespace stafett::host
