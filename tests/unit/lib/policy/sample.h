// A small rule set with one row of each effect, and the nouns to ask it about. All data are
// synthetic.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/policy/policy.h"

namespace stafett::policy::sample {

inline constexpr Time kNow{1'795'000'000'000};  // a day in November 2026
inline constexpr std::int64_t kDay = 24LL * 3600 * 1000;
inline constexpr Time Days(std::int64_t days) { return Time{kNow.ms + days * kDay}; }

template <class... C>
constexpr CategorySet Cats(C... categories) {
  CategorySet out;
  ((out = out.With(categories)), ...);
  return out;
}
template <class... A>
constexpr AgencySet Agencies(A... agencies) {
  AgencySet out;
  ((out = out.With(agencies)), ...);
  return out;
}
inline constexpr AgencySet kAny{(std::uint64_t{1} << static_cast<unsigned>(kAgencyCount)) - 2U};

inline Rule Row(std::string id, Effect effect, AgencySet from, AgencySet to, CategorySet categories,
                Start start = Start::kPush) {
  Rule rule;
  rule.id = std::move(id);
  rule.statute = "statute of " + rule.id;
  rule.basis = "basis of " + rule.id;
  rule.givers = from;
  rule.receivers = to;
  rule.categories = categories;
  rule.effect = effect;
  rule.start = start;
  rule.valid_from = Days(-1000);
  rule.confidence = "V";
  rule.loosen = "NO";
  return rule;
}

inline std::vector<Rule> Rows() {
  using enum Category;
  using enum Agency;
  std::vector<Rule> rows;
  rows.push_back(Row("T002", Effect::kDeny, kAny, kAny, Cats(kAddrG)));
  rows.push_back(Row("T040", Effect::kDuty, Agencies(kSkoleK), Agencies(kBvt), Cats(kConcern), Start::kDuty));
  rows.push_back(Row("T020", Effect::kAllowWithConsent, Agencies(kSkoleK, kPpt), Agencies(kSkoleK, kPpt, kHst),
                     Cats(kConcern, kPlan, kEduc)));
  rows.push_back(Row("T062", Effect::kAllowWithConsent, Agencies(kHst), Agencies(kSkoleK), Cats(kHealthd, kPlan)));
  rows.push_back(
      Row("T060", Effect::kAllowUnlessObjected, Agencies(kHst), Agencies(kBup), Cats(kHealthd), Start::kRequest));
  rows.back().purpose = "health-care";
  rows.push_back(Row("T026", Effect::kHuman, Agencies(kSkoleK), Agencies(kSkoleK, kVgs), Cats(kEduc), Start::kRequest));
  rows.back().role = "LEADER";
  rows.push_back(Row("T014", Effect::kHuman, Agencies(kSkoleK), Agencies(kBvt, kPpt), Cats(kConcern), Start::kDuty));
  rows.back().role = "LEADER";
  rows.push_back(Row("X001", Effect::kAllow, Agencies(kKe), Agencies(kSkoleK), Cats(kPlan)));
  rows.push_back(Row("T001", Effect::kDefault, kAny, kAny, Cats(kConcern)));
  return rows;
}
inline RuleSet Rules() { return RuleSet(Rows(), "hash"); }

inline Item School(CategorySet categories) { return Item{Agency::kSkoleK, "r-school", categories, "follow-up"}; }
inline Item Nurse(CategorySet categories) { return Item{Agency::kHst, "r-nurse", categories, "follow-up"}; }
inline constexpr Recipient kPptUnit{"r-ppt", Agency::kPpt, true};
inline constexpr Recipient kOtherSchool{"r-other", Agency::kSkoleK, true};
inline constexpr Recipient kChildWelfare{"r-bvt", Agency::kBvt, true};
inline constexpr Recipient kBupUnit{"r-bup", Agency::kBup, true};

inline Consent For(std::string_view recipient, CategorySet categories) {
  return Consent{"k-1", recipient, categories, "follow-up", Days(-10), Days(100), false};
}
inline Facts Know(std::span<const Consent> consents = {}, CategorySet gated = {}) {
  return Facts{true, consents, gated};
}

}  // namespace stafett::policy::sample
