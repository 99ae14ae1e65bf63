// A child with two parents who must consent, a stepfather who need not, and services around it. The school asks.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "consent/domain/decide.h"

namespace stafett::consent::domain::sample {

inline const Person kTeacher{"p-teacher", "r-school", false};
inline const Person kNurse{"p-nurse", "r-health", false};
inline const Person kAdviser{"p-adviser", "r-ppt", false};
inline const Person kCaseWorker{"p-case-worker", "r-welfare", false};
inline const Person kMother{"p-mother", "r-portal", true};
inline const Person kFather{"p-father", "r-portal", true};
inline const Person kStepfather{"p-stepfather", "r-portal", true};

inline constexpr Time kNow{1'795'000'000'000};
inline constexpr Time kEnd{kNow.ms + 1'000'000};
inline constexpr char kConsent[] = "co-1";
using policy::Category;

inline Change By(const Person& who, const std::string& etag = "", Time now = kNow,
                 const std::string& consent = kConsent) {
  return {who, consent, etag, now};
}

inline void Do(Child& child, const Result<Events>& decided) {
  ASSERT_TRUE(decided.has_value()) << decided.error().reason << ": " << decided.error().message;
  for (const auto& e : *decided) Evolve(child, e);
}
inline std::string Reason(const Result<Events>& decided) { return decided ? "(done)" : decided.error().reason; }
inline std::string Field(const Result<Events>& decided) { return decided ? "(done)" : decided.error().field; }

inline Term YearFrom(const std::string& today) { return {today, "2027-11-18", "2028-11-18", kEnd}; }

inline Asked Question() {
  return {kFollowUp,
          {{"r-school", {Category::kConcern, Category::kPlan}},
           {"r-ppt", {Category::kPlan, Category::kEduc}},
           {"r-welfare", {Category::kConcern}}},
          {"p-mother", "p-father"},
          YearFrom("2026-11-18"),
          "nb"};
}

inline Child Registered() {
  Child child;
  Learn(child, {{{"p-mother", true}, {"p-father", true}, {"p-stepfather", false}}});
  return child;
}

inline Child WithRequest() {
  Child child = Registered();
  Do(child, RequestConsent(child, By(kTeacher), Question()));
  return child;
}

// School and PPT have both yeses; child welfare was refused by the mother.
inline Child WithConsent() {
  Child child = WithRequest();
  Do(child, Grant(child, By(kMother), "p-mother", {"r-school", "r-ppt"}, ""));
  Do(child, Refuse(child, By(kMother), "p-mother", {"r-welfare"}, ""));
  Do(child, Grant(child, By(kFather), "p-father", {"r-school", "r-ppt"}, ""));
  return child;
}

inline Standing Of(const Child& child, const std::string& recipient, Time now = kNow) {
  return child.Find(kConsent)->StandingFor(recipient, now);
}

}  // namespace stafett::consent::domain::sample
