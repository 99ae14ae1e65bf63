// Who is told what by each record of the log (design §4.2-§4.8), on the real rule file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample.h"

namespace stafett::disclosure::domain {
namespace {
using namespace sample;
using enum Category;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Routing, Nobody_is_candidate_without_consent_or_participation) {
  auto c = Child::WithLog();
  EXPECT_THAT(Candidates(c.view, kCase, kSchool, c.now), ElementsAre(kSchool));  // who holds the baton
  c.Record(Joined{kCase, kHealth});
  c.Grant("co-1", {{kPpt, kUsual}});
  c.Record(Ask("co-2", {{kBup, kUsual}}));  // not answered
  EXPECT_THAT(Candidates(c.view, kCase, kSchool, c.now), ElementsAre(kHealth, kPpt, kSchool));
  EXPECT_THAT(Candidates(c.view, "ca-unknown", kSchool, c.now), IsEmpty());
  c.Record(Left{kCase, kHealth});
  c.Record(Withdrawn{"co-1", {kPpt}});
  EXPECT_THAT(Candidates(c.view, kCase, kSchool, c.now), ElementsAre(kSchool));
}

// Decision 0017: confidentiality is lifted for the services between which the parents said yes (fvl §13a nr 1), and for
// nobody else that knows the child.
TEST(Routing, A_consent_between_two_others_shows_them_nothing_of_this_log) {
  auto c = Child::WithLog();
  c.Record(Ask("co-1", {{kPpt, kUsual}, {kHealth, kUsual}}, {"p-mother"}, Time{kStart.ms + 365 * kDay}, kHealth));
  auto answered = c.Record(Yes("co-1", {kPpt, kHealth}));
  EXPECT_FALSE(answered) << "no snapshot, and no word in the ledger of who was thought of";
  EXPECT_THAT(Candidates(c.view, kCase, kSchool, c.now), ElementsAre(kSchool));
  c.Record(Joined{kCase, kPpt});
  auto decided = c.Note(kSchool, Cats(kPlan, kEduc));
  ASSERT_EQ(decided->lines.size(), 1U);
  EXPECT_EQ(decided->lines[0].verdict, policy::Verdict::kWithhold);
  c.Record(Joined{kCase, kHealth});
  decided = c.Note(kHealth, Cats(kPlan, kEduc));  // in the school's log, and between the two
  for (const auto& line : decided->lines) {
    EXPECT_EQ(line.verdict == policy::Verdict::kDisclose, line.recipient == kPpt) << line.recipient;
  }
}

TEST(Routing, A_consent_covers_what_its_asker_tells_and_what_those_tell_to_whom_everybody_said_yes) {
  auto c = Child::WithLog();
  c.Record(Ask("co-1", {{kPpt, kUsual}, {kHealth, kUsual}}));  // the school asks
  c.Record(Yes("co-1", {kPpt}));
  auto told = [&](const std::string& giver) {
    std::set<std::string> out;
    auto decided = c.Note(giver, Cats(kPlan, kEduc));
    if (!decided) return out;
    for (const auto& line : decided->lines) {
      if (line.verdict == policy::Verdict::kDisclose) out.insert(line.recipient);
    }
    return out;
  };
  EXPECT_THAT(told(kSchool), ElementsAre(kPpt));
  EXPECT_THAT(told(kHealth), IsEmpty()) << "no yes to the health station";
  c.Record(Yes("co-1", {kHealth}));
  EXPECT_THAT(told(kHealth), ElementsAre(kPpt));
  // It goes on for the others when one of them is taken out of it, who is not to tell any more either.
  c.Record(Withdrawn{"co-1", {kHealth}});
  EXPECT_THAT(told(kSchool), ElementsAre(kPpt));
  EXPECT_THAT(told(kHealth), IsEmpty());
  // Nor is the asker, when it is the one.
  c.Record(Ask("co-2", {{kSchool, kUsual}, {kPpt, kUsual}}));
  c.Record(Withdrawn{"co-1", {kPpt}});
  c.Record(Yes("co-2", {kSchool, kPpt}));
  EXPECT_THAT(told(kSchool), ElementsAre(kPpt));
  const auto before = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  c.Record(Withdrawn{"co-2", {kSchool}});
  EXPECT_THAT(told(kSchool), IsEmpty());
  EXPECT_TRUE(c.Read(before)) << "what was told before goes on: its recipient's part stands (design §4.7)";
}

// Found by reading: a line that withheld named to the giver's officer whom the holder had asked the parents about.
TEST(Routing, Whom_only_the_holders_consent_names_is_not_thought_of_for_what_another_gives) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, kUsual}});
  c.Record(Joined{kCase, kHealth});
  c.Note(kHealth, Cats(kPlan, kEduc));
  const auto& decided = c.view.decided.at(c.last_event);
  for (const auto& line : decided.lines) EXPECT_NE(line.recipient, kPpt);
}

TEST(Routing, A_participant_without_consent_is_told_nothing_and_the_ledger_says_why) {
  auto c = Child::WithLog();
  c.Record(Joined{kCase, kPpt});
  auto decided = c.Note(kSchool, Cats(kPlan, kEduc));
  const auto* line = LineFor(decided, kPpt);
  ASSERT_NE(line, nullptr);
  EXPECT_EQ(line->verdict, policy::Verdict::kWithhold);
  EXPECT_EQ(line->missing, "CONSENT");
  EXPECT_EQ(line->rule, "T001");
  EXPECT_TRUE(line->delivery_id.empty());
  EXPECT_EQ(line->sequence, 0U);
  EXPECT_TRUE(line->fields.Empty());
  EXPECT_THAT(c.view.deliveries, IsEmpty());
}

// What a service wrote by itself, because a consent ended, names no organisation: that a family took something back is
// nothing that the others are told.
TEST(Routing, What_no_organisation_said_is_told_to_nobody) {
  auto c = Child::WithLog();
  c.Record(Joined{kCase, kHealth});
  c.Grant("co-1", {{kSchool, kUsual}, {kHealth, kUsual}, {kPpt, kUsual}});
  auto decided = c.Note("", Cats(kPlan));
  ASSERT_TRUE(decided);
  for (const auto& line : decided->lines) {
    EXPECT_EQ(line.verdict, policy::Verdict::kWithhold) << line.recipient;
    EXPECT_EQ(line.sequence, 0U);  // no gap tells of it
  }
  EXPECT_THAT(decided->lines, testing::SizeIs(2));  // of those in the log
}

// P1: to all others it has not happened: no line, no place in a sequence, nobody suspended is named.
TEST(Routing, What_is_addressed_to_one_service_is_decided_for_it_alone_by_the_ordinary_rules) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kSchool, kUsual}, {kHealth, kUsual}, {kPpt, kUsual}});
  c.regime.active.erase(kPpt);
  c.regime.suspended.insert(kPpt);
  auto decided = c.Addressed(kHealth, kSchool, Cats(kPlan));
  ASSERT_TRUE(decided);
  ASSERT_EQ(decided->lines.size(), 1U);
  EXPECT_EQ(decided->lines[0].recipient, kSchool);
  EXPECT_EQ(decided->lines[0].rule, "T062");
  EXPECT_EQ(decided->lines[0].kind, DeliveryKind::kEvent);
  EXPECT_EQ(decided->lines[0].sequence, 1U);
  EXPECT_THAT(decided->suspended, IsEmpty());
  auto next = c.Note(kHealth, Cats(kPlan));
  EXPECT_EQ(LineFor(next, kSchool)->sequence, 2U);

  // No rule lets a health service give this to a school; and an addressee is no reason to think of a stranger.
  decided = c.Addressed(kHealth, kSchool, Cats(kEduc));
  ASSERT_TRUE(decided);
  EXPECT_EQ(decided->lines.at(0).verdict, policy::Verdict::kWithhold);
  EXPECT_FALSE(c.Addressed(kHealth, kBup, Cats(kPlan)));
  EXPECT_FALSE(c.Addressed(kHealth, "", Cats(kPlan))) << "for nobody, not for all";
}

// An accepted contribution: its words are the health station's, and the school, which has them, put them into the log.
TEST(Routing, What_a_service_puts_into_the_log_for_another_is_given_by_that_one_and_told_to_neither) {
  auto c = Child::WithLog();
  c.regime.organisations = {{"998877665", kSchool}};
  c.Grant("co-1", {{kSchool, kUsual}, {kHealth, kUsual}, {kPpt, kUsual}});
  auto decided = c.NoteFor(kHealth, "998877665", Cats(kPlan));
  ASSERT_TRUE(decided);
  ASSERT_EQ(decided->lines.size(), 1U);
  EXPECT_EQ(decided->lines[0].recipient, kPpt);
  EXPECT_EQ(decided->lines[0].rule, "T062") << "not the school's T020";
}

TEST(Routing, A_grant_works_forward) {
  auto c = Child::WithLog();
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
  auto before = c.last_event;
  c.Grant("co-1", {{kPpt, kUsual}});
  auto after = c.Note(kSchool, Cats(kEduc));
  ASSERT_TRUE(Told(after, kPpt));
  EXPECT_EQ(LineFor(after, kPpt)->rule, "T020");
  EXPECT_THAT(LineFor(after, kPpt)->consents, ElementsAre("co-1"));
  for (const auto& [id, d] : c.view.deliveries) EXPECT_NE(d.item, before);
}

TEST(Routing, One_snapshot_and_no_history) {
  auto c = Child::WithLog();
  c.Note(kSchool, Cats(kEduc));
  c.Note(kSchool, Cats(kPlan));
  c.Record(Ask("co-1", {{kPpt, kUsual}, {kHealth, kUsual}}, {"p-father", "p-mother"}));
  EXPECT_FALSE(c.Record(Yes("co-1", {kPpt, kHealth}, "p-mother")));  // the father has not answered
  auto whole = c.Record(Yes("co-1", {kPpt}, "p-father"));
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->lines.size(), 1U);
  EXPECT_EQ(whole->lines[0].recipient, kPpt);
  EXPECT_EQ(whole->lines[0].kind, DeliveryKind::kSnapshot);
  EXPECT_EQ(whole->lines[0].verdict, policy::Verdict::kDisclose);
  EXPECT_EQ(c.view.deliveries.size(), 1U);
  EXPECT_FALSE(c.Record(Yes("co-1", {kPpt}, "p-father")));  // said again: nothing anew
}

TEST(Routing, Without_PLAN_in_the_consent_there_is_no_snapshot) {
  auto c = Child::WithLog();
  EXPECT_FALSE(Told(c.Grant("co-1", {{kPpt, Cats(kEduc)}}), kPpt));
}

TEST(Routing, A_snapshot_for_each_open_log_and_for_no_closed_one) {
  auto c = Child::WithLog();
  c.Record(CaseOpened{"ca-2", "p-teacher", kSchool, "", "2026-12-01", 1});
  c.Record(CaseOpened{"ca-3", "p-teacher", kSchool, "", "2026-12-01", 1});
  c.Record(CaseEnded{"ca-2"});
  auto decided = c.Grant("co-1", {{kPpt, kUsual}});
  ASSERT_TRUE(decided);
  ASSERT_EQ(decided->lines.size(), 2U);
  EXPECT_EQ(decided->lines[0].case_id, kCase);
  EXPECT_EQ(decided->lines[1].case_id, "ca-3");
}

TEST(Routing, A_service_is_not_told_what_it_wrote_itself) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, kUsual}, {kHealth, kUsual}});
  auto decided = c.Note(kPpt, Cats(kEduc));
  EXPECT_EQ(LineFor(decided, kPpt), nullptr);
  EXPECT_TRUE(Told(decided, kHealth));
}

TEST(Routing, Sequence_counts_only_what_was_shown) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, Cats(kEduc, kPlan)}});  // the snapshot is 1
  EXPECT_EQ(LineFor(c.Note(kSchool, Cats(kEduc)), kPpt)->sequence, 2U);
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kConcern)), kPpt));
  c.Grant("co-2", {{kHealth, kUsual}});
  EXPECT_TRUE(Told(c.Note(kSchool, Cats(kConcern)), kHealth));
  EXPECT_EQ(LineFor(c.Note(kSchool, Cats(kEduc)), kPpt)->sequence, 3U);
}

TEST(Routing, Each_case_counts_for_itself) {
  auto c = Child::WithLog();
  c.Record(CaseOpened{"ca-2", "p-teacher", kSchool, "", "2026-12-01", 1});
  auto snapshots = c.Grant("co-1", {{kPpt, kUsual}});
  ASSERT_EQ(snapshots->lines.size(), 2U);
  EXPECT_EQ(snapshots->lines[0].sequence, 1U);
  EXPECT_EQ(snapshots->lines[1].sequence, 1U);
  EXPECT_EQ(LineFor(c.Note(kSchool, Cats(kEduc), "ca-2"), kPpt)->sequence, 2U);
  EXPECT_EQ(LineFor(c.Note(kSchool, Cats(kEduc)), kPpt)->sequence, 2U);
}

TEST(Routing, Withdrawal_takes_back_only_what_rested_on_it) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, kUsual}, {kHealth, kUsual}});
  c.Note(kSchool, Cats(kEduc));
  auto note = c.last_event;
  auto decided = c.Record(Withdrawn{"co-1", {kPpt}});
  ASSERT_TRUE(decided);
  ASSERT_EQ(decided->lines.size(), 1U);
  const auto& line = decided->lines[0];
  EXPECT_EQ(line.recipient, kPpt);
  EXPECT_EQ(line.kind, DeliveryKind::kRetraction);
  EXPECT_EQ(line.epoch, 1U);
  EXPECT_EQ(line.sequence, 3U);  // snapshot, note, retraction
  EXPECT_TRUE(line.fields.Empty());
  for (const auto& id : decided->withdrawn) EXPECT_EQ(c.view.FindDelivery(id)->recipient, kPpt);
  EXPECT_EQ(decided->withdrawn.size(), 2U);
  // The nurse's go on, the note that stands and the next one.
  EXPECT_TRUE(c.Read(IdOf(note, kHealth, DeliveryKind::kEvent)));
  auto next = c.Note(kSchool, Cats(kEduc));
  EXPECT_TRUE(Told(next, kHealth));
  EXPECT_EQ(LineFor(next, kHealth)->epoch, 0U);
  EXPECT_FALSE(Told(next, kPpt));
}

TEST(Routing, Another_ground_goes_on) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, Cats(kEduc)}});
  c.Grant("co-2", {{kPpt, Cats(kPlan)}});
  c.Note(kSchool, Cats(kEduc));
  auto of_one = c.last_event;
  c.Note(kSchool, Cats(kPlan));
  auto of_two = c.last_event;
  auto decided = c.Record(Withdrawn{"co-1", {kPpt}});
  EXPECT_THAT(decided->withdrawn, ElementsAre(IdOf(of_one, kPpt, DeliveryKind::kEvent)));
  EXPECT_TRUE(c.Read(IdOf(of_two, kPpt, DeliveryKind::kEvent)));
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
  auto next = c.Note(kSchool, Cats(kPlan, kEduc));
  ASSERT_TRUE(Told(next, kPpt));
  EXPECT_EQ(LineFor(next, kPpt)->fields, Cats(kExist, kIdent, kPlan));
  EXPECT_THAT(LineFor(next, kPpt)->consents, ElementsAre("co-2"));
  EXPECT_EQ(LineFor(next, kPpt)->epoch, 1U);
}

TEST(Routing, Unfetched_becomes_withdrawn) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, kUsual}});
  c.Note(kSchool, Cats(kEduc));
  auto fetched = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  c.Fetch(fetched);
  c.Note(kSchool, Cats(kEduc));
  auto waiting = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  c.Record(Withdrawn{"co-1", {kPpt}});
  EXPECT_EQ(c.view.FindDelivery(waiting)->state, DeliveryState::kWithdrawn);
  EXPECT_EQ(c.view.FindDelivery(fetched)->state, DeliveryState::kFetched);
  for (const auto& id : {waiting, fetched}) {
    auto read = c.Read(id);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Code::kGone);
    EXPECT_EQ(read.error().reason, "WITHDRAWN");
  }
}

// The second parent withdraws what the first one had, after another consent was given: a retraction would take back
// what rests on that one, as recipients take back all of an earlier epoch.
TEST(Routing, A_withdrawal_that_is_said_again_takes_nothing_back) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, Cats(kEduc)}});
  c.Note(kSchool, Cats(kEduc));
  ASSERT_TRUE(c.Record(Withdrawn{"co-1", {kPpt}}));
  c.Grant("co-2", {{kPpt, Cats(kEduc)}});
  ASSERT_TRUE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
  EXPECT_FALSE(c.Record(Withdrawn{"co-1", {kPpt}}));
}

TEST(Routing, Who_had_nothing_under_it_gets_no_retraction) {
  auto c = Child::WithLog();
  c.Record(Ask("co-1", {{kPpt, kUsual}, {kHealth, Cats(kEduc)}}));
  EXPECT_FALSE(c.Record(Withdrawn{"co-1", {kPpt}}));  // never granted
  c.Record(Yes("co-1", {kHealth}));                   // EDUC only: no snapshot
  EXPECT_FALSE(c.Record(Withdrawn{"co-1", {kHealth}}));
}

TEST(Routing, A_withdrawn_consent_is_not_completed_by_a_late_yes) {
  auto c = Child::WithLog();
  c.Record(Ask("co-1", {{kPpt, kUsual}}, {"p-father", "p-mother"}));
  c.Record(Yes("co-1", {kPpt}, "p-mother"));
  c.Record(Withdrawn{"co-1", {kPpt}});
  EXPECT_FALSE(c.Record(Yes("co-1", {kPpt}, "p-father")));
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
}

TEST(Routing, Granted_again_by_a_new_consent_it_works_again) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, kUsual}});
  c.Record(Withdrawn{"co-1", {kPpt}});
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
  auto snapshot = c.Grant("co-2", {{kPpt, kUsual}});
  ASSERT_TRUE(Told(snapshot, kPpt));
  EXPECT_EQ(LineFor(snapshot, kPpt)->epoch, 1U);
  EXPECT_EQ(LineFor(snapshot, kPpt)->sequence, 3U);
  EXPECT_TRUE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
}

TEST(Routing, A_yes_to_what_was_never_asked_is_nothing) {
  auto c = Child::WithLog();
  c.Record(Ask("co-1", {{kPpt, kUsual}}));
  EXPECT_FALSE(c.Record(Yes("co-1", {kBup})));
  EXPECT_FALSE(c.Record(Yes("co-unknown", {kBup})));
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kEduc)), kBup));
}

TEST(Routing, An_end_date_ends_it) {
  auto c = Child::WithLog();
  c.Record(Ask("co-1", {{kPpt, kUsual}}, {"p-mother"}, Time{c.now.ms + kDay}));
  c.Record(Yes("co-1", {kPpt}));
  EXPECT_TRUE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
  auto delivery = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  c.now.ms += kDay;
  EXPECT_EQ(LineFor(c.Note(kSchool, Cats(kEduc)), kPpt), nullptr);
  auto read = c.Read(delivery);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, "WITHDRAWN");
}

TEST(Routing, The_time_of_decisions_never_falls) {
  auto c = Child::WithLog();
  c.Record(Ask("co-1", {{kPpt, kUsual}}, {"p-mother"}, Time{c.now.ms + kDay}));
  c.Record(Yes("co-1", {kPpt}));
  c.now.ms += 2 * kDay;
  c.Record(std::monostate{});
  c.now.ms -= 2 * kDay;  // a broker's clock went back
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
}

TEST(Routing, An_inactive_recipient_is_told_nothing) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, kUsual}});
  c.regime.active.erase(kPpt);
  auto decided = c.Note(kSchool, Cats(kEduc));
  EXPECT_FALSE(Told(decided, kPpt));
  EXPECT_EQ(LineFor(decided, kPpt)->missing, "RECIPIENT_INACTIVE");
}

TEST(Routing, Without_rules_nobody_is_told_anything) {
  auto c = Child::WithLog();
  policy::RuleSet none;
  c.regime.rules = &none;
  EXPECT_FALSE(Told(c.Grant("co-1", {{kPpt, kUsual}}), kPpt));
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
}

TEST(Routing, An_item_of_nobody_is_told_to_nobody) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, kUsual}});
  EXPECT_FALSE(Told(c.Note("", Cats(kEduc)), kPpt));
  EXPECT_FALSE(Told(c.Note("r-unheard-of", Cats(kEduc)), kPpt));
}

TEST(Routing, What_rests_on_a_duty_or_a_human_never_starts_here) {
  auto c = Child::WithLog();
  c.Record(Joined{kCase, kBvt});  // T040: a duty, of a person
  EXPECT_FALSE(Told(c.Note(kSchool, Cats(kConcern)), kBvt));
  c.Record(Joined{kCase, kBup});
  EXPECT_FALSE(Told(c.Note(kHealth, Cats(kHealthd)), kBup));  // T060: health care is requested
}

// Found by NoSideChannel: PPT was told that a note had been written, and by whom, though it might see nothing of it.
TEST(Sections, A_note_of_which_no_section_may_be_seen_is_told_to_nobody) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, Cats(kPlan, kEduc)}});
  auto decided = c.Sections(kSchool, {Cats(kHealthd), Cats(kConcern)});
  const auto* line = LineFor(decided, kPpt);
  ASSERT_NE(line, nullptr);
  EXPECT_EQ(line->verdict, policy::Verdict::kWithhold);
  EXPECT_TRUE(line->fields.Empty());
  EXPECT_EQ(line->rule, "T001");
  EXPECT_EQ(line->missing, "CONSENT_SCOPE");
  EXPECT_TRUE(line->delivery_id.empty());
  EXPECT_EQ(LineFor(c.Sections(kSchool, {Cats(kEduc)}), kPpt)->sequence, 2U);  // after the snapshot
}

TEST(Sections, What_describes_another_person_is_shown_to_nobody_whom_no_rule_names) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, Cats(kPlan, kEduc, kThird)}});
  EXPECT_FALSE(Told(c.Sections(kSchool, {Cats(kEduc, kThird)}), kPpt));
  EXPECT_TRUE(Told(c.Sections(kSchool, {Cats(kEduc, kThird), Cats(kEduc)}), kPpt));
}

TEST(Sections, The_fields_do_not_tell_of_a_section_that_is_not_shown) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, Cats(kPlan, kEduc, kConcern)}});
  auto decided = c.Sections(kSchool, {Cats(kEduc), Cats(kConcern, kThird)});
  ASSERT_TRUE(Told(decided, kPpt));
  EXPECT_EQ(LineFor(decided, kPpt)->fields, Cats(kExist, kIdent, kPlan, kEduc));
  EXPECT_EQ(LineFor(decided, kPpt)->missing, "RULE");  // in the ledger only
  auto delivery = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  EXPECT_EQ(c.Read(delivery)->fields, Cats(kExist, kIdent, kPlan, kEduc));
}

TEST(Sections, A_read_needs_a_section_that_was_allowed_then_and_is_allowed_now) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kPpt, Cats(kPlan, kEduc)}});
  c.Sections(kSchool, {Cats(kEduc), Cats(kConcern)});
  auto delivery = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  c.Fetch(delivery);
  c.Record(Withdrawn{"co-1", {kPpt}});
  c.Grant("co-2", {{kPpt, Cats(kPlan, kConcern)}});
  auto read = c.Read(delivery);  // PLAN is left of it, and no section: what it was told for is withdrawn
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, "WITHDRAWN");
}

// A hidden fact about a log that nobody had opened would give later items their readers.
TEST(Routing, A_log_that_was_never_opened_has_no_readers) {
  Child c;
  c.Grant("co-1", {{kPpt, kUsual}});
  c.Record(Joined{kCase, kHealth});
  c.Record(LevelChanged{kCase, "2026-12-01", 2});
  c.Record(Handed{kCase, "p-nurse", kHealth, "2026-12-01"});
  c.Record(Left{kCase, kHealth});
  c.Record(GoalSet{kCase, {"go-1", "sleep"}});
  c.Record(MeasureSet{kCase, {"ms-1", "go-1", "walks", "p-nurse", kHealth, "2026-11-18", "", "2026-12-01"}});
  c.Record(MeasureDated{kCase, "ms-1", "2026-12-20"});
  c.Record(MeasureEnded{kCase, "ms-1"});
  c.Record(GoalEnded{kCase, "go-1"});
  c.Record(CaseEnded{kCase});
  EXPECT_THAT(c.view.cases, IsEmpty());
  EXPECT_FALSE(c.Note(kSchool, Cats(kEduc)));
}

// What a snapshot shows of the plan: what is still to be done, by whom, and evaluated when.
TEST(Facts, Of_goals_and_measures_are_those_that_have_not_ended) {
  auto c = Child::WithLog();
  c.Record(Joined{kCase, kHealth});
  c.Record(GoalSet{kCase, {"go-2", "eat"}});
  c.Record(GoalEnded{kCase, ""});  // the first, which this sample gives no id
  EXPECT_THAT(c.view.cases[kCase].goals, ElementsAre(GoalFacts{"go-2", "eat"}));
  const MeasureFacts walks{"ms-1", "go-2", "walks", "p-nurse", kHealth, "2026-11-18", "", "2026-12-01"};
  auto other = walks;
  other.id = "ms-2";
  c.Record(MeasureSet{kCase, walks});
  c.Record(MeasureSet{kCase, other});
  c.Record(MeasureEnded{kCase, "ms-1"});
  c.Record(MeasureDated{kCase, "ms-2", "2026-12-20"});
  other.evaluation_date = "2026-12-20";
  EXPECT_THAT(c.view.cases[kCase].measures, ElementsAre(other));
  other.title = "runs";
  c.Record(MeasureSet{kCase, other});
  EXPECT_THAT(c.view.cases[kCase].measures, ElementsAre(other));
  // As in cases: whose service leaves is responsible no longer, the holder is.
  c.Record(Left{kCase, kHealth});
  other.responsible = "p-teacher";
  other.responsible_recipient = kSchool;
  EXPECT_THAT(c.view.cases[kCase].measures, ElementsAre(other));
}

// The school holds the baton: what the nurse adds is told to it, what a parent adds too, what it adds itself is not.
TEST(Routing, The_holder_is_told_what_the_family_says_in_its_log) {
  auto c = Child::WithLog();
  c.Grant("co-1", {{kSchool, kUsual}});
  auto told = [&](bool from_family) {
    Item item;
    item.id = "it-1";
    item.type = kNote;
    item.case_id = kCase;
    item.origin = kSchool;
    item.from_family = from_family;
    item.categories = Cats(kExist, kPlan);
    item.purpose = "follow-up";
    item.happened = c.now;
    item.offset = c.view.last_offset + 1;
    Offer offer{&item, {}, DeliveryKind::kEvent};
    return Route(c.view, {"ev-x", kNote, kCase, item.offset}, {offer}, {}, c.regime, c.now, IdOf);
  };
  EXPECT_FALSE(told(false));
  auto family = told(true);
  ASSERT_TRUE(family);
  ASSERT_EQ(family->lines.size(), 1U);
  EXPECT_EQ(family->lines[0].recipient, kSchool);
  EXPECT_EQ(family->lines[0].verdict, policy::Verdict::kDisclose);
}

TEST(TypeClass, Is_one_wherever_it_is_said) {
  EXPECT_EQ(TypeClass(DeliveryKind::kEvent, "no.stafett.cases.level-set.v1"), "PLAN");
  EXPECT_EQ(TypeClass(DeliveryKind::kEvent, "no.stafett.cases.measure-evaluated.v1"), "PLAN");
  EXPECT_EQ(TypeClass(DeliveryKind::kEvent, "no.stafett.cases.contribution-submitted.v1"), "NOTE");
  EXPECT_EQ(TypeClass(DeliveryKind::kEvent, "no.stafett.cases.goal-ended.v1"), "PLAN");
  EXPECT_EQ(TypeClass(DeliveryKind::kEvent, "no.stafett.cases.bright-spot-added.v1"), "NOTE");
  EXPECT_EQ(TypeClass(DeliveryKind::kEvent, "no.stafett.cases.case-closed.v1"), "STATE");
}

TEST(Routing, Whoever_takes_the_baton_leaves_the_giver_as_participant) {
  auto c = Child::WithLog();
  c.Record(Joined{kCase, kHealth});
  c.Record(Handed{kCase, "p-nurse", kHealth, "2026-12-24"});
  const auto& facts = c.view.cases.at(kCase);
  EXPECT_EQ(facts.holder_recipient, kHealth);
  EXPECT_THAT(facts.participants, ElementsAre(kSchool));
  EXPECT_THAT(Candidates(c.view, kCase, kSchool, c.now), ElementsAre(kHealth, kSchool));
}

TEST(Routing, The_policy_and_the_place_stand_in_what_was_decided) {
  auto c = Child::WithLog();
  auto decided = c.Grant("co-1", {{kPpt, kUsual}});
  EXPECT_EQ(decided->policy_hash, "activation-1");
  EXPECT_EQ(decided->event_id, c.last_event);
  EXPECT_EQ(decided->at, c.now);
  EXPECT_EQ(decided->offset, c.view.offsets.at(c.last_event));
}

}  // namespace
}  // namespace stafett::disclosure::domain
