// The order is law.md §9.7: obstacles, gates, then for each category the first rule that allows it
// (consent, health care), then human grounds, else nothing. Every branch that is not a clear yes
// ends in "no".
#include <limits>
#include <utility>

#include "lib/policy/evaluate.h"

namespace stafett::policy {

// Ground holds 16-bit indexes. A larger rule set could not be cited, so it allows nothing.
constexpr std::size_t kMostIndexed = std::numeric_limits<std::int16_t>::max();

RuleSet::RuleSet(std::vector<Rule> rules, std::string hash) : rules_(std::move(rules)), hash_(std::move(hash)) {
  if (rules_.size() > kMostIndexed) rules_.clear();
}

const Rule* RuleSet::Find(std::string_view id) const {
  for (const Rule& rule : rules_) {
    if (rule.id == id) return &rule;
  }
  return nullptr;
}

namespace internal {
namespace {

constexpr CategorySet kExist = CategorySet{}.With(Category::kExist);
constexpr CategorySet kIdent = CategorySet{}.With(Category::kIdent);
// Carried by whatever content is shown (design §4.6).
constexpr CategorySet kCarried = kExist.Or(kIdent);
constexpr CategorySet kEvery{(1U << static_cast<unsigned>(kCategoryCount)) - 2U};  // without kNone

// Runs `body(category)` for each member of the set, in the order of the enum.
template <class Body>
void ForEach(CategorySet set, Body body) {
  for (int i = 1; i < kCategoryCount; ++i) {
    auto category = static_cast<Category>(i);
    if (set.Has(category)) body(category);
  }
}

Missing Obstacle(const Item& item, const Recipient& to, const Facts& facts) {
  if (!facts.known) return Missing::kFacts;
  if (!to.active || to.id.empty() || to.agency == Agency::kUnknown) {
    return Missing::kRecipientInactive;
  }
  if (item.origin_recipient == to.id) return Missing::kOwnInformation;
  if (item.origin == Agency::kUnknown) return Missing::kRule;
  return Missing::kNothing;
}

bool MayBegin(const Rule& rule, Start start) {
  switch (rule.start) {
    case Start::kPush: return start == Start::kPush || start == Start::kRequest;
    case Start::kRequest: return start == Start::kRequest;
    case Start::kDuty: return false;  // begun by a person, never by this function
  }
  return false;
}

// T is "unverified", and anything else than these three is a mistake.
bool MayAllow(const Rule& rule) { return rule.confidence == "V" || rule.confidence == "G" || rule.confidence == "I"; }

// How near a missing thing is to a yes: the answer names the nearest, because that is what a case
// worker can act on.
int Nearness(Missing missing) {
  switch (missing) {
    case Missing::kConsentWithdrawn: return 5;
    case Missing::kConsentExpired: return 4;
    case Missing::kConsentScope: return 3;
    case Missing::kConsent: return 2;
    case Missing::kHumanDecision: return 1;
    case Missing::kNothing:
    case Missing::kFacts:
    case Missing::kRecipientInactive:
    case Missing::kOwnInformation:
    case Missing::kRule: return 0;
  }
  return 0;
}

// What keeps this consent from covering the category; kNothing if it covers it.
Missing Lacks(const Consent& consent, const Item& item, const Recipient& to, Category category, Time now) {
  if (consent.recipient != to.id) return Missing::kConsent;
  bool in_scope = consent.categories.Has(category) && !item.purpose.empty() && consent.purpose == item.purpose;
  bool live = !consent.withdrawn && consent.valid_from <= now && now < consent.until;
  if (!in_scope) return live ? Missing::kConsentScope : Missing::kConsent;
  if (live) return Missing::kNothing;
  if (consent.withdrawn) return Missing::kConsentWithdrawn;
  return now >= consent.until ? Missing::kConsentExpired : Missing::kConsent;
}

void LookForConsent(std::int16_t rule, const Item& item, const Recipient& to, const Facts& facts, Category category,
                    Time now, Finding& finding) {
  auto note = [&](Missing missing, std::int16_t consent) {
    if (finding.near_rule != kNone && Nearness(missing) <= Nearness(finding.missing)) return;
    finding.missing = missing;
    finding.near_rule = rule;
    finding.near_consent = consent;
  };
  note(Missing::kConsent, kNone);
  std::size_t count = facts.consents.size() < kMostIndexed ? facts.consents.size() : kMostIndexed;
  for (std::size_t i = 0; i < count; ++i) {
    Missing lacks = Lacks(facts.consents[i], item, to, category, now);
    if (lacks == Missing::kNothing) {
      finding.rule = rule;
      finding.consent = static_cast<std::int16_t>(i);
      return;
    }
    note(lacks, static_cast<std::int16_t>(i));
  }
}

void TakeGates(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Time now,
               Findings& out) {
  out.gated = facts.gated;
  auto all = rules.rules();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Rule& rule = all[i];
    if (rule.effect != Effect::kDeny || !Fits(rule, item, to, now)) continue;
    out.gated = out.gated.Or(rule.categories);
    bool takes = !rule.categories.And(out.asked.Or(kExist)).Empty();
    if (takes && out.gate == kNone) out.gate = static_cast<std::int16_t>(i);
  }
}

void TakeRule(std::int16_t index, const Rule& rule, const Item& item, const Recipient& to, const Facts& facts, Time now,
              Start start, CategorySet open, Findings& out) {
  ForEach(rule.categories.And(open), [&](Category category) {
    Finding& finding = out.by_category[static_cast<std::size_t>(category)];
    if (finding.rule != kNone) return;
    switch (rule.effect) {
      case Effect::kAllow: finding.rule = index; return;
      case Effect::kAllowWithConsent: LookForConsent(index, item, to, facts, category, now, finding); return;
      case Effect::kAllowUnlessObjected:
        // An objection reaches the facts as a gate, so what is still open here was not objected to.
        if (start == Start::kRequest) finding.rule = index;
        return;
      case Effect::kHuman:
        if (start == Start::kRequest && finding.human == kNone) finding.human = index;
        return;
      case Effect::kDeny:
      case Effect::kDuty:
      case Effect::kDefault: return;
    }
  });
}

void AddGround(Category category, std::int16_t rule, std::int16_t consent, Decision& decision) {
  decision.grounds[decision.ground_count++] = Ground{category, rule, consent};
}

Missing Nearest(const Findings& findings, CategorySet not_shown) {
  Missing nearest = Missing::kRule;
  ForEach(not_shown.Minus(findings.gated), [&](Category category) {
    const Finding& finding = findings.Of(category);
    Missing missing = finding.missing;
    if (missing == Missing::kRule && finding.human != kNone) missing = Missing::kHumanDecision;
    if (Nearness(missing) > Nearness(nearest)) nearest = missing;
  });
  return nearest;
}

}  // namespace

bool Fits(const Rule& rule, const Item& item, const Recipient& to, Time now) {
  return rule.givers.Has(item.origin) && rule.receivers.Has(to.agency) && rule.valid_from <= now &&
         (!rule.valid_to || now < *rule.valid_to) && (rule.purpose.empty() || rule.purpose == item.purpose);
}

Findings Evaluate(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start,
                  Time now) {
  Findings out;
  out.asked = item.categories.And(kEvery);
  out.obstacle = Obstacle(item, to, facts);
  if (out.obstacle != Missing::kNothing) return out;
  TakeGates(rules, item, to, facts, now, out);
  // Any content tells that the case exists: with EXIST gated nothing is left to ask for.
  CategorySet open = out.gated.Has(Category::kExist) ? CategorySet{} : out.asked.Minus(out.gated);
  auto all = rules.rules();
  for (std::size_t i = 0; i < all.size() && !open.Empty(); ++i) {
    const Rule& rule = all[i];
    if (rule.categories.And(open).Empty() || !MayBegin(rule, start) || !MayAllow(rule) || !Fits(rule, item, to, now)) {
      continue;
    }
    TakeRule(static_cast<std::int16_t>(i), rule, item, to, facts, now, start, open, out);
  }
  return out;
}

Decision Fold(const Findings& findings, Start start) {
  Decision out;
  if (findings.obstacle != Missing::kNothing) {
    out.missing = findings.obstacle;
    return out;
  }
  // Content first: its rule is the one that carries weight; EXIST and IDENT come with it.
  ForEach(findings.asked.Minus(kCarried), [&](Category category) {
    const Finding& finding = findings.Of(category);
    if (finding.rule == kNone) return;
    out.fields = out.fields.With(category);
    AddGround(category, finding.rule, finding.consent, out);
  });
  const bool content = out.ground_count > 0;
  const Ground first = out.grounds[0];
  ForEach(kCarried.Minus(findings.gated), [&](Category category) {
    const Finding& finding = findings.Of(category);
    if (finding.rule != kNone) {
      out.fields = out.fields.With(category);
      AddGround(category, finding.rule, finding.consent, out);
    } else if (content) {
      out.fields = out.fields.With(category);
      AddGround(category, first.rule, first.consent, out);
    }
  });
  if (out.ground_count > 0) {
    out.verdict = Verdict::kDisclose;
    CategorySet not_shown = findings.asked.Minus(out.fields);
    out.missing = not_shown.Empty() ? Missing::kNothing : Nearest(findings, not_shown);
    out.rule = out.grounds[0].rule;
    return out;
  }
  if (start == Start::kRequest) {
    ForEach(findings.asked, [&](Category category) {
      std::int16_t human = findings.Of(category).human;
      if (human != kNone) AddGround(category, human, kNone, out);
    });
  }
  if (out.ground_count > 0) {
    out.verdict = Verdict::kHuman;
    out.missing = Missing::kHumanDecision;
    out.rule = out.grounds[0].rule;
    return out;
  }
  out.missing = Nearest(findings, findings.asked);
  out.rule = findings.gate;
  return out;
}

}  // namespace internal

Decision Decide(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start,
                Time now) {
  return internal::Fold(internal::Evaluate(rules, item, to, facts, start, now), start);
}

}  // namespace stafett::policy
