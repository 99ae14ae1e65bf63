// Statements about every rule set, item and history of consents, not about examples.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

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
  return rc::gen::map(Bits(23), [](unsigned b) { return AgencySet{b}; });
}
rc::Gen<Agency> AnyAgency() {
  return rc::gen::exec([] { return static_cast<Agency>(Pick(22)); });
}
rc::Gen<Time> AnyTime() {
  return rc::gen::exec([] { return Days(Pick(7) - 3); });
}
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

  Decision Ask() const { return Decide(rules, item, to, Facts{true, consents, gated}, start, kNow); }
};

Question AnyQuestion() {
  Question q;
  q.rules = RuleSet(*AFew(AnyRule()), "hash");
  q.consents = *AFew(AnyConsent());
  q.gated = *rc::gen::element(CategorySet{}, *FewCategories());
  q.item = Item{*AnyAgency(), *rc::gen::element<std::string_view>("r-a", "r-e", "r-f", ""), *AnySet(),
                *rc::gen::elementOf(kPurposes)};
  q.to = Recipient{*rc::gen::elementOf(kRecipients), *AnyAgency(), Pick(8) > 0};
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
  q.rules = RuleSet(rows, "hash");
  AssertNoMore(before, q.Ask());
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
  Explanation e = Explain(q.rules, q.item, q.to, Facts{true, q.consents, q.gated}, q.start, kNow);
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
