// A child with a school, a health station, PPT and child welfare around it; both parents must consent.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "cases/domain/contributions.h"
#include "cases/domain/decide.h"
#include "cases/domain/measures.h"

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

// Each is a command of its own.
inline Change By(const Person& who, const std::string& case_id = kCase, const std::string& etag = "", Time now = kNow) {
  static int commands = 0;
  return {who, case_id, etag, kToday, now, "command-" + std::to_string(++commands)};
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
                const std::set<std::string>& recipients = {"r-school", "r-health", "r-ppt"},
                const std::string& asked_by = "r-school") {
  Learn(child,
        ConsentRequestedFact{consent, kFollowUp, asked_by, Time{kNow.ms + 1000}, {"p-mother", "p-father"}, recipients});
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

// What a measure is before it has an id: walks to school, evaluated in December.
inline Measure Walks(const Person& responsible) {
  Measure m;
  m.title = "walks to school with a friend";
  m.responsible = responsible.id;
  m.responsible_recipient = responsible.recipient;
  m.start = kToday;
  m.evaluation_date = kSoon;
  return m;
}
inline Evaluation Helped(const std::string& next_date = kSoon) {
  return {Outcome::kHelped, {{policy::Category::kEduc, "she laughs again", {}}}, next_date, false};
}
// A log with health station and school in it, and a measure for which the nurse is responsible.
inline Child WithMeasure() {
  Child child = WithParticipants();
  Do(child, StartMeasure(child, By(kTeacher), Walks(kNurse)));
  return child;
}
inline std::vector<Section> SleepsAgain() { return {{policy::Category::kHealthd, "she sleeps again", {}}}; }
// A log held by the school, to which the nurse has submitted something.
inline Child WithContribution() {
  Child child = WithParticipants();
  Do(child, SubmitContribution(child, By(kNurse), SleepsAgain(), kSoon));
  return child;
}
inline const Contribution& TheContribution(const Child& child) { return child.Find(kCase)->contributions.at(0); }

inline const Measure& TheMeasure(const Child& child) { return child.Find(kCase)->measures.at(0); }

}  // namespace stafett::cases::domain::sample
