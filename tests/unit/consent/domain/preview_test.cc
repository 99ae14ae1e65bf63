// The preview answers with the rule file that the router decides with.
#include "consent/domain/preview.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "lib/policy/file.h"

namespace stafett::consent::domain {
namespace {
using policy::Agency;
using policy::Category;
using Categories = std::vector<Category>;

constexpr Time kNow{1'795'000'000'000};  // November 2026
const Party kSchool{"r-school", Agency::kSkoleK};
const Party kHealth{"r-health", Agency::kHst};
const Party kPpt{"r-ppt", Agency::kPpt};
const Party kWelfare{"r-welfare", Agency::kBvt};

const policy::RuleSet& Rules() {
  static const auto rules = policy::LoadRulesFile("deploy/policy/rules.yaml");
  if (!rules) throw std::runtime_error(rules.error().message);
  return *rules;
}

PreviewLine One(const Party& asking, const Party& to, const Categories& categories,
                std::vector<PreviewScope> others = {}) {
  others.insert(others.begin(), {to, categories});
  return Preview(Rules(), asking, "follow-up", others, kNow)[0];
}

TEST(Preview, The_school_may_tell_ppt_about_schooling_and_not_about_health) {
  auto line = One(kSchool, kPpt, {Category::kEduc, Category::kPlan, Category::kHealthd});
  EXPECT_EQ(line.allowed, (Categories{Category::kEduc, Category::kPlan}));
  EXPECT_EQ(line.refused, Categories{Category::kHealthd});
  EXPECT_TRUE(line.snapshot);
}

TEST(Preview, Without_the_plan_no_snapshot_comes) { EXPECT_FALSE(One(kSchool, kPpt, {Category::kEduc}).snapshot); }

// From the services that the consent names too: the health station may tell the school about health (T062).
TEST(Preview, What_other_named_services_may_tell_counts) {
  EXPECT_EQ(One(kSchool, kPpt, {Category::kHealthd}).refused, Categories{Category::kHealthd});
  auto line = One(kSchool, kPpt, {Category::kHealthd}, {{kHealth, {Category::kPlan}}});
  EXPECT_EQ(line.allowed, Categories{Category::kHealthd});
}

TEST(Preview, A_service_gets_nothing_from_itself) {
  EXPECT_EQ(One(kSchool, kSchool, {Category::kEduc}).refused, Categories{Category::kEduc});
}

TEST(Preview, Consent_does_not_open_what_a_gate_closes) {
  auto line = One(kSchool, kPpt, {Category::kAddrG, Category::kEduc});
  EXPECT_EQ(line.refused, Categories{Category::kAddrG});
}

TEST(Preview, No_rules_allow_nothing) {
  auto lines = Preview(policy::RuleSet(), kSchool, "follow-up", {{kPpt, {Category::kEduc}}}, kNow);
  EXPECT_TRUE(lines.at(0).allowed.empty());
}

TEST(Preview, Another_purpose_is_another_consent) {
  auto lines = Preview(Rules(), kSchool, "", {{kPpt, {Category::kEduc}}}, kNow);
  EXPECT_TRUE(lines.at(0).allowed.empty());
}

RC_GTEST_PROP(Preview, Every_category_asked_is_either_allowed_or_refused, ()) {
  auto pick = [](int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); };
  std::vector<PreviewScope> scopes;
  for (const auto& party : {kSchool, kHealth, kPpt, kWelfare}) {
    PreviewScope scope{party, {}};
    for (int c = 1; c < policy::kCategoryCount; ++c) {
      if (pick(2) == 0) scope.categories.push_back(static_cast<Category>(c));
    }
    if (!scope.categories.empty()) scopes.push_back(scope);
  }
  auto lines = Preview(Rules(), kSchool, "follow-up", scopes, kNow);
  RC_ASSERT(lines.size() == scopes.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (auto c : scopes[i].categories) {
      bool allowed = std::count(lines[i].allowed.begin(), lines[i].allowed.end(), c) == 1;
      bool refused = std::count(lines[i].refused.begin(), lines[i].refused.end(), c) == 1;
      RC_ASSERT(allowed != refused);
    }
    RC_ASSERT(lines[i].allowed.size() + lines[i].refused.size() == scopes[i].categories.size());
  }
}

}  // namespace
}  // namespace stafett::consent::domain
