// Runs every *.yaml of this folder against deploy/policy/rules.yaml, one test each; and shows that
// the runner itself notices wrong files and wrong claims.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "lib/policy/assertion_file.h"
#include "lib/policy/file.h"
#include "lib/policy/strict_yaml.h"

namespace stafett::policy::files {
namespace {

std::vector<std::string> Files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(STAFETT_POLICY_TESTS)) {
    if (entry.path().extension() == ".yaml") out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string Short(const std::string& path) {
  return std::filesystem::path(path).lexically_relative(STAFETT_POLICY_TESTS).string();
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = std::filesystem::path(Short(info.param)).replace_extension().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

class PolicyFile : public testing::TestWithParam<std::string> {};

Result<AssertionFile> ReadAssertions(const std::string& path) {
  STAFETT_TRY(std::string text, yaml::ReadFile(path, "ASSERTION_FILE"));
  return Parse(text, "tests/policy/" + Short(path));
}

TEST_P(PolicyFile, Holds) {
  auto rules = LoadRulesFile(STAFETT_RULES);
  ASSERT_TRUE(rules) << rules.error().message;
  auto file = ReadAssertions(GetParam());
  ASSERT_TRUE(file) << file.error().message;
  for (const std::string& failure : Check(*rules, *file)) ADD_FAILURE() << failure;
  Coverage coverage;
  for (const std::string& failure : CheckTurns(*rules, *file, coverage)) ADD_FAILURE() << failure;
}

// The rows of the catalogue (law.md §9.1).
constexpr auto kCatalogue = std::to_array<std::string_view>(
    {"T001", "T002", "T003", "T004", "T005", "T006", "T010", "T011", "T012", "T013", "T014", "T015",
     "T016", "T020", "T021", "T022", "T023", "T024", "T025", "T026", "T027", "T028", "T029", "T040",
     "T041", "T042", "T043", "T044", "T045", "T046", "T047", "T048", "T049", "T050", "T051", "T052",
     "T053", "T060", "T061", "T062", "T063", "T064", "T065", "T066", "T067", "T068", "T070", "T071",
     "T072", "T073", "T074", "T080", "T081", "T082", "T090", "T091", "T092", "T093", "T094", "T095"});

// Every row of the file is loaded, reached, and answered both ways by lines that differ in a single fact.
TEST(RuleTable, EveryRowIsCovered) {
  auto rules = LoadRulesFile(STAFETT_RULES);
  ASSERT_TRUE(rules) << rules.error().message;
  for (std::string_view id : kCatalogue) EXPECT_NE(rules->Find(id), nullptr) << id << " is not loaded";
  Coverage coverage;
  for (const std::string& path : Files()) {
    auto file = ReadAssertions(path);
    ASSERT_TRUE(file) << file.error().message;
    for (const std::string& failure : CheckTurns(*rules, *file, coverage)) ADD_FAILURE() << failure;
  }
  std::printf("%-7s %-22s %-12s %-6s %-7s %5s %5s  %s\n", "row", "effect", "from", "conf", "reached", "allow", "deny",
              "statute");
  for (std::size_t i = 0; i < rules->rules().size(); ++i) {
    const Rule& rule = rules->rules()[i];
    const Counts counts = coverage[static_cast<std::int16_t>(i)];
    const bool in_force = rule.valid_from.ms < std::numeric_limits<std::int64_t>::max();
    std::printf("%-7s %-22s %-12s %-6s %-7s %5d %5d  %s\n", rule.id.c_str(), std::string(Name(rule.effect)).c_str(),
                in_force ? "in force" : "not yet", rule.confidence.c_str(), counts.allow > 0 ? "yes" : "no",
                counts.allow, counts.deny, rule.statute.c_str());
    if (!in_force) continue;
    EXPECT_TRUE(counts.allow > 0 && counts.deny > 0)
        << rule.id << " (" << rule.statute << "): no turn in tests/policy shows it both ways";
  }
}

INSTANTIATE_TEST_SUITE_P(All, PolicyFile, testing::ValuesIn(Files()), TestName);

constexpr char kFile[] =
    "law: fvl §13a nr 1\n"
    "at: 2026-11-21T09:00:00Z\n"
    "recipients: {r-ppt: PPT, r-bvt: BVT}\n"
    "facts:\n"
    "  consents:\n"
    "    - {id: k, recipient: r-ppt, categories: [EDUC], from: 2026-11-01, until: 2027-11-01}\n"
    "allow:\n"
    "  - r-ppt learns EDUC from SKOLE_K\n";

void ExpectFault(const std::string& text, const std::string& place, const std::string& reason) {
  auto file = Parse(text, "f.yaml");
  ASSERT_FALSE(file) << text;
  EXPECT_EQ(file.error().message.rfind("f.yaml:" + place + ": ", 0), 0U) << file.error().message;
  EXPECT_NE(file.error().message.find(reason), std::string::npos) << file.error().message;
}

TEST(AssertionFile, AWrongFileGivesLineAndReason) {
  const std::string good = kFile;
  ASSERT_TRUE(Parse(good, "f.yaml"));
  ExpectFault("a: 1\n", "1", "unknown key \"a\"");
  ExpectFault(good + "  - r-vgs learns EDUC from SKOLE_K\n", "9", "not among the recipients");
  ExpectFault(good + "  - r-ppt reads EDUC from SKOLE_K\n", "9", "learns <CATEGORIES>");
  ExpectFault(good + "  - r-ppt learns EDUK from SKOLE_K\n", "9", "unknown category");
  ExpectFault(good + "  - r-ppt learns EDUC from SKOLEN\n", "9", "cannot read \"from SKOLEN\"");
  ExpectFault(good + "  - r-ppt learns EDUC\n", "9", "\"from\" is missing");
  ExpectFault(good + "  - r-ppt learns EDUC from\n", "9", "nothing follows");
  ExpectFault(good + "  - r-ppt learns EDUC of PLAN from SKOLE_K\n", "9", "learns more");
  ExpectFault(good + "  - r-ppt learns EDUC from SKOLE_K on duty\n", "9", "cannot read");
  ExpectFault(good + "  - r-ppt learns EDUC from SKOLE_K because RAIN\n", "9", "cannot read");
  ExpectFault(good + "  - [r-ppt]\n", "9", "a line of text");
  ExpectFault(good + "then:\n  - {says: x, withdraw: q, deny: [r-ppt learns EDUC from SKOLE_K]}\n", "10",
              "no consent \"q\"");
  ExpectFault(good + "then:\n  - {says: x}\n", "10", "asserts nothing");
  ExpectFault(good + "then:\n  - {says: x, at: 2026-11-20, deny: [r-ppt learns EDUC from PPT]}\n", "10", "earlier");
  ExpectFault("law: x\nat: 2026-11-21\nrecipients: {r-ppt: PPT}\n", "1", "asserts nothing");
  ExpectFault("law: x\nat: 2026-11-21\nrecipients: {r-ppt: PTT}\n", "3", "unknown kind");
}

// A claim that is not so is told with its place: this is what keeps the other files honest.
TEST(AssertionFile, AWrongClaimIsNoticed) {
  auto rules = LoadRulesFile(STAFETT_RULES);
  ASSERT_TRUE(rules);
  auto failures = [&](const std::string& more) {
    auto file = Parse(kFile + more, "f.yaml");
    EXPECT_TRUE(file) << file.error().message;
    return file ? Check(*rules, *file) : std::vector<std::string>{};
  };
  EXPECT_TRUE(failures("").empty());
  auto told = failures("  - r-bvt learns EDUC from SKOLE_K on push\n");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].rfind("f.yaml:9: does not hold on push: r-bvt learns", 0), 0U) << told[0];
  // Shown more or less than the line says, another rule, another reason, denied though shown.
  EXPECT_FALSE(failures("  - r-ppt learns PLAN of EDUC|PLAN from SKOLE_K\n").empty());
  EXPECT_FALSE(failures("  - r-ppt learns EDUC|PLAN from SKOLE_K\n").empty());
  EXPECT_FALSE(failures("  - r-ppt learns EDUC from SKOLE_K by T021\n").empty());
  EXPECT_FALSE(failures("  - r-ppt learns EDUC from SKOLE_K because CONSENT\n").empty());
  EXPECT_FALSE(failures("deny: [r-ppt learns EDUC from SKOLE_K]\n").empty());
  EXPECT_FALSE(failures("deny: [r-ppt learns PLAN of PLAN|EDUC from SKOLE_K because RULE]\n").empty());
  EXPECT_FALSE(failures("human: [r-ppt learns PLAN from SKOLE_K]\n").empty());
  EXPECT_FALSE(failures("then: [{says: x, withdraw: k, allow: [r-ppt learns EDUC from SKOLE_K]}]\n").empty());
}

}  // namespace
}  // namespace stafett::policy::files
