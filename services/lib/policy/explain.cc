// The same evaluation in words, for the people who may ask why.
#include "lib/policy/evaluate.h"

namespace stafett::policy {
namespace {

using internal::Finding;
using internal::Findings;
using internal::Question;

// What stands when the file has no closing row of its own.
constexpr std::string_view kDefaultDeny = "T001";

const Rule* ClosingRow(const RuleSet& rules) {
  for (const Rule& rule : rules.rules()) {
    if (rule.effect == Effect::kDefault) return &rule;
  }
  return nullptr;
}

const Rule* At(const RuleSet& rules, std::int16_t index) {
  return index < 0 ? nullptr : &rules.rules()[static_cast<std::size_t>(index)];
}

void Cite(const Rule* rule, const Question& q, Explanation::Line& line) {
  if (rule == nullptr) return;
  line.rule = rule->id;
  line.statute = rule->statute;
  line.basis = rule->basis;
  line.obligations = rule->obligations;
  for (int i = 0; i < kFactCount; ++i) {
    auto fact = static_cast<Fact>(i);
    if (!rule->when.Names().Has(fact)) continue;
    const Truth truth = q.known.Of(fact);
    if (truth == Truth::kUnknown) {
      line.lacking.emplace_back(Name(fact));
    } else {
      line.used.emplace_back(Name(fact), truth == Truth::kYes);
    }
  }
}

void NameConsent(const Facts& facts, std::int16_t index, Explanation::Line& line) {
  if (index >= 0) line.consent = std::string(facts.consents[static_cast<std::size_t>(index)].id);
}

std::string Withheld(Missing missing) { return "withheld: " + std::string(Name(missing)); }

std::string AskedOf(const Rule& rule) {
  return "a person decides: " + (rule.role.empty() ? std::string("LEADER") : rule.role);
}

const Rule* GateOf(const Question& q, Category category) {
  for (const Rule& rule : q.rules.rules()) {
    if (internal::Takes(rule, q).Has(category)) return &rule;
  }
  return nullptr;
}

const Ground* GroundOf(const Decision& decision, Category category) {
  for (std::size_t i = 0; i < decision.ground_count; ++i) {
    if (decision.grounds[i].category == category) return &decision.grounds[i];
  }
  return nullptr;
}

Explanation::Line LineOf(const Question& q, const Findings& findings, const Decision& decision, Category category) {
  Explanation::Line line;
  line.category = std::string(Name(category));
  if (const Ground* ground = GroundOf(decision, category)) {
    const Rule* rule = At(q.rules, ground->rule);
    Cite(rule, q, line);
    NameConsent(q.facts, ground->consent, line);
    line.outcome = decision.verdict == Verdict::kDisclose ? std::string(kShown) : AskedOf(*rule);
    return line;
  }
  if (findings.obstacle != Missing::kNothing) {
    line.outcome = Withheld(findings.obstacle);
    return line;
  }
  const bool existence = findings.gated.Has(Category::kExist);
  if (existence || findings.gated.Has(category)) {
    Cite(GateOf(q, existence ? Category::kExist : category), q, line);
    line.outcome = "withheld: gated";
    return line;
  }
  const Finding& finding = findings.Of(category);
  const Rule* near = At(q.rules, finding.near_rule);
  Cite(near != nullptr ? near : ClosingRow(q.rules), q, line);
  NameConsent(q.facts, finding.near_consent, line);
  line.outcome = Withheld(finding.missing);
  return line;
}

// The ways that stay open to people (law.md: "human grounds" and duties), whatever the machine
// answered. A reader of "withheld" must see that a duty to report waits for none of this.
void AddWaysForPeople(const Question& q, const Findings& findings, Explanation& out) {
  for (std::int16_t index : OpenToPeople(q.rules, q.item, q.to, q.facts, q.now)) {
    const Rule& rule = *At(q.rules, index);
    const bool duty = rule.effect == Effect::kDuty;
    Explanation::Line line;
    line.category = Join(rule.categories.And(duty ? findings.asked : findings.asked.Minus(findings.gated)));
    Cite(&rule, q, line);
    line.outcome = duty ? "a person's duty, outside this decision" : AskedOf(rule);
    out.lines.push_back(std::move(line));
  }
}

}  // namespace

Explanation Explain(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start,
                    Time now) {
  const Question q = internal::Read(rules, item, to, facts, start, now);
  const Findings findings = internal::Evaluate(q);
  const Decision decision = internal::Fold(findings, start);
  Explanation out;
  out.policy = rules.hash();
  out.neither_nor = decision.neither_nor;
  out.verdict = std::string(Name(decision.verdict));
  out.missing = std::string(Name(decision.missing));
  const Rule* rule = At(rules, decision.rule);
  if (rule == nullptr) rule = ClosingRow(rules);
  out.rule = rule == nullptr ? std::string(kDefaultDeny) : rule->id;
  for (int i = 1; i < kCategoryCount; ++i) {
    auto category = static_cast<Category>(i);
    if (findings.asked.Or(decision.fields).Has(category)) {
      out.lines.push_back(LineOf(q, findings, decision, category));
    }
  }
  if (findings.obstacle == Missing::kNothing && decision.verdict != Verdict::kDisclose) {
    AddWaysForPeople(q, findings, out);
  }
  return out;
}

}  // namespace stafett::policy
