#include <gtest/gtest.h>

#include "sample.h"

namespace stafett::policy {
namespace {

using namespace sample;  // NOLINT: the nouns of these tests
using enum Category;

Decision Push(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Time now = kNow) {
  return Decide(rules, item, to, facts, Start::kPush, now);
}
Decision Request(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Time now = kNow) {
  return Decide(rules, item, to, facts, Start::kRequest, now);
}
std::string RuleOf(const RuleSet& rules, const Decision& decision) {
  return decision.rule < 0 ? "default" : rules.rules()[static_cast<std::size_t>(decision.rule)].id;
}

// fvl §13a nr 1
TEST(Decide, ConsentThatNamesRecipientCategoryAndPurposeDiscloses) {
  const RuleSet rules = Rules();
  const Consent consent = For("r-ppt", Cats(kConcern, kEduc));
  for (Start start : {Start::kPush, Start::kRequest}) {
    Decision d = Decide(rules, School(Cats(kConcern)), kPptUnit, Know({&consent, 1}), start, kNow);
    EXPECT_EQ(d.verdict, Verdict::kDisclose);
    EXPECT_EQ(d.fields, Cats(kConcern, kExist, kIdent));
    EXPECT_EQ(d.missing, Missing::kNothing);
    EXPECT_EQ(RuleOf(rules, d), "T020");
    ASSERT_EQ(d.ground_count, 3);
    EXPECT_EQ(d.grounds[0].category, kConcern);
    EXPECT_EQ(d.grounds[0].consent, 0);
  }
}

TEST(Decide, NothingIsKnownWithoutFacts) {
  const Consent consent = For("r-ppt", Cats(kConcern));
  Decision d = Push(Rules(), School(Cats(kConcern)), kPptUnit, Facts{false, {&consent, 1}, {}});
  EXPECT_EQ(d.verdict, Verdict::kWithhold);
  EXPECT_EQ(d.missing, Missing::kFacts);
  EXPECT_TRUE(d.fields.Empty());
}

TEST(Decide, InactiveNamelessOrUnknownRecipientGetsNothing) {
  const Consent consent = For("r-ppt", Cats(kConcern));
  const Consent nameless = For("", Cats(kConcern));
  Item item = School(Cats(kConcern));
  item.origin_recipient = "";
  Recipient inactive = kPptUnit;
  inactive.active = false;
  EXPECT_EQ(Push(Rules(), item, inactive, Know({&consent, 1})).missing, Missing::kRecipientInactive);
  EXPECT_EQ(Push(Rules(), item, {"", Agency::kPpt, true}, Know({&nameless, 1})).missing, Missing::kRecipientInactive);
  EXPECT_EQ(Push(Rules(), item, {"r-ppt", Agency::kUnknown, true}, Know({&consent, 1})).missing,
            Missing::kRecipientInactive);
}

TEST(Decide, NobodyIsToldWhatItSaidItself) {
  const Consent consent = For("r-school", Cats(kConcern));
  Recipient self{"r-school", Agency::kSkoleK, true};
  Decision d = Push(Rules(), School(Cats(kConcern)), self, Know({&consent, 1}));
  EXPECT_EQ(d.verdict, Verdict::kWithhold);
  EXPECT_EQ(d.missing, Missing::kOwnInformation);
}

TEST(Decide, UnknownGiverEmptyItemAndEmptyRulesGiveNothing) {
  const Consent consent = For("r-ppt", Cats(kConcern));
  Item item = School(Cats(kConcern));
  item.origin = Agency::kUnknown;
  EXPECT_EQ(Push(Rules(), item, kPptUnit, Know({&consent, 1})).missing, Missing::kRule);
  Decision empty = Push(Rules(), School({}), kPptUnit, Know({&consent, 1}));
  EXPECT_EQ(empty.verdict, Verdict::kWithhold);
  Decision none = Push(RuleSet(), School(Cats(kConcern)), kPptUnit, Know({&consent, 1}));
  EXPECT_EQ(none.verdict, Verdict::kWithhold);
  EXPECT_EQ(none.missing, Missing::kRule);
  EXPECT_EQ(none.rule, -1);
}

// Not one nearest miss hides another: withdrawn, expired, scope, consent, rule.
TEST(Decide, MissingNamesTheNearestThing) {
  const RuleSet rules = Rules();
  const Item item = School(Cats(kConcern));
  Consent withdrawn = For("r-ppt", Cats(kConcern));
  withdrawn.withdrawn = true;
  Consent expired = For("r-ppt", Cats(kConcern));
  expired.until = kNow;  // exclusive
  Consent other_category = For("r-ppt", Cats(kPlan));
  Consent other_purpose = For("r-ppt", Cats(kConcern));
  other_purpose.purpose = "research";
  Consent later = For("r-ppt", Cats(kConcern));
  later.valid_from = Days(1);
  Consent other_recipient = For("r-nurse", Cats(kConcern));

  auto missing = [&](const std::vector<Consent>& consents) {
    Decision d = Push(rules, item, kPptUnit, Know(consents));
    EXPECT_EQ(d.verdict, Verdict::kWithhold);
    EXPECT_EQ(RuleOf(rules, d), "default");
    return d.missing;
  };
  EXPECT_EQ(missing({}), Missing::kConsent);
  EXPECT_EQ(missing({other_recipient}), Missing::kConsent);
  EXPECT_EQ(missing({later}), Missing::kConsent);
  EXPECT_EQ(missing({other_category}), Missing::kConsentScope);
  EXPECT_EQ(missing({other_purpose}), Missing::kConsentScope);
  EXPECT_EQ(missing({expired}), Missing::kConsentExpired);
  EXPECT_EQ(missing({withdrawn}), Missing::kConsentWithdrawn);
  EXPECT_EQ(missing({other_category, withdrawn, expired}), Missing::kConsentWithdrawn);
  EXPECT_EQ(missing({expired, other_category}), Missing::kConsentExpired);
  EXPECT_EQ(missing({later, other_purpose}), Missing::kConsentScope);
  EXPECT_EQ(Push(rules, School(Cats(kHealthd)), kPptUnit, Know()).missing, Missing::kRule);
}

TEST(Decide, ConsentHoldsFromItsFirstInstantUntilBeforeItsLast) {
  const RuleSet rules = Rules();
  const Consent consent = For("r-ppt", Cats(kConcern));
  auto verdict = [&](Time now) {
    return Push(rules, School(Cats(kConcern)), kPptUnit, Know({&consent, 1}), now).verdict;
  };
  EXPECT_EQ(verdict(Time{consent.valid_from.ms - 1}), Verdict::kWithhold);
  EXPECT_EQ(verdict(consent.valid_from), Verdict::kDisclose);
  EXPECT_EQ(verdict(Time{consent.until.ms - 1}), Verdict::kDisclose);
  EXPECT_EQ(verdict(consent.until), Verdict::kWithhold);
}

TEST(Decide, ARenewedConsentCountsBesideTheWithdrawnOne) {
  std::vector<Consent> consents = {For("r-ppt", Cats(kConcern)), For("r-ppt", Cats(kConcern))};
  consents[0].withdrawn = true;
  Decision d = Push(Rules(), School(Cats(kConcern)), kPptUnit, Know(consents));
  EXPECT_EQ(d.verdict, Verdict::kDisclose);
  EXPECT_EQ(d.grounds[0].consent, 1);
}

TEST(Decide, AnItemIsCutToWhatIsAllowed) {
  const Consent consent = For("r-ppt", Cats(kConcern, kEduc, kHealthd));
  Decision d = Push(Rules(), School(Cats(kConcern, kEduc, kHealthd, kThird)), kPptUnit, Know({&consent, 1}));
  EXPECT_EQ(d.verdict, Verdict::kDisclose);
  EXPECT_EQ(d.fields, Cats(kConcern, kEduc, kExist, kIdent));
  EXPECT_EQ(d.missing, Missing::kRule);
}

TEST(Decide, ExistenceAndIdentityAloneAreNotDisclosed) {
  const Consent consent = For("r-ppt", Cats(kExist, kIdent, kConcern));
  Decision d = Push(Rules(), School(Cats(kExist, kIdent)), kPptUnit, Know({&consent, 1}));
  EXPECT_EQ(d.verdict, Verdict::kWithhold);
}

TEST(Decide, FactsGateACategory) {
  const Consent consent = For("r-ppt", Cats(kConcern, kEduc));
  const Item item = School(Cats(kConcern, kEduc));
  Decision d = Push(Rules(), item, kPptUnit, Know({&consent, 1}, Cats(kEduc)));
  EXPECT_EQ(d.fields, Cats(kConcern, kExist, kIdent));
  EXPECT_EQ(d.missing, Missing::kRule);
  d = Push(Rules(), item, kPptUnit, Know({&consent, 1}, Cats(kIdent)));
  EXPECT_EQ(d.fields, Cats(kConcern, kEduc, kExist));
  d = Push(Rules(), item, kPptUnit, Know({&consent, 1}, Cats(kConcern, kEduc)));
  EXPECT_EQ(d.verdict, Verdict::kWithhold);
  EXPECT_EQ(d.rule, -1);
}

// Any content would tell that there is a case.
TEST(Decide, GatedExistenceTakesEverything) {
  const Consent consent = For("r-ppt", Cats(kConcern));
  Decision d = Push(Rules(), School(Cats(kConcern)), kPptUnit, Know({&consent, 1}, Cats(kExist)));
  EXPECT_EQ(d.verdict, Verdict::kWithhold);
  EXPECT_TRUE(d.fields.Empty());
}

// folkl §10-4
TEST(Decide, AGateBeatsEveryRule) {
  std::vector<Rule> rows = Rows();
  rows.push_back(Row("X9", Effect::kAllow, kAny, kAny, Cats(kAddrG, kConcern)));
  const RuleSet rules(rows, "hash");
  Decision d = Push(rules, School(Cats(kAddrG)), kPptUnit, Know());
  EXPECT_EQ(d.verdict, Verdict::kWithhold);
  EXPECT_EQ(RuleOf(rules, d), "T002");
  d = Push(rules, School(Cats(kAddrG, kConcern)), kPptUnit, Know());
  EXPECT_EQ(d.fields, Cats(kConcern, kExist, kIdent));
}

TEST(Decide, AGateHoldsForItsGiverReceiverAndDatesOnly) {
  std::vector<Rule> rows = Rows();
  rows.push_back(Row("D1", Effect::kDeny, Agencies(Agency::kSkoleK), Agencies(Agency::kPpt), Cats(kConcern)));
  const Consent consent = For("r-ppt", Cats(kConcern));
  EXPECT_EQ(Push(RuleSet(rows, ""), School(Cats(kConcern)), kPptUnit, Know({&consent, 1})).verdict, Verdict::kWithhold);
  const Consent other = For("r-other", Cats(kConcern));
  EXPECT_EQ(Push(RuleSet(rows, ""), School(Cats(kConcern)), kOtherSchool, Know({&other, 1})).verdict,
            Verdict::kDisclose);
  rows.back().valid_to = kNow;
  EXPECT_EQ(Push(RuleSet(rows, ""), School(Cats(kConcern)), kPptUnit, Know({&consent, 1})).verdict, Verdict::kDisclose);
}

// An unverified gate still closes; an unverified permission does not open.
TEST(Decide, UnverifiedRowsNeverAllow) {
  for (const char* confidence : {"T", "", "v"}) {
    std::vector<Rule> rows = Rows();
    for (Rule& row : rows) row.confidence = confidence;
    const RuleSet rules(rows, "hash");
    const Consent consent = For("r-ppt", Cats(kConcern));
    EXPECT_EQ(Push(rules, School(Cats(kConcern)), kPptUnit, Know({&consent, 1})).verdict, Verdict::kWithhold);
    EXPECT_EQ(Request(rules, School(Cats(kEduc)), kOtherSchool, Know()).verdict, Verdict::kWithhold);
    EXPECT_EQ(RuleOf(rules, Push(rules, School(Cats(kAddrG)), kPptUnit, Know())), "T002");
  }
}

TEST(Decide, ARuleHoldsFromItsFirstDayUntilBeforeItsLast) {
  std::vector<Rule> rows = Rows();
  for (Rule& row : rows) {
    row.valid_from = kNow;
    row.valid_to = Days(1);
  }
  const RuleSet rules(rows, "hash");
  const Consent consent = For("r-ppt", Cats(kConcern));
  auto verdict = [&](Time now) {
    return Push(rules, School(Cats(kConcern)), kPptUnit, Know({&consent, 1}), now).verdict;
  };
  EXPECT_EQ(verdict(Time{kNow.ms - 1}), Verdict::kWithhold);
  EXPECT_EQ(verdict(kNow), Verdict::kDisclose);
  EXPECT_EQ(verdict(Time{Days(1).ms - 1}), Verdict::kDisclose);
  EXPECT_EQ(verdict(Days(1)), Verdict::kWithhold);
}

// hpl §25: between health services, for care, on request.
TEST(Decide, HealthCareIsRequestedForCareAndNeverPushed) {
  const RuleSet rules = Rules();
  Item item = Nurse(Cats(kHealthd));
  EXPECT_EQ(Request(rules, item, kBupUnit, Know()).verdict, Verdict::kWithhold);
  item.purpose = "health-care";
  EXPECT_EQ(Request(rules, item, kBupUnit, Know()).verdict, Verdict::kDisclose);
  EXPECT_EQ(Push(rules, item, kBupUnit, Know()).verdict, Verdict::kWithhold);
  // An objection is a gate in the facts.
  EXPECT_EQ(Request(rules, item, kBupUnit, Know({}, Cats(kHealthd))).verdict, Verdict::kWithhold);
}

TEST(Decide, HealthCareIsNotPushedEvenIfItsRowSaysSo) {
  std::vector<Rule> rows = Rows();
  for (Rule& row : rows) row.start = Start::kPush;
  Item item = Nurse(Cats(kHealthd));
  item.purpose = "health-care";
  EXPECT_EQ(Push(RuleSet(rows, ""), item, kBupUnit, Know()).verdict, Verdict::kWithhold);
}

TEST(Decide, ARequestOnlyRowDoesNotPush) {
  std::vector<Rule> rows = Rows();
  for (Rule& row : rows) {
    if (row.id == "T020") row.start = Start::kRequest;
  }
  const RuleSet rules(rows, "");
  const Consent consent = For("r-ppt", Cats(kConcern));
  const Item item = School(Cats(kConcern));
  EXPECT_EQ(Push(rules, item, kPptUnit, Know({&consent, 1})).verdict, Verdict::kWithhold);
  EXPECT_EQ(Request(rules, item, kPptUnit, Know({&consent, 1})).verdict, Verdict::kDisclose);
}

// oppl §25-1
TEST(Decide, AHumanIsAskedOnRequestAndOnlyIfNothingIsDisclosed) {
  const RuleSet rules = Rules();
  Decision d = Request(rules, School(Cats(kEduc)), kOtherSchool, Know());
  EXPECT_EQ(d.verdict, Verdict::kHuman);
  EXPECT_TRUE(d.fields.Empty());
  EXPECT_EQ(d.missing, Missing::kHumanDecision);
  EXPECT_EQ(RuleOf(rules, d), "T026");
  ASSERT_EQ(d.ground_count, 1);
  EXPECT_EQ(d.grounds[0].category, kEduc);
  EXPECT_EQ(Push(rules, School(Cats(kEduc)), kOtherSchool, Know()).verdict, Verdict::kWithhold);

  const Consent consent = For("r-other", Cats(kPlan));
  d = Request(rules, School(Cats(kEduc, kPlan)), kOtherSchool, Know({&consent, 1}));
  EXPECT_EQ(d.verdict, Verdict::kDisclose);
  EXPECT_EQ(d.fields, Cats(kPlan, kExist, kIdent));
  EXPECT_EQ(Request(rules, School(Cats(kEduc)), kOtherSchool, Know({}, Cats(kEduc))).verdict, Verdict::kWithhold);
}

// bvl §13-2: a person's duty. fvl §13b nr 5: begun by the giver, not by the receiver's need.
TEST(Decide, DutiesAndTheGiversOwnStepsNeverStartFromAMachine) {
  const RuleSet rules = Rules();
  for (Start start : {Start::kPush, Start::kRequest, Start::kDuty}) {
    Decision d = Decide(rules, School(Cats(kConcern)), kChildWelfare, Know(), start, kNow);
    EXPECT_EQ(d.verdict, Verdict::kWithhold);
    EXPECT_EQ(d.ground_count, 0);
  }
}

TEST(Decide, ACallerThatSaysDutyGetsNothing) {
  const Consent consent = For("r-ppt", Cats(kConcern));
  EXPECT_EQ(Decide(Rules(), School(Cats(kConcern)), kPptUnit, Know({&consent, 1}), Start::kDuty, kNow).verdict,
            Verdict::kWithhold);
}

TEST(Decide, APlainAllowNeedsNoConsent) {
  Item item{Agency::kKe, "r-ke", Cats(kPlan), "follow-up"};
  Decision d = Push(Rules(), item, kOtherSchool, Know());
  EXPECT_EQ(d.verdict, Verdict::kDisclose);
  EXPECT_EQ(d.grounds[0].consent, -1);
}

TEST(Decide, AnEmptyPurposeMatchesNoConsent) {
  Consent consent = For("r-ppt", Cats(kConcern));
  consent.purpose = "";
  Item item = School(Cats(kConcern));
  item.purpose = "";
  EXPECT_EQ(Push(Rules(), item, kPptUnit, Know({&consent, 1})).verdict, Verdict::kWithhold);
}

// ---- Facts, persons, refusals: one row each, and what turns it -----------------------------------------------------

constexpr FactSet kShield = FactSet{}.With(Fact::kLocationShield);
constexpr FactSet kParty = FactSet{}.With(Fact::kParty);

RuleSet With(Rule rule) {
  std::vector<Rule> rows = Rows();
  rows.insert(rows.begin(), std::move(rule));
  return {rows, "hash"};
}
// KE tells a school its plan without a condition (X001); this row has one.
Rule PlanToSchools(Effect effect) { return Row("N1", effect, kAny, kAny, Cats(kPlan)); }
const Item kPlanOfUnit{Agency::kPpt, "r-ppt", Cats(kPlan), "follow-up"};
Facts Said(Fact fact, Truth truth) {
  Facts facts = Know();
  facts.said = Known{}.With(fact, truth);
  return facts;
}

TEST(Facts, AnAllowNeedsAYesAndAGateYieldsOnlyToANo) {
  Rule allow = PlanToSchools(Effect::kAllow);
  allow.when.all = kParty;
  const RuleSet allowing = With(allow);
  EXPECT_EQ(Push(allowing, kPlanOfUnit, kOtherSchool, Said(Fact::kParty, Truth::kYes)).verdict, Verdict::kDisclose);
  EXPECT_EQ(Push(allowing, kPlanOfUnit, kOtherSchool, Said(Fact::kParty, Truth::kNo)).verdict, Verdict::kWithhold);
  EXPECT_EQ(Push(allowing, kPlanOfUnit, kOtherSchool, Know()).verdict, Verdict::kWithhold);

  Rule gate = PlanToSchools(Effect::kDeny);
  gate.when.all = kShield;
  const RuleSet gated = With(gate);
  const Item item{Agency::kKe, "r-ke", Cats(kPlan), "follow-up"};
  EXPECT_EQ(Push(gated, item, kOtherSchool, Said(Fact::kLocationShield, Truth::kNo)).verdict, Verdict::kDisclose);
  EXPECT_EQ(Push(gated, item, kOtherSchool, Said(Fact::kLocationShield, Truth::kYes)).verdict, Verdict::kWithhold);
  EXPECT_EQ(Push(gated, item, kOtherSchool, Know()).verdict, Verdict::kWithhold);
  // What is recorded here: no record is a no.
  const RuleSet recorded({gated.rules().begin(), gated.rules().end()}, "hash", kShield);
  EXPECT_EQ(Push(recorded, item, kOtherSchool, Know()).verdict, Verdict::kDisclose);
}

TEST(Facts, AConditionThatIsUnknownIsSaidToBeMissing) {
  Rule allow = PlanToSchools(Effect::kAllow);
  allow.when.all = kParty;
  const Item item{Agency::kHkom, "r-h", Cats(kPlan), "follow-up"};
  EXPECT_EQ(Push(With(allow), item, kOtherSchool, Know()).missing, Missing::kCondition);
  EXPECT_EQ(Push(With(allow), item, kOtherSchool, Said(Fact::kParty, Truth::kNo)).missing, Missing::kRule);
}

// What is worked out is not listened to, and parental responsibility ends at 18.
TEST(Facts, AgesAreWorkedOut) {
  Rule young = PlanToSchools(Effect::kAllow);
  young.when.all = FactSet{}.With(Fact::kChildUnder15);
  Facts claimed = Said(Fact::kChildUnder15, Truth::kYes);
  EXPECT_EQ(Push(With(young), kPlanOfUnit, kOtherSchool, claimed).verdict, Verdict::kWithhold);
  claimed.child_age = 15;
  EXPECT_EQ(Push(With(young), kPlanOfUnit, kOtherSchool, claimed).verdict, Verdict::kWithhold);
  claimed.child_age = 14;
  EXPECT_EQ(Push(With(young), kPlanOfUnit, kOtherSchool, claimed).verdict, Verdict::kDisclose);

  Rule parents = PlanToSchools(Effect::kAllow);
  parents.when.all = FactSet{}.With(Fact::kParentalResponsibility);
  Facts parent = Said(Fact::kParentalResponsibility, Truth::kYes);
  EXPECT_EQ(Push(With(parents), kPlanOfUnit, kOtherSchool, parent).verdict, Verdict::kWithhold);
  parent.child_age = 17;
  EXPECT_EQ(Push(With(parents), kPlanOfUnit, kOtherSchool, parent).verdict, Verdict::kDisclose);
  parent.child_age = 18;
  EXPECT_EQ(Push(With(parents), kPlanOfUnit, kOtherSchool, parent).verdict, Verdict::kWithhold);
}

TEST(Readers, AreAttestedAsTheRowAsks) {
  Rule rule = PlanToSchools(Effect::kAllow);
  rule.reader = Role::kCase;
  rule.assurance = Assurance::kSubstantial;
  const RuleSet rules = With(rule);
  auto read = [&](Role role, Assurance assurance) {
    return Push(rules, kPlanOfUnit, {"r-other", Agency::kSkoleK, true, role, assurance}, Know());
  };
  EXPECT_EQ(read(Role::kCase, Assurance::kSubstantial).verdict, Verdict::kDisclose);
  EXPECT_EQ(read(Role::kHolder, Assurance::kHigh).verdict, Verdict::kDisclose);
  EXPECT_EQ(read(Role::kLeader, Assurance::kHigh).verdict, Verdict::kWithhold);
  EXPECT_EQ(read(Role::kCase, Assurance::kLow).verdict, Verdict::kWithhold);
  EXPECT_EQ(read(Role::kNone, Assurance::kNone).verdict, Verdict::kWithhold);
}

// A person in no other relation is told of itself only; a gate for everybody holds for it always.
TEST(Readers, SubjIsWhomTheItemDescribes) {
  const RuleSet rules = With(Row("N2", Effect::kAllow, kAny, Agencies(Agency::kSubj), Cats(kSocial)));
  const Recipient me{"me", Agency::kSubj, true, Role::kSubj, Assurance::kHigh, "me"};
  Item item{Agency::kNavK, "r-nav", Cats(kSocial, kAddrG), "follow-up"};
  EXPECT_EQ(Push(rules, item, me, Know()).verdict, Verdict::kWithhold);
  const std::vector<Described> mine = {{"me", false}};
  const std::vector<Described> ours = {{"me", false}, {"father", false}};
  item.described = mine;
  EXPECT_EQ(Push(rules, item, me, Know()).fields, Cats(kSocial, kExist, kIdent));
  item.described = ours;
  EXPECT_EQ(Push(rules, item, me, Know()).missing, Missing::kOtherPerson);
}

// fvl §13a nr 1: those who have a claim to secrecy, each.
TEST(Described, EachOtherPersonConsents) {
  const std::vector<Described> both = {{"child", true}, {"father", false}};
  Item item = School(Cats(kConcern, kEduc));
  item.described = both;
  std::vector<Consent> consents = {For("r-ppt", Cats(kConcern, kEduc))};
  EXPECT_EQ(Push(Rules(), item, kPptUnit, Know(consents)).missing, Missing::kOtherPerson);
  consents.push_back(For("r-ppt", Cats(kConcern)));
  consents.back().subject = "father";
  Decision d = Push(Rules(), item, kPptUnit, Know(consents));
  EXPECT_TRUE(d.fields.Has(kConcern));
  EXPECT_FALSE(d.fields.Has(kEduc));
  EXPECT_EQ(d.grounds[0].consent, 0);
  EXPECT_EQ(d.grounds[0].others[0], 1);
  // The father's consent frees nothing of the child's.
  EXPECT_EQ(Push(Rules(), item, kPptUnit, Know({&consents[1], 1})).verdict, Verdict::kWithhold);
  const std::vector<Described> crowd(kMostDescribed + 1, Described{"child", true});
  item.described = crowd;
  EXPECT_EQ(Push(Rules(), item, kPptUnit, Know(consents)).missing, Missing::kOtherPerson);
}

TEST(Refusals, StopConsentAndHealthCareForWhomTheyName) {
  const Consent consent = For("r-ppt", Cats(kConcern, kEduc));
  for (auto kind : {Refusal::Kind::kObjection, Refusal::Kind::kExclusion}) {
    Refusal refusal{kind, "r-ppt", Cats(kConcern)};
    Facts facts = Know({&consent, 1});
    facts.refusals = {&refusal, 1};
    Decision d = Push(Rules(), School(Cats(kConcern, kEduc)), kPptUnit, facts);
    EXPECT_EQ(d.fields, Cats(kEduc, kExist, kIdent));
    EXPECT_EQ(d.missing, kind == Refusal::Kind::kObjection ? Missing::kObjection : Missing::kExcluded);
    refusal.recipient = "r-elsewhere";
    EXPECT_TRUE(Push(Rules(), School(Cats(kConcern)), kPptUnit, facts).fields.Has(kConcern));
  }
  Item care = Nurse(Cats(kHealthd));
  care.purpose = "health-care";
  const Refusal objection{};
  Facts facts = Know();
  facts.refusals = {&objection, 1};
  EXPECT_EQ(Request(Rules(), care, kBupUnit, facts).missing, Missing::kObjection);
}

TEST(Gates, TakeOnlyWhatDependsOnAPlace) {
  Rule gate = Row("N3", Effect::kDeny, kAny, kAny, Cats(kExist, kPlan, kEduc));
  gate.only = Only::kPlace;
  const Consent consent = For("r-ppt", Cats(kPlan, kEduc));
  Item item = School(Cats(kPlan, kEduc));
  EXPECT_EQ(Push(With(gate), item, kPptUnit, Know({&consent, 1})).verdict, Verdict::kWithhold);  // all, until said
  item.placed = Cats(kPlan);
  EXPECT_EQ(Push(With(gate), item, kPptUnit, Know({&consent, 1})).fields, Cats(kEduc, kExist, kIdent));
  item.placed = Cats(kExist);
  EXPECT_EQ(Push(With(gate), item, kPptUnit, Know({&consent, 1})).verdict, Verdict::kWithhold);
}

// hol §12-1, sotjl §44
TEST(Gates, ASecrecyOrderVoidsWhatParentsConsentedTo) {
  Rule order = Row("N4", Effect::kDeny, kAny, kAny, CategorySet{~1U});
  order.only = Only::kParentsConsent;
  Consent consent = For("r-ppt", Cats(kConcern));
  EXPECT_EQ(Push(With(order), School(Cats(kConcern)), kPptUnit, Know({&consent, 1})).missing, Missing::kConsent);
  consent.by = ConsentBy::kSelf;
  EXPECT_EQ(Push(With(order), School(Cats(kConcern)), kPptUnit, Know({&consent, 1})).verdict, Verdict::kDisclose);
}

// bvl §13-1, krisl §5: only a refusal has this form.
TEST(Form, NeitherConfirmedNorDenied) {
  const RuleSet rules = With(Row("N5", Effect::kNeitherNor, Agencies(Agency::kSkoleK), kAny, Cats(kExist)));
  const Consent consent = For("r-ppt", Cats(kConcern));
  EXPECT_TRUE(Push(rules, School(Cats(kConcern)), kPptUnit, Know()).neither_nor);
  EXPECT_FALSE(Push(rules, School(Cats(kConcern)), kPptUnit, Know({&consent, 1})).neither_nor);
  EXPECT_FALSE(Push(rules, Nurse(Cats(kHealthd)), kPptUnit, Know()).neither_nor);
}

// bvl §13-2
TEST(Ways, ADutyStaysOpenWhateverIsGatedAndAHumanGroundDoesNot) {
  auto ways = [](const Facts& facts) {
    std::string out;
    for (auto row : OpenToPeople(Rules(), School(Cats(kConcern)), kChildWelfare, facts, kNow)) {
      out += Rules().rules()[static_cast<std::size_t>(row)].id + ' ';
    }
    return out;
  };
  EXPECT_EQ(ways(Know()), "T040 T014 ");
  EXPECT_EQ(ways(Know({}, Cats(kConcern))), "T040 ");
  EXPECT_EQ(ways(Facts{}), "");
}

TEST(RuleSet, TooLargeToBeCitedAllowsNothing) {
  std::vector<Rule> rows(33'000, Row("X1", Effect::kAllow, kAny, kAny, Cats(kPlan)));
  const RuleSet rules(std::move(rows), "hash");
  EXPECT_TRUE(rules.rules().empty());
  EXPECT_EQ(Push(rules, School(Cats(kPlan)), kPptUnit, Know()).verdict, Verdict::kWithhold);
}

TEST(RuleSet, FindsById) {
  const RuleSet rules = Rules();
  ASSERT_NE(rules.Find("T062"), nullptr);
  EXPECT_EQ(rules.Find("T062")->id, "T062");
  EXPECT_EQ(rules.Find("T999"), nullptr);
}

}  // namespace
}  // namespace stafett::policy
