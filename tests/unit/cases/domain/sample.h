// A child with a school, a health station, PPT and child welfare around it; both parents must consent.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "cases/domain/decide.h"

namespace stafett::cases::domain::sample {

inline const Person kTeacher{"p-teacher", "TEACHER", "u-1", "r-school", false, false};
inline const Person kColleague{"p-colleague", "TEACHER", "u-1", "r-school", false, false};
inline const Person kHead{"p-head", "HEAD", "u-1", "r-school", true, false};
inline const Person kNurse{"p-nurse", "NURSE", "u-2", "r-health", false, false};
inline const Person kHealthLeader{"p-leader", "LEADER", "u-2", "r-health", true, false};
inline const Person kAdviser{"p-adviser", "PPT_ADVISER", "u-3", "r-ppt", false, false};
inline const Person kMother{"p-mother", "GUARDIAN", "", "r-portal", false, true};

inline constexpr Time kNow{1'795'000'000'000};
inline constexpr char kToday[] = "2026-11-18";
inline constexpr char kSoon[] = "2026-12-01";
inline constexpr char kCase[] = "ca-1";

inline Change By(const Person& who, const std::string& case_id = kCase, const std::string& etag = "", Time now = kNow) {
  return {who, case_id, etag, kToday, now};
}

// Folds what was decided; fails the test if it was refused.
inline void Do(Child& child, const Result<Events>& decided) {
  ASSERT_TRUE(decided.has_value()) << decided.error().reason << ": " << decided.error().message;
  for (const auto& e : *decided) Evolve(child, e);
}

inline std::string Reason(const Result<Events>& decided) { return decided ? "(done)" : decided.error().reason; }

inline Child Registered() {
  Child child;
  Evolve(child,
         ChildRegistered{
             "Mina", "2017-05-14", {{"p-mother", "Solvor", "MOTHER", true}, {"p-father", "Aslakur", "FATHER", true}}});
  return child;
}

inline Child WithConcern() {
  Child child = Registered();
  Do(child, NoteConcern(child, By(kTeacher), "worried", kSoon));
  return child;
}

inline void Ask(Child& child, const std::string& consent = "co-1",
                const std::set<std::string>& recipients = {"r-school", "r-health", "r-ppt"}) {
  Learn(child, ConsentRequestedFact{consent, kFollowUp, Time{kNow.ms + 1000}, {"p-mother", "p-father"}, recipients});
}
inline void Yes(Child& child, const std::string& consenter, const std::vector<std::string>& recipients,
                const std::string& consent = "co-1") {
  Learn(child, ConsentAnsweredFact{consent, consenter, recipients, {}});
}

inline Child WithConsent() {
  Child child = WithConcern();
  Ask(child);
  Yes(child, "p-mother", {"r-school", "r-health", "r-ppt"});
  Yes(child, "p-father", {"r-school", "r-health", "r-ppt"});
  return child;
}

inline Child WithLog() {
  Child child = WithConsent();
  Do(child, OpenLog(child, By(kTeacher), "be happy", kSoon));
  return child;
}

inline Child WithParticipants() {
  Child child = WithLog();
  Do(child, AddParticipant(child, By(kTeacher), "r-health"));
  return child;
}

}  // namespace stafett::cases::domain::sample
