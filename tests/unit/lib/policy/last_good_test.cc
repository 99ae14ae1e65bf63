#include "lib/policy/last_good.h"

#include <gtest/gtest.h>

#include <string>

#include "lib/policy/strict_yaml.h"

namespace stafett::policy {
namespace {
using Seen = LastGood::Seen;

std::string Rules() {
  static const std::string text = yaml::ReadFile(STAFETT_RULES, "POLICY_FILE").value();
  return text;
}
// Other bytes, the same rules.
std::string Later() { return Rules() + "# read again by the lawyer\n"; }
// T002, which keeps graded addresses from everybody, as a row that each controller may loosen.
std::string Looser() {
  auto text = Rules();
  const auto row = text.find("  - id: T002");
  const auto at = text.find("loosen: \"NO\"", row);
  return text.replace(at, 12, "loosen: \"YES\"");
}
tl::unexpected<Error> Gone() { return Fail(Code::kInvalidArgument, "POLICY_FILE", "rules.yaml: cannot be read"); }

TEST(LastGood, The_first_file_is_judged_at_once) {
  LastGood file("rules.yaml");
  EXPECT_EQ(file.rules(), nullptr);
  EXPECT_EQ(file.Look(Rules()), Seen::kGood);
  EXPECT_EQ(file.rules()->text, Rules());
  EXPECT_FALSE(file.fault());
  EXPECT_EQ(file.Look(Rules()), Seen::kSame);
}

TEST(LastGood, A_file_that_is_refused_changes_nothing_and_says_where_its_fault_is) {
  LastGood file("rules.yaml");
  (void)file.Look(Rules());
  (void)file.Look(Looser());
  EXPECT_EQ(file.Look(Looser()), Seen::kRefused);
  EXPECT_EQ(file.rules()->text, Rules());
  ASSERT_TRUE(file.fault());
  EXPECT_EQ(file.fault()->message.rfind("rules.yaml:", 0), 0U) << file.fault()->message;
  EXPECT_NE(file.fault()->message.find("T002 may not be loosened"), std::string::npos) << file.fault()->message;
  EXPECT_EQ(file.Look(Looser()), Seen::kSame) << "said once";
}

TEST(LastGood, A_file_that_is_gone_is_refused_like_any_other) {
  LastGood file("rules.yaml");
  (void)file.Look(Rules());
  (void)file.Look(Gone());
  EXPECT_EQ(file.Look(Gone()), Seen::kRefused);
  EXPECT_EQ(file.rules()->text, Rules());
}

TEST(LastGood, Mended_it_is_good_again_whether_as_it_was_or_other) {
  for (const auto& mended : {Rules(), Later()}) {
    LastGood file("rules.yaml");
    (void)file.Look(Rules());
    (void)file.Look(Looser());
    (void)file.Look(Looser());
    EXPECT_EQ(file.Look(mended), Seen::kSame);
    EXPECT_EQ(file.Look(mended), Seen::kGood);
    EXPECT_EQ(file.rules()->text, mended);
    EXPECT_FALSE(file.fault());
  }
}

// The rows are in the order of evaluation, and gates stand first: but the row that is cut may be a gate.
TEST(LastGood, What_is_half_way_being_saved_is_not_judged) {
  LastGood file("rules.yaml");
  (void)file.Look(Rules());
  const auto later = Later();
  for (std::size_t n : {later.size() / 4, later.size() / 2, later.size()}) {
    EXPECT_EQ(file.Look(later.substr(0, n)), Seen::kSame);
    EXPECT_EQ(file.rules()->text, Rules());
  }
  EXPECT_EQ(file.Look(later), Seen::kGood);
  EXPECT_EQ(file.rules()->text, later);
}

TEST(LastGood, Before_any_good_file_there_are_no_rules) {
  LastGood file("rules.yaml");
  EXPECT_EQ(file.Look(Looser()), Seen::kRefused);
  EXPECT_EQ(file.rules(), nullptr);
  (void)file.Look(Rules());
  EXPECT_EQ(file.Look(Rules()), Seen::kGood);
  EXPECT_NE(file.rules(), nullptr);
}

}  // namespace
}  // namespace stafett::policy
