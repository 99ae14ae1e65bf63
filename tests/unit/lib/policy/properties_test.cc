// Statements about every rule set, item and history of consents, not about examples.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "sample.h"

namespace stafett::policy {
namespace {

using namespace sample;  // NOLINT

constexpr std::array<std::string_view, 3> kRecipients = {"r-a", "r-a", "r-b"};
// Weighted: most things meet, else almost every answer would be "no" and prove nothing.
constexpr std::array<std::string_view, 5> kPurposes = {"follow-up", "follow-up", "follow-up", "health-care", ""};
constexpr std::array<Effect, 11> kEffects = {Effect::kAllowWithConsent,
                                             Effect::kAllowWithConsent,
                                             Effect::kAllowWithConsent,
                                             Effect::kAllowWithConsent,
                                             Effect::kAllowWithConsent,
                                             Effect::kAllow,
                                             Effect::kAllowUnlessObjected,
                                             Effect::kHuman,
                                             Effect::kDuty,
                                             Effect::kDefault,
                                             Effect::kDeny};
constexpr std::array<std::string_view, 4> kConsentIds = {"k-1", "k-2", "k-3", "k-4"};

// Few values each, so that things meet; every bit pattern of a set, invalid bits too. At full size
// from the first try: small sizes would be small sets, that is the lowest bits only.
rc::Gen<unsigned> Bits(unsigned count) { return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0U, 1U << count)); }
// One of 0 … n-1, likewise at full size.
int Pick(int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); }
rc::Gen<CategorySet> AnySet() {
  return rc::gen::map(Bits(16), [](unsigned b) { return CategorySet{b}; });
}
rc::Gen<CategorySet> FewCategories() {
  return rc::gen::exec([] { return (*AnySet()).And(*AnySet()).And(*AnySet()); });
}
rc::Gen<AgencySet> AnyAgencies() {
  // The low kinds of service and the persons; one value outside the enum.
  return rc::gen::map(Bits(30), [](unsigned b) {
    std::uint64_t low = b & ((1U << 23U) - 1U);
    std::uint64_t persons = b >> 23U;
    return AgencySet{low | (persons << static_cast<unsigned>(Agency::kPar))};
  });
}
rc::Gen<Agency> AnyAgency() {
  return rc::gen::exec([] {
    int place = Pick(28);
    return static_cast<Agency>(place < 22 ? place : static_cast<int>(Agency::kPar) + place - 22);
  });
}
rc::Gen<Time> AnyTime() {
  return rc::gen::exec([] { return Days(Pick(7) - 3); });
}
constexpr std::array<Fact, 6> kFew = {Fact::kParty,        Fact::kLocationShield, Fact::kParentalResponsibility,
                                      Fact::kChildUnder15, Fact::kReaderIsChild,  Fact::kOnlyAboutReader};
constexpr std::array<Fact, 3> kSayable = {Fact::kParty, Fact::kLocationShield, Fact::kParentalResponsibility};
constexpr std::array<Role, 6> kRoles = {Role::kNone,   Role::kAnyEmp, Role::kCase,
                                        Role::kHolder, Role::kLeader, Role::kBvLead};

FactSet FewFacts(int of) {
  FactSet out;
  for (Fact fact : kFew) {
    if (Pick(of) == 0) out = out.With(fact);
  }
  return out;
}
Role AnyRole() { return *rc::gen::elementOf(kRoles); }
Assurance AnyAssurance() { return static_cast<Assurance>(Pick(4)); }
std::string_view AnyPerson() { return *rc::gen::element<std::string_view>("me", "father", "child", ""); }

rc::Gen<Rule> AnyRule() {
  return rc::gen::exec([] {
    Rule rule = Row("X1", *rc::gen::elementOf(kEffects), *AnyAgencies(), *AnyAgencies(), *AnySet(),
                    *rc::gen::element(Start::kPush, Start::kPush, Start::kRequest, Start::kDuty));
    // A gate of half the categories would nearly always close EXIST and so everything.
    if (rule.effect == Effect::kDeny) rule.categories = *FewCategories();
    if (Pick(3) > 0) rule.givers = rule.receivers = kAny;
    rule.valid_from = *AnyTime();
    if (Pick(2) > 0) rule.valid_from = Days(-1000);
    if (Pick(4) == 0) rule.valid_to = *AnyTime();
    rule.confidence = *rc::gen::element<std::string>("V", "V", "G", "I", "I", "T");
    rule.purpose = *rc::gen::element<std::string>("", "", "", "health-care");
    if (Pick(3) == 0) rule.when = {FewFacts(8), FewFacts(8), FewFacts(8)};
    if (Pick(4) == 0) rule.reader = AnyRole();
    if (Pick(4) == 0) rule.assurance = AnyAssurance();
    if (Pick(6) == 0) rule.frees_everyone = true;
    if (rule.effect == Effect::kDeny) rule.only = static_cast<Only>(Pick(3));
    return rule;
  });
}
rc::Gen<Consent> AnyConsent() {
  return rc::gen::exec([] {
    Consent c;
    c.id = *rc::gen::elementOf(kConsentIds);
    c.recipient = *rc::gen::elementOf(kRecipients);
    c.categories = *AnySet();
    c.purpose = *rc::gen::elementOf(kPurposes);
    c.valid_from = *rc::gen::element(Days(-10), Days(-10), *AnyTime());
    c.until = *rc::gen::element(Days(10), Days(10), *AnyTime());
    c.withdrawn = Pick(4) == 0;
    if (Pick(3) == 0) c.subject = *rc::gen::element<std::string_view>("father", "me");
    if (Pick(3) == 0) c.by = ConsentBy::kSelf;
    return c;
  });
}

template <class T>
rc::Gen<std::vector<T>> AFew(rc::Gen<T> one) {
  return rc::gen::resize(12, rc::gen::container<std::vector<T>>(std::move(one)));
}

struct Question {
  RuleSet rules;
  std::vector<Consent> consents;
  CategorySet gated;
  Item item;
  Recipient to;
  Start start = Start::kPush;
  std::vector<Described> described;
  std::vector<Refusal> refusals;
  Known said;
  std::optional<int> age;

  Facts Given() const { return {true, consents, gated, said, refusals, age}; }
  Item Told() const {
    Item out = item;
    out.described = described;
    return out;
  }
  Decision Ask() const { return Decide(rules, Told(), to, Given(), start, kNow); }
};

rc::Gen<Refusal> AnyRefusal() {
  return rc::gen::exec([] {
    Refusal out;
    out.kind = Pick(2) == 0 ? Refusal::Kind::kObjection : Refusal::Kind::kExclusion;
    out.recipient = *rc::gen::element<std::string_view>("", "r-a", "r-b");
    out.categories = *FewCategories();
    return out;
  });
}

// Hangs on one fact and one attestation: else most of the answers would not depend on any.
void Sharpen(std::vector<Rule>& rows) {
  const FactSet fact = FactSet{}.With(*rc::gen::elementOf(kFew));
  Rule allow = Row("A", Effect::kAllow, kAny, kAny, *AnySet());
  (Pick(2) == 0 ? allow.when.all : allow.when.none) = fact;
  if (Pick(2) == 0) allow.reader = AnyRole();
  if (Pick(2) == 0) allow.assurance = AnyAssurance();
  Rule gate = Row("D", Effect::kDeny, kAny, kAny, (*FewCategories()).Minus(Cats(Category::kExist)));
  (Pick(2) == 0 ? gate.when.all : gate.when.none) = FactSet{}.With(*rc::gen::elementOf(kFew));
  rows.push_back(allow);
  rows.push_back(gate);
}

Question AnyQuestion() {
  Question q;
  std::vector<Rule> rows = *AFew(AnyRule());
  if (Pick(4) > 0) Sharpen(rows);
  q.rules = RuleSet(rows, "hash", Pick(3) == 0 ? FactSet{}.With(Fact::kLocationShield) : FactSet{});
  q.consents = *AFew(AnyConsent());
  for (int i = Pick(6) - 2; i > 0; --i) q.described.push_back({AnyPerson(), Pick(3) == 0});
  for (int i = Pick(6) - 3; i > 0; --i) q.refusals.push_back(*AnyRefusal());
  for (Fact fact : kSayable) q.said = q.said.With(fact, static_cast<Truth>(Pick(3)));
  if (Pick(4) > 0) q.age = 10 + Pick(10);
  q.gated = *rc::gen::element(CategorySet{}, *FewCategories());
  q.item = Item{*AnyAgency(), *rc::gen::element<std::string_view>("r-a", "r-e", "r-f", ""), *AnySet(),
                *rc::gen::elementOf(kPurposes)};
  if (Pick(2) == 0) q.item.placed = *AnySet();
  q.to = Recipient{*rc::gen::elementOf(kRecipients), *AnyAgency(), Pick(8) > 0, AnyRole(), AnyAssurance(), AnyPerson()};
  q.start = *rc::gen::element(Start::kPush, Start::kRequest);
  return q;
}

bool Within(CategorySet part, CategorySet of) { return part.Minus(of).Empty(); }

// Nobody is told more, and nobody new is told anything.
void AssertNoMore(const Decision& before, const Decision& after) {
  RC_ASSERT(Within(after.fields, before.fields));
  RC_ASSERT(before.verdict == Verdict::kDisclose || after.verdict != Verdict::kDisclose);
}

RC_GTEST_PROP(MonotonePrivacy, RemovingAConsentNeverAddsARecipientOrField, ()) {
  Question q = AnyQuestion();
  RC_PRE(!q.consents.empty());
  Decision before = q.Ask();
  auto at = *rc::gen::inRange<std::size_t>(0, q.consents.size());
  q.consents.erase(q.consents.begin() + static_cast<std::ptrdiff_t>(at));
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, WithdrawingAConsentNeverAddsARecipientOrField, ()) {
  Question q = AnyQuestion();
  RC_PRE(!q.consents.empty());
  Decision before = q.Ask();
  q.consents[*rc::gen::inRange<std::size_t>(0, q.consents.size())].withdrawn = true;
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, AddingAGateNeverAddsARecipientOrField, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  q.gated = q.gated.Or(*AnySet());
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, AddingADenyRowNeverAddsARecipientOrField, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  std::vector<Rule> rows(q.rules.rules().begin(), q.rules.rules().end());
  Rule deny = *AnyRule();
  deny.effect = Effect::kDeny;
  rows.insert(rows.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(rows.size()) + 1), deny);
  q.rules = RuleSet(rows, "hash", q.rules.recorded());
  AssertNoMore(before, q.Ask());
}

// P1: what nobody knows opens nothing that knowing would not.
RC_GTEST_PROP(MonotonePrivacy, ForgettingAFactNeverAddsAField, ()) {
  Question q = AnyQuestion();
  const Fact fact = *rc::gen::elementOf(kSayable);
  RC_PRE(!q.rules.recorded().Has(fact));  // no record of these is a no, hence not unknown
  // A gate and an allow that hang on this very fact.
  std::vector<Rule> rows(q.rules.rules().begin(), q.rules.rules().end());
  rows.push_back(Row("A", Effect::kAllow, kAny, kAny, *AnySet()));
  rows.push_back(Row("B", Effect::kAllow, kAny, kAny, *AnySet()));
  rows.push_back(Row("D", Effect::kDeny, kAny, kAny, *AnySet()));
  (Pick(2) == 0 ? rows.end()[-2].when.all : rows.end()[-2].when.none) = FactSet{}.With(fact);
  (Pick(2) == 0 ? rows.end()[-1].when.all : rows.end()[-1].when.none) = FactSet{}.With(fact);
  q.rules = RuleSet(rows, "hash", q.rules.recorded());
  q.said = q.said.With(fact, Pick(2) == 0 ? Truth::kYes : Truth::kNo);
  q.age = 10;
  Decision before = q.Ask();
  q.said = q.said.With(fact, Truth::kUnknown);
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, ForgettingTheAgeNeverAddsAField, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  q.age.reset();
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, ALesserAttestationNeverAddsAField, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  const Role lesser = AnyRole();
  RC_PRE(Includes(q.to.role, lesser));
  q.to.role = lesser;
  q.to.assurance = static_cast<Assurance>(Pick(static_cast<int>(q.to.assurance) + 1));
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, ARefusalNeverAddsAField, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  q.refusals.push_back(*AnyRefusal());
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, AnotherPersonDescribedNeverAddsAField, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  q.described.push_back({"sister", false});
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, MoreThatTellsOfAPlaceNeverAddsAField, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  q.item.placed = q.item.placed.Or(*AnySet());
  AssertNoMore(before, q.Ask());
}

RC_GTEST_PROP(MonotonePrivacy, AGateBeatsEveryAllow, ()) {
  Question q = AnyQuestion();
  std::vector<Rule> rows(q.rules.rules().begin(), q.rules.rules().end());
  Rule gate = Row("G", Effect::kDeny, kAny, kAny, *AnySet());
  rows.push_back(gate);  // last: its place does not matter
  q.rules = RuleSet(rows, "hash", q.rules.recorded());
  Decision d = q.Ask();
  RC_ASSERT(d.fields.And(gate.categories).Empty());
  RC_ASSERT(!gate.categories.Has(Category::kExist) || d.verdict != Verdict::kDisclose);
}

RC_GTEST_PROP(Unrelated, AFactThatNoRowNamesChangesNothing, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  q.said = q.said.With(Fact::kSameOffice, static_cast<Truth>(Pick(3)));
  q.said = q.said.With(Fact::kDeceased, static_cast<Truth>(Pick(3)));
  Decision after = q.Ask();
  RC_ASSERT(after.verdict == before.verdict && after.fields == before.fields);
  RC_ASSERT(after.missing == before.missing && after.rule == before.rule);
  RC_ASSERT(after.neither_nor == before.neither_nor && after.ground_count == before.ground_count);
}

// A caller cannot make a child older, nor say that somebody has not objected.
RC_GTEST_PROP(Closed, WhatIsWorkedOutIsNotListenedTo, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  for (int i = 0; i < kFactCount; ++i) {
    auto fact = static_cast<Fact>(i);
    if (Derived().Has(fact)) q.said = q.said.With(fact, static_cast<Truth>(Pick(3)));
  }
  Decision after = q.Ask();
  RC_ASSERT(after.verdict == before.verdict && after.fields == before.fields && after.missing == before.missing);
}

// Duties wait for nothing: no gate, consent, refusal or missing fact takes one away.
RC_GTEST_PROP(Duties, NoGateOrRefusalTakesOneAway, ()) {
  Question q = AnyQuestion();
  auto duties = [&] {
    std::vector<std::int16_t> out;
    for (std::int16_t row : OpenToPeople(q.rules, q.Told(), q.to, q.Given(), kNow)) {
      if (q.rules.rules()[static_cast<std::size_t>(row)].effect == Effect::kDuty) out.push_back(row);
    }
    return out;
  };
  const auto before = duties();
  q.gated = q.gated.Or(*AnySet());
  q.consents.clear();
  q.refusals.push_back(*AnyRefusal());
  q.to.role = Role::kNone;
  RC_ASSERT(duties() == before);
}

RC_GTEST_PROP(MonotonePrivacy, APushNeverShowsMoreThanARequest, ()) {
  Question q = AnyQuestion();
  q.start = Start::kRequest;
  Decision request = q.Ask();
  q.start = Start::kPush;
  Decision push = q.Ask();
  AssertNoMore(request, push);
  RC_ASSERT(push.verdict != Verdict::kHuman);
}

RC_GTEST_PROP(Unrelated, AConsentForAnotherRecipientNeverChangesTheDecision, ()) {
  Question q = AnyQuestion();
  Decision before = q.Ask();
  Consent other = *AnyConsent();
  RC_PRE(other.recipient != q.to.id);
  auto at = *rc::gen::inRange<std::size_t>(0, q.consents.size() + 1);
  q.consents.insert(q.consents.begin() + static_cast<std::ptrdiff_t>(at), other);
  Decision after = q.Ask();
  RC_ASSERT(after.verdict == before.verdict);
  RC_ASSERT(after.fields == before.fields);
  RC_ASSERT(after.missing == before.missing);
  RC_ASSERT(after.rule == before.rule);
  RC_ASSERT(after.ground_count == before.ground_count);
  for (std::size_t i = 0; i < after.ground_count; ++i) {
    RC_ASSERT(after.grounds[i].category == before.grounds[i].category);
    RC_ASSERT(after.grounds[i].rule == before.grounds[i].rule);
    int was = before.grounds[i].consent;
    if (was >= 0 && static_cast<std::size_t>(was) >= at) ++was;  // its index moved, it did not
    RC_ASSERT(after.grounds[i].consent == was);
  }
}

RC_GTEST_PROP(Closed, UnknownFactsWithhold, ()) {
  Question q = AnyQuestion();
  Decision d = Decide(q.rules, q.item, q.to, Facts{false, q.consents, q.gated}, q.start, kNow);
  RC_ASSERT(d.verdict == Verdict::kWithhold);
  RC_ASSERT(d.fields.Empty());
  RC_ASSERT(d.missing == Missing::kFacts);
}

RC_GTEST_PROP(Closed, AnEmptyRuleSetWithholds, ()) {
  Question q = AnyQuestion();
  q.rules = RuleSet();
  Decision d = q.Ask();
  RC_ASSERT(d.verdict == Verdict::kWithhold);
  RC_ASSERT(d.fields.Empty());
}

RC_GTEST_PROP(Closed, FieldsAreOfTheItemAndNeverGated, ()) {
  using enum Category;
  Question q = AnyQuestion();
  Decision d = q.Ask();
  CategorySet may = q.item.categories.Or(Cats(kExist, kIdent));
  RC_ASSERT(Within(d.fields, may));
  RC_ASSERT(d.fields.And(q.gated).Empty());
  RC_ASSERT(!d.fields.Has(kNone));
  RC_ASSERT((d.verdict == Verdict::kDisclose) == !d.fields.Empty());
}

// P7: what is shown has a ground each, of a rule that allows, with a consent that covers it where
// one is needed.
RC_GTEST_PROP(Explained, EveryFieldHasItsGround, ()) {
  Question q = AnyQuestion();
  Decision d = q.Ask();
  CategorySet grounded;
  for (std::size_t i = 0; i < d.ground_count; ++i) {
    const Ground& ground = d.grounds[i];
    RC_ASSERT(!grounded.Has(ground.category));
    grounded = grounded.With(ground.category);
    RC_ASSERT(ground.rule >= 0);
    const Rule& rule = q.rules.rules()[static_cast<std::size_t>(ground.rule)];
    RC_ASSERT(rule.confidence != "T");
    RC_ASSERT(rule.effect != Effect::kDuty && rule.effect != Effect::kDeny);
    RC_ASSERT((rule.effect == Effect::kHuman) == (d.verdict == Verdict::kHuman));
    if (d.verdict == Verdict::kDisclose) {
      RC_ASSERT(Includes(q.to.role, rule.reader) && q.to.assurance >= rule.assurance);
      // Each other person described has a consent of that person among those cited.
      for (const Described& one : q.described) {
        if (rule.frees_everyone || one.child || (!q.to.person.empty() && one.person == q.to.person)) continue;
        const bool cited = std::any_of(ground.others.begin(), ground.others.end(), [&](std::int16_t other) {
          return other >= 0 && q.consents[static_cast<std::size_t>(other)].subject == one.person;
        });
        RC_ASSERT(cited);
      }
    }
    if (rule.effect == Effect::kAllowWithConsent) {
      RC_ASSERT(ground.consent >= 0);
      const Consent& consent = q.consents[static_cast<std::size_t>(ground.consent)];
      RC_ASSERT(consent.recipient == q.to.id && !consent.withdrawn);
      RC_ASSERT(consent.valid_from <= kNow && kNow < consent.until);
    }
  }
  if (d.verdict == Verdict::kDisclose) RC_ASSERT(grounded == d.fields);
}

RC_GTEST_PROP(Explained, TheExplanationTellsTheDecision, ()) {
  Question q = AnyQuestion();
  Decision d = q.Ask();
  Explanation e = Explain(q.rules, q.Told(), q.to, q.Given(), q.start, kNow);
  RC_ASSERT(e.verdict == Name(d.verdict));
  RC_ASSERT(e.missing == Name(d.missing));
  for (const auto& line : e.lines) {
    auto category = CategoryFromName(line.category);
    if (!category || line.outcome != "shown") continue;
    RC_ASSERT(d.fields.Has(*category));
  }
}

}  // namespace
}  // namespace stafett::policy
