// Who must consent, by the shipped table (law.md §9.3), and what the table's loader refuses.
#include "lib/policy/capacity.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "lib/policy/capacity_file.h"
#include "sample.h"

namespace stafett::policy {
namespace {

using sample::kNow;

const std::vector<CapacityRow>& Law() {
  static const auto law = LoadCapacityFile(STAFETT_CONSENT);
  EXPECT_TRUE(law) << law.error().message;
  static const std::vector<CapacityRow> none;
  return law ? *law : none;
}

constexpr std::array<Fact, 4> kFamily = {Fact::kInCare, Fact::kCannotDecide, Fact::kOneParentEnough, Fact::kChildAlone};

// An ordinary family: nothing of what makes it otherwise.
Known Ordinary() {
  Known out;
  for (Fact fact : kFamily) out = out.With(fact, Truth::kNo);
  return out;
}
Known But(Fact fact, Truth truth = Truth::kYes) { return Ordinary().With(fact, truth); }

std::string Who(int age, Domain domain, const Known& family = Ordinary()) {
  Capacity c = WhoMustConsent(Law(), age, domain, family, kNow);
  if (!c.settled) return "unsettled";
  std::string out;
  for (int i = 0; i < kConsenterCount; ++i) {
    auto who = static_cast<Consenter>(i);
    if (c.who.Has(who)) out += (out.empty() ? "" : "+") + std::string(Name(who));
  }
  return out;
}
Voice VoiceAt(int age, Domain domain) { return WhoMustConsent(Law(), age, domain, Ordinary(), kNow).voice; }

// pbrl §4-3, §4-4
TEST(WhoMustConsent, Health) {
  EXPECT_EQ(Who(0, Domain::kHealth), "PARENTS");
  EXPECT_EQ(Who(15, Domain::kHealth), "PARENTS");
  EXPECT_EQ(Who(16, Domain::kHealth), "CHILD");
  EXPECT_EQ(Who(17, Domain::kHealth), "CHILD");
  EXPECT_EQ(Who(18, Domain::kHealth), "SELF");
  EXPECT_EQ(Who(6, Domain::kHealth, But(Fact::kOneParentEnough)), "ONE_PARENT");
  EXPECT_EQ(Who(13, Domain::kHealth, But(Fact::kChildAlone)), "CHILD");
  EXPECT_EQ(Who(11, Domain::kHealth, But(Fact::kChildAlone)), "PARENTS");
  EXPECT_EQ(Who(15, Domain::kHealth, But(Fact::kInCare)), "CARE");
  EXPECT_EQ(Who(16, Domain::kHealth, But(Fact::kInCare)), "CHILD");
  EXPECT_EQ(Who(17, Domain::kHealth, But(Fact::kCannotDecide)), "NEXT_OF_KIN");
}

TEST(WhoMustConsent, OtherFields) {
  EXPECT_EQ(Who(14, Domain::kEducation), "PARENTS");
  EXPECT_EQ(Who(15, Domain::kEducation), "CHILD");
  EXPECT_TRUE(WhoMustConsent(Law(), 15, Domain::kEducation, Ordinary(), kNow).informed.Has(Consenter::kParents));
  EXPECT_EQ(Who(10, Domain::kEducation, But(Fact::kInCare)), "CARE");
  EXPECT_EQ(Who(5, Domain::kKindergarten), "PARENTS");
  EXPECT_EQ(Who(14, Domain::kChildWelfare), "PARENTS");
  EXPECT_EQ(Who(15, Domain::kChildWelfare), "PARENTS+CHILD");
  EXPECT_EQ(Who(16, Domain::kMediation), "PARENTS+CHILD");
  EXPECT_EQ(Who(17, Domain::kGeneral), "PARENTS");
  EXPECT_EQ(Who(3, Domain::kThird), "SELF");
  for (int domain = 0; domain < kDomainCount; ++domain) EXPECT_EQ(Who(18, static_cast<Domain>(domain)), "SELF");
}

TEST(WhoMustConsent, WhatNobodyVerifiedSettlesNothing) {
  EXPECT_EQ(Who(9, Domain::kNav), "unsettled");
  EXPECT_EQ(Who(9, Domain::kChildWelfare, But(Fact::kInCare)), "unsettled");
  Capacity nav = WhoMustConsent(Law(), 9, Domain::kNav, Ordinary(), kNow);
  ASSERT_NE(nav.row, nullptr);
  EXPECT_EQ(nav.row->id, "C-NAV-0");
  EXPECT_TRUE(nav.who.Empty());
}

// bl §31, pbrl §4-4 fifth paragraph: from 7 it must be heard, from 12 it weighs much.
TEST(WhoMustConsent, TheChildIsHeard) {
  EXPECT_EQ(VoiceAt(6, Domain::kHealth), Voice::kHearIfAble);
  EXPECT_EQ(VoiceAt(7, Domain::kHealth), Voice::kHear);
  EXPECT_EQ(VoiceAt(12, Domain::kHealth), Voice::kGreatWeight);
  EXPECT_EQ(VoiceAt(16, Domain::kHealth), Voice::kDecides);
  EXPECT_EQ(VoiceAt(0, Domain::kChildWelfare), Voice::kHear);  // bvl §1-4 knows no lower age
}

TEST(WhoMustConsent, IsAskedAnewAtTheBirthdayThatChangesIt) {
  auto again = [](int age, Domain domain) { return WhoMustConsent(Law(), age, domain, Ordinary(), kNow).again_at; };
  EXPECT_EQ(again(9, Domain::kHealth), 12);
  EXPECT_EQ(again(12, Domain::kHealth), 16);
  EXPECT_EQ(again(14, Domain::kEducation), 15);
  EXPECT_EQ(again(17, Domain::kGeneral), 18);
  EXPECT_EQ(again(18, Domain::kGeneral), std::nullopt);
}

// Nobody is asked on a guess: asking the parents would tell them what the young person may keep from them.
TEST(WhoMustConsent, AnUnknownFactThatMattersSettlesNothing) {
  Capacity c = WhoMustConsent(Law(), 13, Domain::kHealth, But(Fact::kChildAlone, Truth::kUnknown), kNow);
  EXPECT_FALSE(c.settled);
  EXPECT_TRUE(c.who.Empty());
  EXPECT_EQ(c.missing, FactSet{}.With(Fact::kChildAlone));
  EXPECT_EQ(Who(13, Domain::kEducation, But(Fact::kChildAlone, Truth::kUnknown)), "PARENTS");
  Capacity no_age = WhoMustConsent(Law(), std::nullopt, Domain::kHealth, Ordinary(), kNow);
  EXPECT_TRUE(no_age.age_missing);
  EXPECT_FALSE(no_age.settled);
}

// law.md S07: a patient of 17 consents, the parents object.
TEST(AllHaveConsented, AtSeventeenThePatientsYesIsEnough) {
  Capacity c = WhoMustConsent(Law(), 17, Domain::kHealth, Ordinary(), kNow);
  const std::vector<Asked> asked = {{Consenter::kChild, Reply::kYes}, {Consenter::kParents, Reply::kNo}};
  EXPECT_TRUE(AllHaveConsented(c, asked));
}

// law.md R1-14: no answer counts as a refusal.
TEST(AllHaveConsented, SilenceIsNeverConsent) {
  Capacity c = WhoMustConsent(Law(), 9, Domain::kEducation, Ordinary(), kNow);
  auto with = [&](std::vector<Asked> asked) { return AllHaveConsented(c, asked); };
  EXPECT_TRUE(with({{Consenter::kParents, Reply::kYes}, {Consenter::kParents, Reply::kYes}}));
  EXPECT_FALSE(with({}));
  EXPECT_FALSE(with({{Consenter::kParents, Reply::kYes}, {Consenter::kParents, Reply::kSilent}}));
  EXPECT_FALSE(with({{Consenter::kParents, Reply::kYes}, {Consenter::kParents, Reply::kNo}}));
  EXPECT_FALSE(with({{Consenter::kChild, Reply::kYes}}));
  Capacity one = WhoMustConsent(Law(), 9, Domain::kHealth, But(Fact::kOneParentEnough), kNow);
  EXPECT_TRUE(AllHaveConsented(
      one, std::vector<Asked>{{Consenter::kParents, Reply::kYes}, {Consenter::kParents, Reply::kSilent}}));
  EXPECT_FALSE(AllHaveConsented(one, std::vector<Asked>{{Consenter::kParents, Reply::kSilent}}));
  Capacity both = WhoMustConsent(Law(), 16, Domain::kMediation, Ordinary(), kNow);
  EXPECT_FALSE(AllHaveConsented(both, std::vector<Asked>{{Consenter::kParents, Reply::kYes}}));
  EXPECT_FALSE(AllHaveConsented(Capacity{}, std::vector<Asked>{{Consenter::kParents, Reply::kYes}}));
}

Known AnyFamily() {
  Known out;
  for (Fact fact : kFamily) out = out.With(fact, static_cast<Truth>(*rc::gen::inRange(0, 3)));
  return out;
}

RC_GTEST_PROP(WhoMustConsentProps, ForgettingAFactNeverSettlesOrChangesWho, ()) {
  const int age = *rc::gen::inRange(0, 25);
  const auto domain = static_cast<Domain>(*rc::gen::inRange(0, kDomainCount));
  Known family = AnyFamily();
  Capacity before = WhoMustConsent(Law(), age, domain, family, kNow);
  Capacity after = WhoMustConsent(Law(), age, domain, family.With(*rc::gen::elementOf(kFamily), Truth::kUnknown), kNow);
  RC_ASSERT(!after.settled || (before.settled && after.who == before.who));
}

RC_GTEST_PROP(WhoMustConsentProps, TakingBackAYesNeverCompletes, ()) {
  const int age = *rc::gen::inRange(0, 25);
  const auto domain = static_cast<Domain>(*rc::gen::inRange(0, kDomainCount));
  Capacity c = WhoMustConsent(Law(), age, domain, AnyFamily(), kNow);
  std::vector<Asked> asked;
  for (int i = *rc::gen::inRange(1, 5); i > 0; --i) {
    asked.push_back(
        {static_cast<Consenter>(*rc::gen::inRange(0, kConsenterCount)), static_cast<Reply>(*rc::gen::inRange(0, 3))});
  }
  const bool before = AllHaveConsented(c, asked);
  asked[*rc::gen::inRange<std::size_t>(0, asked.size())].reply = *rc::gen::element(Reply::kSilent, Reply::kNo);
  RC_ASSERT(before || !AllHaveConsented(c, asked));
}

TEST(CapacityFile, FaultsNameLineAndReason) {
  const std::string row =
      "  - {id: A, domains: [HEALTH_SHARE, EDU_SHARE, BHG_SHARE, BVT_SHARE, NAV_SHARE, KON_SHARE, GENERAL, THIRD],\n"
      "     from_age: 0, who: [PARENTS], voice: HEAR, source: x, from: 2024-08-01, confidence: V}\n";
  const std::string head = "capacity: 1\nrows:\n";
  ASSERT_TRUE(LoadCapacity(head + row, "c.yaml"));
  auto fault = [&](std::string text, const std::string& line, const std::string& reason) {
    auto loaded = LoadCapacity(text, "c.yaml");
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().message.rfind("c.yaml:" + line + ": ", 0), 0U) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find(reason), std::string::npos) << loaded.error().message;
  };
  auto with = [&](const std::string& from, const std::string& to) {
    std::string text = head + row;
    return text.replace(text.find(from), from.size(), to);
  };
  fault(with("THIRD", "FOURTH"), "3", "unknown domain");
  fault(with(", THIRD", ""), "3", "nobody consents in THIRD at 0");
  fault(with("from_age: 0", "from_age: 1"), "3", "nobody consents in HEALTH_SHARE at 0");
  fault(with("PARENTS", "AUNT"), "4", "unknown \"AUNT\"");
  fault(with("HEAR", "SHOUT"), "4", "unknown voice");
  fault(with("confidence: V", "confidence: X"), "4", "confidence must be");
  fault(with("from_age: 0", "from_age: old"), "4", "whole years");
  fault(head + row + row, "5", "stands twice");
  std::string hidden = row;
  hidden.replace(hidden.find("id: A"), 5, "id: B");
  fault(head + row + hidden, "5", "an earlier row always answers");
}

}  // namespace
}  // namespace stafett::policy
