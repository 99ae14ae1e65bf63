#include "consent/domain/preview.h"

#include <array>

namespace stafett::consent::domain {
namespace {

using policy::CategorySet;

// What this recipient would be shown of an item of this origin, with a consent to exactly what was asked.
CategorySet Allowed(const policy::RuleSet& rules, const Party& origin, const std::string& purpose,
                    const PreviewScope& scope, Time now) {
  CategorySet asked;
  for (auto c : scope.categories) asked = asked.With(c);
  std::array<policy::Consent, 1> consents;
  auto& consent = consents[0];
  consent.id = "preview";
  consent.recipient = scope.recipient.id;
  consent.categories = asked;
  consent.purpose = purpose;
  consent.valid_from = now;
  consent.until = Time{now.ms + 1};
  policy::Facts facts;
  facts.known = true;
  facts.consents = consents;
  policy::Recipient to{scope.recipient.id, scope.recipient.agency, true};
  CategorySet shown;
  // One by one, because an item of one category is the least that can be sent.
  for (auto c : scope.categories) {
    policy::Item item{origin.agency, origin.id, CategorySet{}.With(c), purpose};
    auto decision = policy::Decide(rules, item, to, facts, policy::Start::kPush, now);
    if (decision.verdict == policy::Verdict::kDisclose) shown = shown.Or(decision.fields);
  }
  return shown.And(asked);
}

}  // namespace

std::vector<PreviewLine> Preview(const policy::RuleSet& rules, const Party& asking, const std::string& purpose,
                                 const std::vector<PreviewScope>& scopes, Time now) {
  std::vector<PreviewLine> lines;
  for (const auto& scope : scopes) {
    auto shown = Allowed(rules, asking, purpose, scope, now);
    for (const auto& other : scopes) shown = shown.Or(Allowed(rules, other.recipient, purpose, scope, now));
    PreviewLine line{scope.recipient.id, {}, {}, shown.Has(policy::Category::kPlan)};
    for (auto c : scope.categories) (shown.Has(c) ? line.allowed : line.refused).push_back(c);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace stafett::consent::domain
