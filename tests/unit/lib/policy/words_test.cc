// Explanations in sentences. What a reader is not shown must leave no trace in them.
#include "lib/policy/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/policy/capacity_file.h"
#include "lib/policy/file.h"
#include "sample.h"

namespace stafett::policy {
namespace {

using namespace sample;  // NOLINT
using enum Category;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const texts::Texts& Words() {
  static const auto words = LoadWords(STAFETT_WORDS);
  EXPECT_TRUE(words) << words.error().message;
  return *words;
}
const RuleSet& Law() {
  static const RuleSet rules = LoadRulesFile(STAFETT_RULES).value();
  return rules;
}

constexpr Recipient kMother{"mother", Agency::kPar, true, Role::kSubj, Assurance::kHigh, "mother"};

Facts OfTen(Truth shield = Truth::kNo) {
  Facts facts = Know();
  facts.child_age = 10;
  facts.said = Known{}.With(Fact::kParentalResponsibility, Truth::kYes).With(Fact::kLocationShield, shield);
  return facts;
}

std::vector<std::string> Told(const Item& item, const Recipient& to, const Facts& facts, Audience audience,
                              const std::string& language = "en") {
  auto told = Tell(Words(), language, Explain(Law(), item, to, facts, Start::kRequest, kNow), audience);
  EXPECT_TRUE(told) << told.error().message;
  return told ? *told : std::vector<std::string>{};
}

TEST(Words, AParentReadsWhatIsShownAndByWhichLaw) {
  const auto en = Told(School(Cats(kPlan, kConcern)), kMother, OfTen(), Audience::kReader);
  ASSERT_EQ(en.size(), 4U);
  EXPECT_EQ(en[0],
            "You may see this: that there is a case, who the child is, concern, goals, measures and plan. The law that "
            "opens for it is fvl §13b nr 1; §18; bl §47 (rule T010).");
  EXPECT_EQ(en[1], "We have taken it that whoever asks has parental responsibility.");
  const auto nb = Told(School(Cats(kPlan)), kMother, OfTen(), Audience::kReader, "nb");
  EXPECT_THAT(nb, Contains(HasSubstr("Du får se dette: at det finnes en sak, hvem barnet er, mål, tiltak og plan.")));
  EXPECT_THAT(nb, Contains("Vi har lagt til grunn at den som spør, har foreldreansvar."));
  EXPECT_THAT(nb, Contains(HasSubstr(Law().hash())));
}

// P1: the same bytes, whether something is withheld or was never there.
TEST(Words, WhatAReaderIsNotShownLeavesNoTrace) {
  const auto plain = Told(School(Cats(kPlan)), kMother, OfTen(), Audience::kReader);
  EXPECT_EQ(Told(School(Cats(kPlan, kHealthd, kThird, kChildsay, kReport)), kMother, OfTen(), Audience::kReader),
            plain);
  Facts gated = OfTen();
  gated.gated = Cats(kConcern, kAddrG);
  EXPECT_EQ(Told(School(Cats(kPlan, kConcern, kAddrG)), kMother, gated, Audience::kReader), plain);

  // Nothing at all: a shield, a sealed report, what the child asked to keep, no such information.
  const auto nothing = Told(School(Cats(kSocial)), kMother, OfTen(), Audience::kReader);
  EXPECT_THAT(nothing, Contains(HasSubstr("nothing here that we can show you")));
  EXPECT_EQ(Told(School(Cats(kPlan)), kMother, OfTen(Truth::kYes), Audience::kReader), nothing);
  for (Fact fact : {Fact::kSealedReport, Fact::kChildAskedToKeep}) {
    Facts facts = OfTen();
    facts.said = facts.said.With(fact, Truth::kYes);
    EXPECT_EQ(Told(School(Cats(kPlan)), kMother, facts, Audience::kReader), nothing) << Name(fact);
  }
  EXPECT_EQ(Told({Agency::kBvt, "r-bvt", Cats(kExist), "follow-up"}, kMother, OfTen(), Audience::kReader), nothing);
  EXPECT_EQ(Told({Agency::kKris, "r-kris", Cats(kPlan), "follow-up"}, kMother, OfTen(), Audience::kReader), nothing);
  EXPECT_EQ(Told(School({}), kMother, Facts{}, Audience::kReader), nothing);
}

TEST(Words, AnOfficerIsToldAll) {
  const auto gate = Told(School(Cats(kPlan)), kMother, OfTen(Truth::kYes), Audience::kOfficer);
  EXPECT_THAT(gate, Contains(HasSubstr("A gate holds, whatever the consent: folkl §10-4; bvl §13-5 (rule T003)")));
  EXPECT_THAT(gate, Contains("We have taken it that where the child lives is hidden from whoever asks."));
  const auto unknown = Told(School(Cats(kPlan)), kMother, OfTen(Truth::kUnknown), Audience::kOfficer);
  EXPECT_THAT(unknown, Contains(HasSubstr("We do not know whether this is so: where the child lives is hidden")));
  const auto duty = Told(School(Cats(kConcern)), kChildWelfare, Know(), Audience::kOfficer, "nb");
  EXPECT_THAT(duty, Contains("bekymring: vises ikke. Det mangler samtykke."));
  EXPECT_THAT(duty, Contains(HasSubstr("(regel T040). Den venter ikke på samtykke.")));
  const Recipient unit{"r-ke", Agency::kKe, true};
  const auto form = Told({Agency::kBvt, "r-bvt", Cats(kPlan), "follow-up"}, unit, Know(), Audience::kOfficer);
  EXPECT_THAT(form, Contains("The answer given is that it can neither be confirmed nor denied."));
  const Recipient other{"r-skole", Agency::kSkoleK, true};
  const auto human = Told({Agency::kSkoleP, "r-p", Cats(kEduc), "follow-up"}, other, Know(), Audience::kOfficer);
  EXPECT_THAT(human, Contains(HasSubstr("school and learning: a person decides, by oppl §25-1 (rule T026).")));
}

TEST(Words, WhoMustConsent) {
  const auto law = LoadCapacityFile(STAFETT_CONSENT);
  ASSERT_TRUE(law) << law.error().message;
  auto told = Tell(Words(), "nb",
                   WhoMustConsent(*law, 16, Domain::kHealth, Known{}.With(Fact::kCannotDecide, Truth::kNo), kNow));
  ASSERT_TRUE(told);
  EXPECT_THAT(*told, Contains("Samtykke må gis av barnet eller den unge selv. Kilde: pbrl §4-3; hpl §22."));
  EXPECT_THAT(*told, Contains("Den som ikke svarer, har ikke samtykket."));
  told = Tell(Words(), "en", WhoMustConsent(*law, 13, Domain::kHealth, Known{}, kNow));
  ASSERT_TRUE(told);
  EXPECT_THAT(*told, Contains(HasSubstr("Nobody is to be asked before it is")));
  EXPECT_THAT(*told, Contains(HasSubstr("the parents are not to know of this")));
  EXPECT_THAT(*told, Not(Contains(HasSubstr("Consent must be given by"))));
}

TEST(Words, AnotherLanguageIsAFault) {
  Explanation e = Explain(Law(), School(Cats(kPlan)), kMother, OfTen(), Start::kRequest, kNow);
  EXPECT_FALSE(Tell(Words(), "xx", e, Audience::kReader));
  EXPECT_FALSE(LoadWords("/nowhere"));
}

}  // namespace
}  // namespace stafett::policy
