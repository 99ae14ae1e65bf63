// The order is law.md §9.7: obstacles, gates, then for each category the first rule that allows it
// (consent, health care), then human grounds, else nothing. Every branch that is not a clear yes
// ends in "no".
#include <algorithm>
#include <limits>
#include <utility>

#include "lib/policy/evaluate.h"

namespace stafett::policy {

// Ground holds 16-bit indexes. A larger rule set could not be cited, so it allows nothing.
constexpr std::size_t kMostIndexed = std::numeric_limits<std::int16_t>::max();

RuleSet::RuleSet(std::vector<Rule> rules, std::string hash, FactSet recorded)
    : rules_(std::move(rules)), hash_(std::move(hash)), recorded_(recorded) {
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
  if (item.described.size() > kMostDescribed) return Missing::kOtherPerson;
  return Missing::kNothing;
}

Truth Is(bool yes) { return yes ? Truth::kYes : Truth::kNo; }

Truth Under(int years, const std::optional<int>& age) { return age ? Is(*age < years) : Truth::kUnknown; }

bool IsReader(const Described& one, const Recipient& to) { return !to.person.empty() && one.person == to.person; }

bool Describes(const Item& item, const Recipient& to) {
  for (const Described& one : item.described) {
    if (IsReader(one, to)) return true;
  }
  return false;
}

bool AboutNobodyElse(const Item& item, const Recipient& to) {
  for (const Described& one : item.described) {
    if (!IsReader(one, to)) return false;
  }
  return !item.described.empty();
}

Known WorkOut(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, bool objected) {
  Known known = facts.said;
  // No record of what this system records itself is a no; but only of a view that is known, which it is by now.
  known.no = known.no.Or(rules.recorded().Minus(known.yes));
  auto set = [&](Fact fact, Truth truth) { known = known.With(fact, truth); };
  const auto& age = facts.child_age;
  set(Fact::kChildUnder7, Under(7, age));
  set(Fact::kChildUnder12, Under(12, age));
  set(Fact::kChildUnder15, Under(15, age));
  set(Fact::kChildUnder16, Under(16, age));
  set(Fact::kChildUnder18, Under(18, age));
  const bool child = to.agency == Agency::kChild;
  set(Fact::kReaderIsChild, Is(child));
  set(Fact::kReaderUnder12, child ? Under(12, age) : Truth::kNo);
  set(Fact::kReaderUnder15, child ? Under(15, age) : Truth::kNo);
  set(Fact::kReaderUnder16, child ? Under(16, age) : Truth::kNo);
  set(Fact::kReaderIsDescribed, Is(Describes(item, to)));
  set(Fact::kOnlyAboutReader, Is(AboutNobodyElse(item, to)));
  set(Fact::kObjected, Is(objected));
  // It ends at 18, at midnight, whatever the register still says (law.md R3-19).
  const Truth under_age = Under(18, age);
  if (under_age != Truth::kYes && known.Of(Fact::kParentalResponsibility) != Truth::kNo) {
    set(Fact::kParentalResponsibility, under_age);
  }
  return known;
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
    case Missing::kExcluded: return 10;
    case Missing::kObjection: return 9;
    case Missing::kOtherPerson: return 8;
    case Missing::kConsentWithdrawn: return 7;
    case Missing::kConsentExpired: return 6;
    case Missing::kConsentScope: return 5;
    case Missing::kConsent: return 4;
    case Missing::kAttestation: return 3;
    case Missing::kCondition: return 2;
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

void Note(Missing missing, std::int16_t rule, std::int16_t consent, Finding& finding) {
  if (finding.near_rule != kNone && Nearness(missing) <= Nearness(finding.missing)) return;
  finding.missing = missing;
  finding.near_rule = rule;
  finding.near_consent = consent;
}

struct Search {
  std::int16_t found = kNone;
  Missing nearest = Missing::kConsent;
  std::int16_t near = kNone;
};

// The first consent that frees this person's information; `subject` empty: the child's.
Search Consenting(const Question& q, std::string_view subject, Category category, bool parents_void) {
  Search out;
  for (std::size_t i = q.first; i < q.last; ++i) {
    const Consent& consent = q.facts.consents[i];
    if (consent.subject != subject || (parents_void && consent.by == ConsentBy::kParents)) continue;
    Missing lacks = Lacks(consent, q.item, q.to, category, q.now);
    if (lacks == Missing::kNothing) return {static_cast<std::int16_t>(i), lacks, kNone};
    if (Nearness(lacks) > Nearness(out.nearest)) {
      out.nearest = lacks;
      out.near = static_cast<std::int16_t>(i);
    }
  }
  return out;
}

// Everybody described besides the child and the reader has consented to this; their consents are kept in `finding`.
bool OthersAreFree(const Question& q, Category category, bool parents_void, Finding& finding) {
  std::size_t count = 0;
  for (const Described& one : q.item.described) {
    if (one.child || IsReader(one, q.to)) continue;
    std::int16_t found = one.person.empty() ? kNone : Consenting(q, one.person, category, parents_void).found;
    if (found == kNone) return false;
    finding.others[count++] = found;
  }
  return true;
}

void TakeGates(const Question& q, Findings& out) {
  out.gated = q.facts.gated;
  auto all = q.rules.rules();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Rule& rule = all[i];
    if (rule.effect == Effect::kNeitherNor) {
      bool speaks = !rule.categories.And(out.asked.Or(kExist)).Empty();
      if (out.form == kNone && speaks && Fits(rule, q)) out.form = static_cast<std::int16_t>(i);
      continue;
    }
    if (rule.effect != Effect::kDeny) continue;
    if (rule.only == Only::kParentsConsent) {
      if (Fits(rule, q) && Judge(rule.when, q.known) != Truth::kNo) {
        out.parents_void = out.parents_void.Or(rule.categories);
      }
      continue;
    }
    CategorySet taken = Takes(rule, q);
    out.gated = out.gated.Or(taken);
    bool takes = !taken.And(out.asked.Or(kExist)).Empty();
    if (takes && out.gate == kNone) out.gate = static_cast<std::int16_t>(i);
  }
}

// Why this rule does not speak for this reader; kNothing if it does.
Missing Unmet(const Rule& rule, const Question& q) {
  Truth met = Judge(rule.when, q.known);
  if (met == Truth::kNo) return Missing::kRule;
  if (met == Truth::kUnknown) return Missing::kCondition;
  if (!Includes(q.to.role, rule.reader) || q.to.assurance < rule.assurance) return Missing::kAttestation;
  return Missing::kNothing;
}

void Allow(std::int16_t index, const Rule& rule, const Question& q, Category category, Findings& out,
           Finding& finding) {
  const bool by_consent = rule.effect == Effect::kAllowWithConsent;
  const bool parents_void = out.parents_void.Has(category);
  std::int16_t consent = kNone;
  if (by_consent) {
    Search search = Consenting(q, {}, category, parents_void);
    if (search.found == kNone) {
      Note(search.nearest, index, search.near, finding);
      return;
    }
    consent = search.found;
  }
  if (by_consent && q.excluded.Has(category)) return Note(Missing::kExcluded, index, consent, finding);
  if (rule.effect != Effect::kAllow && q.objected.Has(category)) {
    return Note(Missing::kObjection, index, consent, finding);
  }
  Finding freed = finding;
  if (!rule.frees_everyone && !OthersAreFree(q, category, parents_void, freed)) {
    return Note(Missing::kOtherPerson, index, consent, finding);
  }
  finding.others = freed.others;
  finding.rule = index;
  finding.consent = consent;
}

void TakeRule(std::int16_t index, const Rule& rule, const Question& q, CategorySet open, Findings& out) {
  const Missing unmet = Unmet(rule, q);
  ForEach(rule.categories.And(open), [&](Category category) {
    Finding& finding = out.by_category[static_cast<std::size_t>(category)];
    if (finding.rule != kNone) return;
    switch (rule.effect) {
      case Effect::kAllow:
      case Effect::kAllowWithConsent:
        if (unmet == Missing::kNothing) return Allow(index, rule, q, category, out, finding);
        if (unmet != Missing::kRule) Note(unmet, index, kNone, finding);
        return;
      case Effect::kAllowUnlessObjected:
        if (q.start != Start::kRequest) return;
        if (unmet == Missing::kNothing) return Allow(index, rule, q, category, out, finding);
        if (unmet != Missing::kRule) Note(unmet, index, kNone, finding);
        return;
      case Effect::kHuman:
        if (q.start == Start::kRequest && finding.human == kNone && unmet == Missing::kNothing) finding.human = index;
        return;
      case Effect::kDeny:
      case Effect::kDuty:
      case Effect::kDefault:
      case Effect::kNeitherNor: return;
    }
  });
}

void AddGround(const Ground& ground, Decision& decision) { decision.grounds[decision.ground_count++] = ground; }

Ground GroundOf(Category category, const Finding& finding) {
  return {category, finding.rule, finding.consent, finding.others};
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

Question Read(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start, Time now) {
  Question q{rules, item, to, facts, start, now};
  for (const Refusal& refusal : facts.refusals) {
    if (!refusal.recipient.empty() && refusal.recipient != to.id) continue;
    CategorySet& refused = refusal.kind == Refusal::Kind::kObjection ? q.objected : q.excluded;
    refused = refused.Or(refusal.categories);
  }
  for (std::size_t i = 0; i < std::min(facts.consents.size(), kMostIndexed); ++i) {
    if (facts.consents[i].recipient != to.id) continue;
    if (q.last == 0) q.first = i;
    q.last = i + 1;
  }
  q.known = WorkOut(rules, item, to, facts, !q.objected.And(item.categories.And(kEvery)).Empty());
  const AgencySet self = AgencySet{}.With(to.agency);
  const AgencySet subject = AgencySet{}.With(Agency::kSubj);
  const bool described = Describes(item, to);
  q.gated_as = described ? self.Or(subject) : self;
  q.allowed_as = described ? self.Or(subject) : self.Minus(subject);
  return q;
}

bool Fits(const Rule& rule, const Question& q) {
  const bool allows = rule.effect == Effect::kAllow || rule.effect == Effect::kAllowWithConsent ||
                      rule.effect == Effect::kAllowUnlessObjected;
  return rule.givers.Has(q.item.origin) && !rule.receivers.And(allows ? q.allowed_as : q.gated_as).Empty() &&
         rule.valid_from <= q.now && (!rule.valid_to || q.now < *rule.valid_to) &&
         (rule.purpose.empty() || rule.purpose == q.item.purpose);
}

CategorySet Takes(const Rule& gate, const Question& q) {
  if (gate.effect != Effect::kDeny || gate.only == Only::kParentsConsent || !Fits(gate, q) ||
      Judge(gate.when, q.known) == Truth::kNo) {
    return {};
  }
  return gate.only == Only::kPlace ? gate.categories.And(q.item.placed) : gate.categories;
}

Findings Evaluate(const Question& q) {
  Findings out;
  out.asked = q.item.categories.And(kEvery);
  out.obstacle = Obstacle(q.item, q.to, q.facts);
  if (out.obstacle != Missing::kNothing) return out;
  TakeGates(q, out);
  // Any content tells that the case exists: with EXIST gated nothing is left to ask for.
  CategorySet open = out.gated.Has(Category::kExist) ? CategorySet{} : out.asked.Minus(out.gated);
  auto all = q.rules.rules();
  for (std::size_t i = 0; i < all.size() && !open.Empty(); ++i) {
    const Rule& rule = all[i];
    if (rule.categories.And(open).Empty() || !MayBegin(rule, q.start) || !MayAllow(rule) || !Fits(rule, q)) continue;
    TakeRule(static_cast<std::int16_t>(i), rule, q, open, out);
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
    if (finding.rule != kNone) AddGround(GroundOf(category, finding), out);
  });
  // Who is shown the identity alone is told by it that there is a case.
  const bool content = out.ground_count > 0;
  const Finding& identity = findings.Of(Category::kIdent);
  const Ground first = content ? out.grounds[0] : GroundOf(Category::kIdent, identity);
  const bool carries = first.rule != kNone && !findings.gated.Has(Category::kExist);
  ForEach(kCarried.Minus(findings.gated), [&](Category category) {
    const Finding& finding = findings.Of(category);
    if (finding.rule != kNone) {
      AddGround(GroundOf(category, finding), out);
    } else if (carries) {
      AddGround({category, first.rule, first.consent, first.others}, out);
    }
  });
  for (std::size_t i = 0; i < out.ground_count; ++i) out.fields = out.fields.With(out.grounds[i].category);
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
      if (human != kNone) AddGround({category, human}, out);
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
  out.neither_nor = findings.form != kNone;
  return out;
}

}  // namespace internal

std::vector<std::int16_t> OpenToPeople(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts,
                                       Time now) {
  const internal::Question q = internal::Read(rules, item, to, facts, Start::kDuty, now);
  const internal::Findings findings = internal::Evaluate(q);
  std::vector<std::int16_t> out;
  if (findings.obstacle != Missing::kNothing) return out;
  auto all = rules.rules();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Rule& rule = all[i];
    const Truth met = Judge(rule.when, q.known);
    const bool duty = rule.effect == Effect::kDuty && met != Truth::kNo;
    const bool human =
        rule.effect == Effect::kHuman && rule.start == Start::kDuty && met == Truth::kYes && internal::MayAllow(rule);
    const CategorySet open = duty ? findings.asked : findings.asked.Minus(findings.gated);
    if ((duty || human) && !rule.categories.And(open).Empty() && internal::Fits(rule, q)) {
      out.push_back(static_cast<std::int16_t>(i));
    }
  }
  return out;
}

Decision Decide(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start,
                Time now) {
  return internal::Fold(internal::Evaluate(internal::Read(rules, item, to, facts, start, now)), start);
}

}  // namespace stafett::policy
