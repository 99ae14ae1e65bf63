#include "lib/policy/file.h"

#include <gtest/gtest.h>

#include <string>

#include "lib/policy/strict_yaml.h"
#include "lib/seal/seal.h"
#include "sample.h"

namespace stafett::policy {
namespace {

constexpr char kHead[] = "policy: 1\nrules:\n";
constexpr char kRow[] =
    "  - id: T020\n"                     // line 3
    "    effect: ALLOW_WITH_CONSENT\n"   // 4
    "    givers: [EDU]\n"                // 5
    "    receivers: [EDU, HST]\n"        // 6
    "    categories: [CONCERN, PLAN]\n"  // 7
    "    statute: fvl §13a nr 1\n"       // 8
    "    basis: GDPR art 6(1)(e)\n"      // 9
    "    start: push\n"                  // 10
    "    from: 2024-08-01\n"             // 11
    "    to: 2027-01-01\n"               // 12
    "    confidence: V\n"                // 13
    "    loosen: \"NO\"\n";              // 14

std::string Row() { return std::string(kHead) + kRow; }

// The row with one piece replaced.
std::string With(const std::string& from, const std::string& to) {
  std::string text = Row();
  auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void ExpectFault(const std::string& text, const std::string& line, const std::string& reason) {
  auto rules = LoadRules(text, "rules.yaml");
  ASSERT_FALSE(rules) << text;
  EXPECT_EQ(rules.error().code, Code::kInvalidArgument);
  EXPECT_EQ(rules.error().reason, "POLICY_FILE");
  EXPECT_EQ(rules.error().message.rfind("rules.yaml:" + line + ": ", 0), 0U) << rules.error().message;
  EXPECT_NE(rules.error().message.find(reason), std::string::npos) << rules.error().message;
  EXPECT_EQ(rules.error().metadata["line"], line);
}

TEST(RuleFile, ARowIsReadWhole) {
  using enum Category;
  auto rules = LoadRules(Row(), "rules.yaml");
  ASSERT_TRUE(rules) << rules.error().message;
  ASSERT_EQ(rules->rules().size(), 1U);
  const Rule& rule = rules->rules()[0];
  EXPECT_EQ(rule.id, "T020");
  EXPECT_EQ(rule.effect, Effect::kAllowWithConsent);
  EXPECT_TRUE(rule.givers.Has(Agency::kPpt));
  EXPECT_FALSE(rule.givers.Has(Agency::kHst));
  EXPECT_FALSE(rule.givers.Has(Agency::kUnknown));
  EXPECT_TRUE(rule.receivers.Has(Agency::kHst));
  EXPECT_EQ(rule.categories, sample::Cats(kConcern, kPlan));
  EXPECT_EQ(rule.statute, "fvl §13a nr 1");
  EXPECT_EQ(rule.basis, "GDPR art 6(1)(e)");
  EXPECT_EQ(rule.start, Start::kPush);
  EXPECT_EQ(rule.valid_from, yaml::ParseWhen("2024-07-31T22:00:00Z"));  // midnight in Oslo
  EXPECT_EQ(rule.valid_to, yaml::ParseWhen("2026-12-31T23:00:00Z"));
  EXPECT_EQ(rule.confidence, "V");
  EXPECT_EQ(rule.loosen, "NO");
  EXPECT_EQ(rules->hash(), seal::Sha256(Row()));
}

TEST(RuleFile, FaultsNameLineAndReason) {
  ExpectFault(With("    statute:", "    statue:"), "8", "unknown key \"statue\"");
  ExpectFault(With("[EDU]", "[SKOL]"), "5", "unknown agency \"SKOL\"");
  ExpectFault(With("[EDU]", "[UNKNOWN]"), "5", "unknown agency");
  ExpectFault(With("PLAN]", "PLANS]"), "7", "unknown category \"PLANS\"");
  ExpectFault(With("PLAN]", "NONE]"), "7", "unknown category \"NONE\"");
  ExpectFault(With("ALLOW_WITH_CONSENT", "ALOW"), "4", "unknown effect \"ALOW\"");
  ExpectFault(With("push", "sometimes"), "10", "start must be");
  ExpectFault(With("confidence: V", "confidence: v"), "13", "confidence must be");
  ExpectFault(With("\"NO\"", "\"no\""), "14", "loosen must be");
  ExpectFault(With("id: T020", "id: t020"), "3", "id must be like");
  ExpectFault(With("2027-01-01", "2024-08-01"), "12", "later than");
  ExpectFault(With("2027-01-01", "2027-02-30"), "12", "a date");
  ExpectFault(With("[CONCERN, PLAN]", "[]"), "7", "at least one");
  ExpectFault(With("[EDU, HST]", "[]"), "6", "at least one");
  ExpectFault(With("[EDU]", "EDU"), "5", "a list is expected");
  ExpectFault(With("    basis: GDPR art 6(1)(e)\n", ""), "4", "\"basis\" is missing");
  ExpectFault(With("    statute: fvl §13a nr 1\n", ""), "3", "\"statute\" is missing");
  ExpectFault(With("    statute: fvl §13a nr 1\n", "    statute:\n"), "8", "a text is expected");
  ExpectFault(With("    start: push\n", ""), "4", "\"start\" is missing");
  ExpectFault(With("    start: push\n", "    start: push\n    start: push\n"), "11", "stands twice");
  ExpectFault(Row() + kRow, "15", "T020: this id stands twice");
}

TEST(RuleFile, FaultsOfTheWholeFile) {
  ExpectFault("", "1", "one YAML document");
  ExpectFault("policy: 1\n", "1", "\"rules\" is missing");
  ExpectFault("policy: 2\nrules: [1]\n", "1", "only version 1");
  ExpectFault("policy: 1\nrules: []\n", "1", "the list is empty");
  ExpectFault("policy: 1\nrules: [1]\n", "2", "keys with values are expected");
  ExpectFault("policy: 1\nrules:\n  - {id: [\n", "4", "not YAML");
  ExpectFault(Row() + "---\n" + Row(), "1", "found 2");
  ExpectFault(Row() + "more: 1\n", "15", "unknown key \"more\"");
}

// law.md §9.8: never without consent; T002, R2-09: never at all.
TEST(RuleFile, ARowThatWouldOpenTooMuchIsRefused) {
  for (const char* special : {"HEALTHD", "WELFARE", "CRIME", "SOCIAL", "THIRD", "CHILDSAY"}) {
    std::string text = With("[CONCERN, PLAN]", std::string("[") + special + "]");
    text.replace(text.find("ALLOW_WITH_CONSENT"), 18, "ALLOW");
    ExpectFault(text, "7", "with consent only");
  }
  for (const char* never : {"ADDR_G", "REPORT", "LOG"}) {
    ExpectFault(With("PLAN]", std::string(never) + "]"), "7", "no row may allow");
  }
  ExpectFault(With("[CONCERN, PLAN]", "[\"*\"]"), "7", "no row may allow ADDR_G|REPORT|LOG");
}

TEST(RuleFile, ObjectionRowsAreForHealthCareOnly) {
  auto objection = [](const std::string& givers, const std::string& receivers, const std::string& more) {
    return std::string(kHead) + "  - id: T060\n    effect: ALLOW_UNLESS_OBJECTED\n    givers: [" + givers +
           "]\n    receivers: [" + receivers +
           "]\n    categories: [HEALTHD]\n    statute: a\n    basis: b\n    from: 2026-07-01\n"
           "    confidence: V\n    loosen: \"NO\"\n" +
           more;
  };
  auto good = LoadRules(objection("HEALTH", "BUP", "    start: request\n    purpose: care\n"), "f");
  EXPECT_TRUE(good) << good.error().message;
  ExpectFault(objection("HEALTH", "SKOLE_K", "    start: request\n    purpose: care\n"), "6",
              "health services on both sides");
  ExpectFault(objection("PPT", "BUP", "    start: request\n    purpose: care\n"), "6", "health services on both sides");
  ExpectFault(objection("HEALTH", "BUP", "    start: push\n    purpose: care\n"), "13", "by request only");
  ExpectFault(objection("HEALTH", "BUP", "    start: request\n"), "4", "\"purpose\"");
}

TEST(RuleFile, RowsForPeopleAreNeverPushedAndNameWhoActs) {
  auto human = [](const std::string& effect, const std::string& more) {
    return std::string(kHead) + "  - id: T013\n    effect: " + effect +
           "\n    givers: [PPT]\n    receivers: [BVT]\n    categories: [CONCERN]\n"
           "    statute: a\n    from: 2026-07-01\n    confidence: V\n    loosen: FIXED\n" +
           more;
  };
  EXPECT_TRUE(LoadRules(human("HUMAN_DECISION", "    start: request\n    role: LEADER\n"), "f"));
  EXPECT_TRUE(LoadRules(human("MUST_DISCLOSE", "    start: duty\n    role: ANYEMP\n"), "f"));
  ExpectFault(human("HUMAN_DECISION", "    start: push\n    role: LEADER\n"), "12", "never pushed");
  ExpectFault(human("MUST_DISCLOSE", "    start: request\n    role: LEADER\n"), "12", "by duty only");
  ExpectFault(human("HUMAN_DECISION", "    start: request\n"), "4", "\"role\" is missing");
}

TEST(RuleFile, RowsThatDenyAlwaysHold) {
  auto deny = [](const std::string& effect, const std::string& category, const std::string& more) {
    return std::string(kHead) + "  - id: T001\n    effect: " + effect +
           "\n    givers: [ANY]\n    receivers: [ANY]\n    categories: [" + category +
           "]\n    statute: a\n    from: 2026-07-01\n    confidence: V\n    loosen: \"NO\"\n" + more;
  };
  EXPECT_TRUE(LoadRules(deny("DENY", "ADDR_G", ""), "f"));
  EXPECT_TRUE(LoadRules(deny("DEFAULT", "\"*\"", ""), "f"));
  ExpectFault(deny("DENY", "ADDR_G", "    start: push\n"), "4", "always holds");
  ExpectFault(deny("DENY", "ADDR_G", "    purpose: x\n"), "4", "always holds");
  ExpectFault(deny("DEFAULT", "EDUC", ""), "4", "ANY, ANY");
}

TEST(RuleFile, TheShippedFileLoadsAndCloses) {
  auto rules = LoadRulesFile(STAFETT_RULES);
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_EQ(rules->hash().size(), 64U);
  // Floors (law.md §9.8).
  for (const char* id : {"T001", "T002", "T003", "T004", "T040", "T041", "T043", "T046"}) {
    ASSERT_NE(rules->Find(id), nullptr) << id;
    EXPECT_NE(rules->Find(id)->loosen, "YES") << id;
  }
  EXPECT_EQ(rules->Find("T001")->effect, Effect::kDefault);
  EXPECT_EQ(rules->Find("T002")->effect, Effect::kDeny);
  for (const Rule& rule : rules->rules()) {
    EXPECT_FALSE(rule.statute.empty()) << rule.id;
    // Without anybody's consent a machine tells the family what is theirs, and colleagues what their service has.
    if (rule.effect != Effect::kAllow) continue;
    EXPECT_EQ(rule.assurance, Assurance::kHigh) << rule.id;
    EXPECT_NE(rule.reader, Role::kNone) << rule.id;
    EXPECT_TRUE(rule.when.all.Has(Fact::kSameService) || !rule.receivers.Has(Agency::kSkoleK)) << rule.id;
  }
}

TEST(RuleFile, AMissingFileIsAFault) {
  EXPECT_FALSE(LoadRulesFile("/nowhere/rules.yaml"));
  EXPECT_FALSE(LoadRulesFile("/tmp"));
}

}  // namespace
}  // namespace stafett::policy
