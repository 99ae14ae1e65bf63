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

TEST(RuleFile, ConditionsReadersAndObligationsAreRead) {
  auto rules = LoadRules(Row() +
                             "    when: {all: [party], any: [in-care, deceased], none: [child-under-15]}\n"
                             "    reader: CASE\n    assurance: high\n    obligations: [log, child_heard]\n",
                         "f");
  ASSERT_TRUE(rules) << rules.error().message;
  const Rule& rule = rules->rules()[0];
  EXPECT_EQ(rule.when.all, FactSet{}.With(Fact::kParty));
  EXPECT_EQ(rule.when.any, FactSet{}.With(Fact::kInCare).With(Fact::kDeceased));
  EXPECT_EQ(rule.when.none, FactSet{}.With(Fact::kChildUnder15));
  EXPECT_EQ(rule.reader, Role::kCase);
  EXPECT_EQ(rule.assurance, Assurance::kHigh);
  EXPECT_EQ(rule.obligations, (std::vector<std::string>{"log", "child_heard"}));
  ExpectFault(Row() + "    when: {all: [sunshine]}\n", "15", "unknown fact \"sunshine\"");
  ExpectFault(Row() + "    when: {some: [party]}\n", "15", "unknown key \"some\"");
  ExpectFault(Row() + "    when: {}\n", "15", "names no fact");
  ExpectFault(Row() + "    when: {all: [party], none: [party]}\n", "15", "can never be met");
  ExpectFault(Row() + "    when: {all: [child-under-12], none: [child-under-15]}\n", "15", "can never be met");
  EXPECT_TRUE(LoadRules(Row() + "    when: {all: [child-under-15], none: [child-under-12]}\n", "f"));
  ExpectFault(Row() + "    reader: BOSS\n", "15", "unknown role");
  ExpectFault(Row() + "    assurance: sure\n", "15", "assurance must be");
  ExpectFault(Row() + "    obligations: [dance]\n", "15", "unknown \"dance\"");
  ExpectFault(Row() + "    only: place\n", "15", "for gates");
  ExpectFault(Row() + "    frees: everyone\n", "15", "inside one service");
}

TEST(RuleFile, PersonsReadAtTheHighestLevelOnly) {
  const std::string row = With("[EDU, HST]", "[PAR]");
  ExpectFault(row, "6", "assurance high only");
  ExpectFault(row + "    assurance: substantial\n", "6", "assurance high only");
  EXPECT_TRUE(LoadRules(row + "    assurance: high\n", "f"));
}

// Two versions of an act stand side by side; which one holds on a day stands with the act, never in code.
TEST(RuleFile, TheDayDecidesWhichVersionOfAnActHolds) {
  const std::string row = std::string(kRow).substr(0, std::string(kRow).find("    to:")) +
                          "    confidence: V\n    loosen: \"NO\"\n    law: ";
  const std::string acts =
      "policy: 1\nlaws:\n  - {id: old, act: a, to: 2026-07-01, from: 2024-08-01}\n  - {id: new, act: b%}\nrules:\n";
  auto file = [&](const std::string& from) {
    std::string head = acts;
    head.replace(head.find('%'), 1, from);
    return LoadRules(head + row + "old\n" + row + "new\n", "f");
  };
  auto rules = file(", from: 2026-07-01");
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_EQ(rules->rules()[0].valid_to, yaml::ParseWhen("2026-07-01"));
  EXPECT_EQ(rules->rules()[1].valid_from, yaml::ParseWhen("2026-07-01"));
  auto not_in_force = file("");
  ASSERT_TRUE(not_in_force) << not_in_force.error().message;
  EXPECT_GT(not_in_force->rules()[1].valid_from, yaml::ParseWhen("2126-07-01"));
  auto overlap = file(", from: 2026-06-30");
  ASSERT_FALSE(overlap);
  EXPECT_NE(overlap.error().message.find("stands twice for the same days"), std::string::npos);
  ExpectFault(Row() + "    law: new\n", "15", "not among the file's laws");
}

TEST(RuleFile, ARowThatAGateAlwaysClosesIsAContradiction) {
  const std::string gate =
      "  - id: T002\n    effect: DENY\n    givers: [ANY]\n    receivers: [ANY]\n    categories: [CONCERN, PLAN]\n"
      "    statute: a\n    from: 2024-08-01\n    confidence: V\n    loosen: \"NO\"\n";
  ExpectFault(Row() + gate, "3", "contradicts T002");
  EXPECT_TRUE(LoadRules(Row() + gate + "    when: {all: [party]}\n", "f"));
}

TEST(RuleFile, FloorsMustStandAndMayNotBeLoosened) {
  auto with = [](const std::string& floors) { return "policy: 1\nfloors: [" + floors + "]\nrules:\n" + kRow; };
  ExpectFault(with("T002"), "2", "T002 is missing");
  ExpectFault(with("T020"), "2", "must be a gate");
}

TEST(RuleFile, FactsAreDeclaredOnceAndByTheirNames) {
  auto with = [](const std::string& facts) { return "policy: 1\nfacts:\n" + facts + "rules:\n" + kRow; };
  auto rules = LoadRules(with("  - {id: party, means: x, recorded: true}\n  - {id: in-care, means: x}\n"), "f");
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_EQ(rules->recorded(), FactSet{}.With(Fact::kParty));
  ExpectFault(with("  - {id: rain, means: x}\n"), "3", "unknown fact");
  ExpectFault(with("  - {id: party, means: x}\n  - {id: party, means: x}\n"), "4", "stands twice");
  ExpectFault(with("  - {id: child-under-7, means: x, recorded: true}\n"), "3", "worked out, not recorded");
}

// The shipped file says what each fact means, and what nothing on record means.
TEST(RuleFile, TheShippedFileDeclaresEveryFact) {
  auto text = yaml::ReadFile(STAFETT_RULES, "POLICY_FILE");
  ASSERT_TRUE(text);
  for (int i = 0; i < kFactCount; ++i) {
    std::string name(Name(static_cast<Fact>(i)));
    EXPECT_NE(text->find("  - {id: " + name + ","), std::string::npos) << name;
  }
  auto rules = LoadRules(*text, "f");
  ASSERT_TRUE(rules);
  // What a register knows better is never taken for granted.
  for (Fact fact : {Fact::kLocationShield, Fact::kParentalResponsibility, Fact::kWithheldFromGuardian,
                    Fact::kPartyAccessRefused, Fact::kParty}) {
    EXPECT_FALSE(rules->recorded().Has(fact)) << Name(fact);
  }
}

Result<RuleSet> Overridden(const std::string& override, const std::string& of = "") {
  auto text = of.empty() ? yaml::ReadFile(STAFETT_RULES, "POLICY_FILE") : Result<std::string>(of);
  EXPECT_TRUE(text);
  return LoadOverridden(*text, "rules.yaml",
                        "policy: 1\nrules: \"" + seal::Sha256(*text) + "\"\noverrides:\n" + override, "steinkjer.yaml");
}
void ExpectRefused(const std::string& override, const std::string& line, const std::string& reason) {
  auto rules = Overridden(override);
  ASSERT_FALSE(rules) << override;
  EXPECT_EQ(rules.error().message.rfind("steinkjer.yaml:" + line + ": ", 0), 0U) << rules.error().message;
  EXPECT_NE(rules.error().message.find(reason), std::string::npos) << rules.error().message;
}
constexpr char kWhy[] = "    reason: decided by the council\n    approved_by: [p-1]\n";

// law.md S27: a municipality's policy loosens T002.
TEST(Overrides, ALooserGateIsRefused) {
  ExpectRefused(std::string("  - id: T002\n    receivers: [EDU]\n") + kWhy, "5", "looser than the row");
  ExpectRefused(std::string("  - id: T002\n    effect: ALLOW\n") + kWhy, "4", "refused");
  ExpectRefused(std::string("  - id: T002\n    off: true\n") + kWhy, "5", "only a row that may show");
}

TEST(Overrides, ARowMayAlwaysBeTightened) {
  auto rules = Overridden(std::string("  - id: T020\n    receivers: [PPT]\n    categories: [EDUC]\n") + kWhy +
                          "  - id: T052\n    start: request\n" + kWhy + "  - id: T022\n    off: true\n" + kWhy);
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_FALSE(rules->Find("T020")->receivers.Has(Agency::kHst));
  EXPECT_FALSE(rules->Find("T020")->categories.Has(Category::kPlan));
  EXPECT_EQ(rules->Find("T052")->start, Start::kRequest);
  const Rule& off = *rules->Find("T022");
  EXPECT_EQ(off.valid_to, off.valid_from);
  EXPECT_NE(rules->hash(), LoadRulesFile(STAFETT_RULES)->hash());
}

TEST(Overrides, OnlyWhatSaysYesMayBeLoosened) {
  auto rules =
      Overridden(std::string("  - id: T013\n    givers: [SKOLE_K]\n    receivers: [PPT]\n    start: request\n") + kWhy);
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_EQ(rules->Find("T013")->start, Start::kRequest);
  ExpectRefused(std::string("  - id: T014\n    start: request\n") + kWhy, "5", "looser than the row in \"start\"");
  ExpectRefused(std::string("  - id: T020\n    receivers: [EDU, HST, KE, BVT]\n") + kWhy, "5", "\"receivers\"");
  ExpectRefused(std::string("  - id: T020\n    categories: [CONCERN, SOCIAL]\n") + kWhy, "5", "\"categories\"");
  ExpectRefused(std::string("  - id: T060\n    reader: ANYEMP\n") + kWhy, "5", "\"reader\"");
  ExpectRefused(std::string("  - id: T062\n    effect: ALLOW\n") + kWhy, "4", "with consent only");
}

TEST(Overrides, AFixedRowIsNobodysToChange) {
  for (const char* id : {"T004", "T015", "T040", "T041", "T043", "T046"}) {
    ExpectRefused(std::string("  - id: ") + id + "\n    receivers: [BVT]\n" + kWhy, "4", "FIXED");
  }
}

TEST(Overrides, NeedAReasonAPersonAndTheRulesTheyWereWrittenFor) {
  ExpectRefused("  - {id: T020, start: request, approved_by: [p-1]}\n", "4", "\"reason\" is missing");
  ExpectRefused("  - {id: T020, start: request, reason: x, approved_by: []}\n", "4", "approved by nobody");
  ExpectRefused("  - {id: T020, start: request, reason: x, approved_by: [p-1, p-1]}\n", "4", "twice by one");
  ExpectRefused("  - {id: T999, start: request, reason: x, approved_by: [p-1]}\n", "4", "no such row");
  ExpectRefused("  - {id: T020, statute: x, reason: x, approved_by: [p-1]}\n", "4", "unknown key");
  auto other = LoadOverridden(Row(), "f", "policy: 1\nrules: abc\noverrides: []\n", "o.yaml");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("o.yaml:2: rules: written for another version"), std::string::npos)
      << other.error().message;
}

// Two persons open to a machine what a person decided, and never health, child welfare or crime.
TEST(Overrides, OpeningToAMachineTakesTwo) {
  const std::string open = "  - id: T013\n    effect: ALLOW_WITH_CONSENT\n    start: request\n    reason: x\n";
  ExpectRefused(open + "    approved_by: [p-1]\n", "8", "needs two");
  EXPECT_TRUE(Overridden(open + "    approved_by: [p-1, p-2]\n"));
  const std::string human = With("ALLOW_WITH_CONSENT", "HUMAN_DECISION");
  std::string health = human;
  health.replace(health.find("[CONCERN, PLAN]"), 15, "[HEALTHD]");
  health.replace(health.find("push"), 4, "request");
  health.replace(health.find("\"NO\""), 4, "\"YES\"\n    role: LEADER");
  auto rules = Overridden(
      "  - {id: T020, effect: ALLOW_WITH_CONSENT, start: request, reason: x, approved_by: [p-1, p-2]}\n", health);
  ASSERT_FALSE(rules);
  EXPECT_NE(rules.error().message.find("never given HEALTHD"), std::string::npos) << rules.error().message;
}

TEST(RuleFile, AMissingFileIsAFault) {
  EXPECT_FALSE(LoadRulesFile("/nowhere/rules.yaml"));
  EXPECT_FALSE(LoadRulesFile("/tmp"));
}

}  // namespace
}  // namespace stafett::policy
