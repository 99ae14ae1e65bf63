// The same evaluation in words, for the people who may ask why.
#include "lib/policy/evaluate.h"

namespace stafett::policy {
namespace {

using internal::Finding;
using internal::Findings;

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

void Cite(const Rule* rule, Explanation::Line& line) {
  if (rule == nullptr) return;
  line.rule = rule->id;
  line.statute = rule->statute;
  line.basis = rule->basis;
}

void NameConsent(const Facts& facts, std::int16_t index, Explanation::Line& line) {
  if (index >= 0) line.consent = std::string(facts.consents[static_cast<std::size_t>(index)].id);
}

std::string Withheld(Missing missing) { return "withheld: " + std::string(Name(missing)); }

std::string AskedOf(const Rule& rule) {
  return "a person decides: " + (rule.role.empty() ? std::string("LEADER") : rule.role);
}

const Rule* GateOf(const RuleSet& rules, const Item& item, const Recipient& to, Category category, Time now) {
  for (const Rule& rule : rules.rules()) {
    if (rule.effect == Effect::kDeny && rule.categories.Has(category) && internal::Fits(rule, item, to, now)) {
      return &rule;
    }
  }
  return nullptr;
}

const Ground* GroundOf(const Decision& decision, Category category) {
  for (std::size_t i = 0; i < decision.ground_count; ++i) {
    if (decision.grounds[i].category == category) return &decision.grounds[i];
  }
  return nullptr;
}

struct Case {
  const RuleSet& rules;
  const Item& item;
  const Recipient& to;
  const Facts& facts;
  Time now;
};

Explanation::Line LineOf(const Case& of, const Findings& findings, const Decision& decision, Category category) {
  Explanation::Line line;
  line.category = std::string(Name(category));
  if (const Ground* ground = GroundOf(decision, category)) {
    const Rule* rule = At(of.rules, ground->rule);
    Cite(rule, line);
    NameConsent(of.facts, ground->consent, line);
    line.outcome = decision.verdict == Verdict::kDisclose ? std::string(kShown) : AskedOf(*rule);
    return line;
  }
  if (findings.obstacle != Missing::kNothing) {
    line.outcome = Withheld(findings.obstacle);
    return line;
  }
  const bool existence = findings.gated.Has(Category::kExist);
  if (existence || findings.gated.Has(category)) {
    Cite(GateOf(of.rules, of.item, of.to, existence ? Category::kExist : category, of.now), line);
    line.outcome = "withheld: gated";
    return line;
  }
  const Finding& finding = findings.Of(category);
  const Rule* near = At(of.rules, finding.near_rule);
  Cite(near != nullptr ? near : ClosingRow(of.rules), line);
  NameConsent(of.facts, finding.near_consent, line);
  line.outcome = Withheld(finding.missing);
  return line;
}

// The ways that stay open to people (law.md: "human grounds" and duties), whatever the machine
// answered. A reader of "withheld" must see that a duty to report waits for none of this.
void AddWaysForPeople(const Case& of, const Findings& findings, Explanation& out) {
  for (const Rule& rule : of.rules.rules()) {
    bool duty = rule.effect == Effect::kDuty;
    bool human = rule.effect == Effect::kHuman && rule.start == Start::kDuty;
    CategorySet open = duty ? findings.asked : findings.asked.Minus(findings.gated);
    CategorySet of_rule = rule.categories.And(open);
    if ((!duty && !human) || of_rule.Empty() || !internal::Fits(rule, of.item, of.to, of.now)) {
      continue;
    }
    Explanation::Line line;
    line.category = Join(of_rule);
    Cite(&rule, line);
    line.outcome = duty ? "a person's duty, outside this decision" : AskedOf(rule);
    out.lines.push_back(std::move(line));
  }
}

}  // namespace

Explanation Explain(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start,
                    Time now) {
  const Findings findings = internal::Evaluate(rules, item, to, facts, start, now);
  const Decision decision = internal::Fold(findings, start);
  const Case of{rules, item, to, facts, now};
  Explanation out;
  out.verdict = std::string(Name(decision.verdict));
  out.missing = std::string(Name(decision.missing));
  const Rule* rule = At(rules, decision.rule);
  if (rule == nullptr) rule = ClosingRow(rules);
  out.rule = rule == nullptr ? std::string(kDefaultDeny) : rule->id;
  for (int i = 1; i < kCategoryCount; ++i) {
    auto category = static_cast<Category>(i);
    if (findings.asked.Or(decision.fields).Has(category)) {
      out.lines.push_back(LineOf(of, findings, decision, category));
    }
  }
  if (findings.obstacle == Missing::kNothing && decision.verdict != Verdict::kDisclose) {
    AddWaysForPeople(of, findings, out);
  }
  return out;
}

}  // namespace stafett::policy
