#include "lib/policy/differences.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "lib/policy/file.h"
#include "lib/policy/strict_yaml.h"

namespace stafett::policy {
namespace {
using Kind = Difference::Kind;

const RuleSet& Real() {
  static const RuleSet rules = LoadRulesFile(STAFETT_RULES).value();
  return rules;
}
RuleSet With(std::vector<Rule> rows, FactSet recorded = Real().recorded()) { return {std::move(rows), "h", recorded}; }
std::vector<Rule> Rows() { return {Real().rules().begin(), Real().rules().end()}; }
Rule& Row(std::vector<Rule>& rows, const std::string& id) {
  return *std::find_if(rows.begin(), rows.end(), [&](const Rule& rule) { return rule.id == id; });
}

TEST(Differences, Of_a_file_with_itself_there_are_none) { EXPECT_FALSE(Compare(Real(), With(Rows())).Any()); }

TEST(Differences, Say_which_key_of_a_row_is_another_in_the_files_words) {
  auto rows = Rows();
  auto& t020 = Row(rows, "T020");
  t020.categories = t020.categories.Minus(CategorySet{}.With(Category::kEduc));
  t020.reader = Role::kProf;
  const auto found = Compare(Real(), With(rows));
  ASSERT_EQ(found.rows.size(), 1U);
  EXPECT_EQ(found.rows[0].kind, Kind::kChanged);
  EXPECT_EQ(found.rows[0].row, "T020");
  EXPECT_EQ(found.rows[0].parts, (std::vector<Difference::Part>{{"categories", "CONCERN|PLAN|EDUC", "CONCERN|PLAN"},
                                                                {"reader", "", "PROF"}}));
  EXPECT_FALSE(found.reordered);
}

// A key that is compared by nobody would let a change pass unseen.
TEST(Differences, Every_member_of_a_row_is_compared) {
  const std::vector<std::pair<std::string, std::function<void(Rule&)>>> changes = {
      {"effect", [](Rule& r) { r.effect = Effect::kDuty; }},
      {"givers", [](Rule& r) { r.givers = r.givers.With(Agency::kReporter); }},
      {"receivers", [](Rule& r) { r.receivers = r.receivers.With(Agency::kReporter); }},
      {"categories", [](Rule& r) { r.categories = r.categories.With(Category::kCrime); }},
      {"when", [](Rule& r) { r.when.all = r.when.all.With(Fact::kChildAlone); }},
      {"when", [](Rule& r) { r.when.any = r.when.any.With(Fact::kChildAlone); }},
      {"when", [](Rule& r) { r.when.none = r.when.none.With(Fact::kChildAlone); }},
      {"only", [](Rule& r) { r.only = Only::kPlace; }},
      {"reader", [](Rule& r) { r.reader = Role::kDpo; }},
      {"assurance", [](Rule& r) { r.assurance = Assurance::kLow; }},
      {"frees", [](Rule& r) { r.frees_everyone = !r.frees_everyone; }},
      {"purpose", [](Rule& r) { r.purpose = "another"; }},
      {"statute", [](Rule& r) { r.statute += "x"; }},
      {"basis", [](Rule& r) { r.basis += "x"; }},
      {"start", [](Rule& r) { r.start = Start::kDuty; }},
      {"role", [](Rule& r) { r.role = "LEADER"; }},
      {"from", [](Rule& r) { r.valid_from.ms += 1000; }},
      {"to", [](Rule& r) { r.valid_to = Time{4'102'444'800'000}; }},
      {"confidence", [](Rule& r) { r.confidence = "T"; }},
      {"loosen", [](Rule& r) { r.loosen = "FIXED"; }},
      {"obligations", [](Rule& r) { r.obligations.emplace_back("another"); }},
  };
  for (const auto& [key, change] : changes) {
    auto rows = Rows();
    change(Row(rows, "T020"));
    const auto found = Compare(Real(), With(rows));
    ASSERT_EQ(found.rows.size(), 1U) << key;
    ASSERT_EQ(found.rows[0].parts.size(), 1U) << key;
    EXPECT_EQ(found.rows[0].parts[0].key, key);
  }
}

TEST(Differences, A_row_that_is_gone_or_new_is_told_whole) {
  auto rows = Rows();
  rows.erase(std::find_if(rows.begin(), rows.end(), [](const Rule& rule) { return rule.id == "T062"; }));
  for (const auto& [before, after, kind] :
       {std::tuple(Real(), With(rows), Kind::kRemoved), std::tuple(With(rows), Real(), Kind::kAdded)}) {
    const auto found = Compare(before, after);
    ASSERT_EQ(found.rows.size(), 1U);
    EXPECT_EQ(found.rows[0].kind, kind);
    EXPECT_EQ(found.rows[0].row, "T062");
    const auto& parts = found.rows[0].parts;
    auto statute = std::find_if(parts.begin(), parts.end(), [](const auto& part) { return part.key == "statute"; });
    ASSERT_NE(statute, parts.end());
    EXPECT_EQ(kind == Kind::kAdded ? statute->after : statute->before, "hpl §22");
  }
}

TEST(Differences, Of_rows_with_one_id_each_is_compared_with_its_own) {
  auto rows = Rows();
  auto later = Row(rows, "T020");
  later.valid_from = Time{4'102'444'800'000};
  auto before = rows, after = rows;
  before.push_back(later);
  later.statute = "another act";
  after.push_back(later);
  const auto found = Compare(With(before), With(after));
  ASSERT_EQ(found.rows.size(), 1U);
  EXPECT_EQ(found.rows[0].row, "T020 from 2100-01-01T00:00:00Z");
  EXPECT_EQ(found.rows[0].parts[0].key, "statute");
  // How a law changes: the row that holds gets a successor, and is the same.
  const auto added = Compare(Real(), With(after));
  ASSERT_EQ(added.rows.size(), 1U);
  EXPECT_EQ(added.rows[0].kind, Kind::kAdded);
  EXPECT_EQ(added.rows[0].row, "T020 from 2100-01-01T00:00:00Z");
}

TEST(Differences, Order_and_recorded_facts_count_too) {
  auto rows = Rows();
  std::swap(rows[3], rows[4]);
  const auto moved = Compare(Real(), With(rows));
  EXPECT_TRUE(moved.rows.empty());
  EXPECT_TRUE(moved.reordered && moved.Any());
  const auto facts = Compare(Real(), With(Rows(), Real().recorded().Minus(Real().recorded())));
  ASSERT_EQ(facts.rows.size(), Real().recorded().Empty() ? 0U : 1U);
  for (const auto& row : facts.rows) EXPECT_EQ(row.row, "facts");
}

}  // namespace
}  // namespace stafett::policy
