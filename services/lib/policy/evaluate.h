// Internal to lib/policy: what the rules say of each category, before it is folded into one
// Decision. Shared by Decide and Explain, so that an explanation can never tell another story than
// the decision.
#pragma once

#include "lib/policy/policy.h"

namespace stafett::policy::internal {

inline constexpr std::int16_t kNone = -1;

// What was found for one category.
struct Finding {
  std::int16_t rule = kNone;         // the first rule that allows it
  std::int16_t consent = kNone;      // under which consent
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
  std::int16_t gate = kNone;  // the first deny row that took out something asked
  std::array<Finding, kCategoryCount> by_category{};

  const Finding& Of(Category c) const { return by_category[static_cast<std::size_t>(c)]; }
};

Findings Evaluate(const RuleSet& rules, const Item& item, const Recipient& to, const Facts& facts, Start start,
                  Time now);
Decision Fold(const Findings& findings, Start start);

// Whether giver, receiver, purpose and date of the rule fit. Effect, start and category are not
// looked at.
bool Fits(const Rule& rule, const Item& item, const Recipient& to, Time now);

}  // namespace stafett::policy::internal
