// Internal to lib/policy: what the rules say of each category, before it is folded into one
// Decision. Shared by Decide and Explain, so that an explanation can never tell another story than
// the decision.
#pragma once

#include "lib/policy/policy.h"

namespace stafett::policy::internal {

inline constexpr std::int16_t kNone = -1;

// One question to the engine, with what is worked out once and read for every row.
struct Question {
  const RuleSet& rules;
  const Item& item;
  const Recipient& to;
  const Facts& facts;
  Start start = Start::kRequest;
  Time now;
  Known known = {};           // said and recorded and worked out
  AgencySet gated_as = {};    // what the reader is to a gate, a duty and a person who decides
  AgencySet allowed_as = {};  // and to a rule that allows: SUBJ only if the item describes it
  CategorySet objected = {};  // refused to this reader
  CategorySet excluded = {};
  // This recipient's consents all lie within [first, last): a child may have many of others.
  std::size_t first = 0;
  std::size_t last = 0;
};
Question Read(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start, Time now);

// What was found for one category.
struct Finding {
  std::int16_t rule = kNone;     // the first rule that allows it
  std::int16_t consent = kNone;  // under which consent
  std::array<std::int16_t, kMostDescribed> others = {-1, -1, -1, -1, -1, -1, -1, -1};
  std::int16_t human = kNone;        // the first rule that lets a person decide
  Missing missing = Missing::kRule;  // nearest thing missing, if no rule allows it
  std::int16_t near_rule = kNone;    // the rule that it was missing for
  std::int16_t near_consent = kNone;
};

struct Findings {
  // Not kNothing: this stands before every rule, and nothing else was looked at.
  Missing obstacle = Missing::kNothing;
  CategorySet asked;          // the item's categories, without kNone
  CategorySet gated;          // taken out for this recipient, by facts or by a deny row
  CategorySet parents_void;   // where consent that parents gave does not count
  std::int16_t gate = kNone;  // the first deny row that took out something asked
  std::int16_t form = kNone;  // the first row that gives a refusal its form
  std::array<Finding, kCategoryCount> by_category{};

  const Finding& Of(Category c) const { return by_category[static_cast<std::size_t>(c)]; }
};

Findings Evaluate(const Question& question);
Decision Fold(const Findings& findings, Start start);

// Whether giver, receiver, purpose and date of the rule fit. Effect, condition, start and category are not looked at.
bool Fits(const Rule& rule, const Question& question);
// What this gate takes out here; empty if it does not close. Not for Only::kParentsConsent.
CategorySet Takes(const Rule& gate, const Question& question);

}  // namespace stafett::policy::internal
