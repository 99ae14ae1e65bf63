// What a participant submits to the holder, and the holder's answer.
#include "cases/domain/contributions.h"

#include "cases/domain/timeline.h"
#include "sample.h"

namespace stafett::cases::domain {
namespace {
using namespace sample;

Result<Events> Submit(const Child& child, const Person& who, Time now = kNow) {
  return SubmitContribution(child, By(who, kCase, "", now), SleepsAgain(), kSoon);
}
Result<Events> Accept(const Child& child, const Person& who) {
  return AcceptContribution(child, By(who), TheContribution(child).id);
}
Result<Events> Decline(const Child& child, const Person& who) {
  return DeclineContribution(child, By(who), TheContribution(child).id, DeclineReason::kNotRelevant);
}
constexpr Time kExpired{kNow.ms + 1000};

TEST(Contributions, Staff_of_a_service_that_takes_part_submit_to_the_service_that_holds_the_log) {
  Child child = WithParticipants();
  for (const auto& who : {kNurse, kHealthLeader}) {
    auto submitted = Submit(child, who);
    ASSERT_TRUE(submitted) << submitted.error().reason;
    ASSERT_EQ(submitted->size(), 1U);
    const auto& e = std::get<ContributionSubmitted>(submitted->at(0));
    EXPECT_EQ(e.author, who.id);
    EXPECT_EQ(e.author_recipient, "r-health");
    EXPECT_EQ(e.to_recipient, "r-school");
    EXPECT_EQ(e.answer_by, kSoon);
    EXPECT_FALSE(e.contribution_id.empty());
  }
}

TEST(Contributions, Nobody_else_submits_and_who_may_not_know_the_log_learns_nothing) {
  Child child = WithParticipants();
  for (const auto& who : {kTeacher, kColleague, kHead}) EXPECT_EQ(Reason(Submit(child, who)), "NOT_PARTICIPANT");
  EXPECT_EQ(Reason(Submit(child, kMother)), "STAFF_ONLY");
  for (const auto& hidden : {Registered(), WithConcern()}) EXPECT_EQ(Reason(Submit(hidden, kMother)), "NOT_ALLOWED");
  EXPECT_EQ(Reason(Submit(child, kAdviser)), "NOT_ALLOWED");
  EXPECT_EQ(Reason(Submit(child, Person{})), "NOT_ALLOWED");
  for (const auto& before : {Registered(), WithConcern(), WithLog()}) {
    EXPECT_EQ(Reason(Submit(before, kNurse)), "NOT_ALLOWED");
  }
}

TEST(Contributions, A_consent_names_both_services_and_the_log_is_open) {
  Child child = WithParticipants();
  EXPECT_EQ(Reason(Submit(child, kNurse, kExpired)), "NOT_ALLOWED") << "its own has run out";
  // Promise P1: what parents said of the school is not the nurse's to know.
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school"}});
  EXPECT_EQ(Reason(Submit(child, kNurse)), "NOT_ALLOWED");
  child = WithParticipants();
  Evolve(child, LogSuspended{kCase});
  EXPECT_EQ(Reason(Submit(child, kNurse)), "LOG_NOT_OPEN");
  child = WithParticipants();
  Evolve(child, CaseClosed{kCase, "done"});
  EXPECT_EQ(Reason(Submit(child, kNurse)), "CASE_CLOSED");
}

// Found by reading: what the holder cannot fetch could be submitted to him, and accepted unread.
TEST(Contributions, A_consent_covers_what_the_participant_tells_the_holder) {
  Child child = WithLog();
  Ask(child, "co-2", {"r-welfare"});  // what the school may tell child welfare, and not the other way
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-welfare"}, "co-2");
  Do(child, AddParticipant(child, By(kTeacher), "r-welfare"));
  Person worker;
  worker.id = "p-worker";
  worker.recipient = "r-welfare";
  EXPECT_EQ(Reason(Submit(child, worker)), "LOG_NOT_OPEN");
  Ask(child, "co-3", {"r-school", "r-welfare"});
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-school", "r-welfare"}, "co-3");
  EXPECT_EQ(Reason(Submit(child, worker)), "(done)");
}

TEST(Contributions, Each_text_has_one_category) {
  Child child = WithParticipants();
  for (auto category : {policy::Category::kNone, policy::Category::kIdent, policy::Category::kLog}) {
    auto refused = SubmitContribution(child, By(kNurse), {{category, "text", {}}}, kSoon);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "sections[0].section_category");
  }
}

TEST(Contributions, Accepted_it_is_a_note_of_the_one_who_wrote_it) {
  Child child = WithContribution();
  auto accepted = Accept(child, kTeacher);
  ASSERT_TRUE(accepted) << accepted.error().reason;
  ASSERT_EQ(accepted->size(), 2U);
  EXPECT_EQ(std::get<ContributionAccepted>(accepted->at(0)).to_recipient, "r-health");
  const auto& note = std::get<NoteWritten>(accepted->at(1));
  EXPECT_EQ(note.author, kNurse.id);
  EXPECT_EQ(note.author_recipient, "r-health");
  ASSERT_EQ(note.sections.size(), 1U);
  EXPECT_EQ(note.sections[0].text, "she sleeps again");
  Do(child, accepted);
  EXPECT_EQ(TheContribution(child).state, ContributionState::kAccepted);
  EXPECT_TRUE(TheContribution(child).sections.empty());
}

TEST(Contributions, Declined_its_words_are_nowhere_in_the_log) {
  Child child = WithContribution();
  auto declined = Decline(child, kTeacher);
  ASSERT_TRUE(declined);
  ASSERT_EQ(declined->size(), 1U);
  const auto& e = std::get<ContributionDeclined>(declined->at(0));
  EXPECT_EQ(e.to_recipient, "r-health");
  EXPECT_EQ(e.reason, DeclineReason::kNotRelevant);
  Do(child, declined);
  EXPECT_EQ(TheContribution(child).state, ContributionState::kDeclined);
  EXPECT_TRUE(TheContribution(child).sections.empty());
}

TEST(Contributions, The_holder_answers_and_nobody_else_and_once) {
  Child child = WithContribution();
  for (const auto& who : {kNurse, kHealthLeader, kColleague, kAdviser, kMother}) {
    EXPECT_EQ(Reason(Accept(child, who)), "NOT_ALLOWED") << who.id;
    EXPECT_EQ(Reason(Decline(child, who)), "NOT_ALLOWED") << who.id;
  }
  EXPECT_EQ(Reason(Accept(child, kHead)), "NOT_HOLDER");
  EXPECT_EQ(Reason(AcceptContribution(child, By(kTeacher), "cb-none")), "NOT_ALLOWED");
  Do(child, Accept(child, kTeacher));
  EXPECT_EQ(Reason(Accept(child, kTeacher)), "NOT_UNANSWERED");
  EXPECT_EQ(Reason(Decline(child, kTeacher)), "NOT_UNANSWERED");
}

TEST(Contributions, What_lost_its_consent_does_not_come_into_the_log) {
  Child child = WithContribution();
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-health"}});  // and Apply has not come to it yet
  EXPECT_EQ(Reason(Accept(child, kTeacher)), "NO_CONSENT");
  EXPECT_EQ(Reason(Decline(child, kTeacher)), "(done)");
}

TEST(Contributions, Within_the_service_the_next_holder_answers_and_another_service_never_hears_of_it) {
  Child child = WithContribution();
  const auto id = TheContribution(child).id;
  Do(child, OfferBaton(child, By(kTeacher), kColleague.id, "r-school", kSoon));
  Do(child, AcceptBaton(child, By(kColleague), kSoon));
  EXPECT_EQ(Reason(Accept(child, kColleague)), "(done)");
  Do(child, AddParticipant(child, By(kColleague), "r-ppt"));
  Do(child, OfferBaton(child, By(kColleague), kAdviser.id, "r-ppt", kSoon));
  Do(child, AcceptBaton(child, By(kAdviser), kSoon));
  EXPECT_EQ(TheContribution(child).state, ContributionState::kEnded);
  EXPECT_TRUE(TheContribution(child).sections.empty());
  EXPECT_EQ(Reason(AcceptContribution(child, By(kAdviser), id)), "NOT_ALLOWED") << "there is none, to this service";
  Do(child, OfferBaton(child, By(kAdviser), kTeacher.id, "r-school", kSoon));
  Do(child, AcceptBaton(child, By(kTeacher), kSoon));
  EXPECT_EQ(Reason(Accept(child, kTeacher)), "NOT_UNANSWERED") << "it does not come back";
}

// A limit that others help to reach would tell of them.
TEST(Contributions, Unanswered_ones_have_a_limit_for_each_service_by_itself) {
  Child child = WithParticipants();
  Do(child, AddParticipant(child, By(kTeacher), "r-ppt"));
  for (std::size_t i = 0; i < kUnansweredPerService; ++i) Do(child, Submit(child, kNurse));
  EXPECT_EQ(Reason(Submit(child, kNurse)), "TOO_MANY_UNANSWERED");
  EXPECT_EQ(Reason(Submit(child, kAdviser)), "(done)");
  Do(child, Decline(child, kTeacher));
  EXPECT_EQ(Reason(Submit(child, kNurse)), "(done)");
  for (std::size_t i = child.Find(kCase)->contributions.size(); i < kContributionsPerService; ++i) {
    Evolve(child,
           ContributionSubmitted{kCase, "cb-" + std::to_string(i), kNurse.id, "r-health", "r-school", {}, kSoon});
  }
  for (const auto& x : std::vector<Contribution>(child.Find(kCase)->contributions)) {
    Evolve(child, ContributionDeclined{kCase, x.id, "r-health", DeclineReason::kNotRelevant});
  }
  EXPECT_EQ(Reason(Submit(child, kNurse)), "TOO_MANY_CONTRIBUTIONS");
  EXPECT_EQ(Reason(Submit(child, kAdviser)), "(done)");
}

// Promise P1: the etag and the timeline of whoever it was not addressed to go on as if it had not been.
TEST(Contributions, Whom_it_was_not_addressed_to_counts_no_version_of_it) {
  const Child without = WithParticipants();
  Child child = WithContribution();
  auto version = [](const Child& of, const char* recipient) { return of.Find(kCase)->VersionFor(recipient); };
  EXPECT_EQ(version(child, "r-school"), version(without, "r-school") + 1);
  EXPECT_EQ(version(child, "r-ppt"), version(without, "r-ppt"));
  Do(child, Decline(child, kTeacher));
  EXPECT_EQ(version(child, "r-school"), version(without, "r-school") + 2);
  EXPECT_EQ(version(child, "r-ppt"), version(without, "r-ppt"));
  const auto etag = std::to_string(version(child, "r-school"));
  EXPECT_EQ(Reason(SetLevel(child, By(kTeacher, kCase, etag), Level::k2, "", kSoon)), "(done)");
  const auto older = std::to_string(version(without, "r-school"));
  EXPECT_EQ(Reason(SetLevel(child, By(kTeacher, kCase, older), Level::k2, "", kSoon)), "ETAG_MISMATCH");
}

TEST(Contributions, Its_words_are_no_part_of_the_holders_timeline_nor_of_the_next_ones) {
  const std::vector<Event> events = {
      ConcernNoted{kCase, "r-school", "u-1", kTeacher.id, "worried", kSoon},
      ContributionSubmitted{kCase, "cb-1", kNurse.id, "r-health", "r-school", SleepsAgain(), kSoon},
      ContributionAccepted{kCase, "cb-1", "r-health"},
      NoteWritten{kCase, kNurse.id, "r-health", SleepsAgain()},
      BatonAccepted{kCase, kAdviser.id, "r-ppt", kSoon},
  };
  EXPECT_EQ(WholeFor("r-school", events), (std::vector<bool>{true, false, true, false, true}));
  EXPECT_EQ(WholeFor("r-ppt", events), (std::vector<bool>{false, false, false, false, true}));
  EXPECT_EQ(VersionsFor("r-school", events), (std::vector<std::uint64_t>{1, 2, 3, 3, 4}));
  EXPECT_EQ(VersionsFor("r-ppt", events), (std::vector<std::uint64_t>{1, 1, 1, 1, 2}));
}

}  // namespace
}  // namespace stafett::cases::domain
