// The log exists on consent only (design §2), and every open case has a next date (promise P6).
#include "sample.h"

namespace stafett::cases::domain {
namespace {
using namespace sample;

TEST(Log, Silence_is_never_consent) {
  Child child = WithConcern();
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
  Ask(child);
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
}

TEST(Log, A_log_needs_every_consenter) {
  Child child = WithConcern();
  Ask(child);
  Yes(child, "p-mother", {"r-school", "r-health"});
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
  Yes(child, "p-father", {"r-ppt"});  // each said yes, but to different services
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
  Yes(child, "p-father", {"r-school"});
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "(done)");
}

// A consent lifts confidentiality for the services that it names: whose service it does not name shares nothing.
TEST(Log, A_log_needs_a_consent_that_names_the_service_that_opens_it) {
  Child child = WithConcern();
  Ask(child);
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-health", "r-ppt"});
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
}

// Decision 0017: what parents said yes to between two other services opens nothing here, and tells nobody that they
// did.
TEST(Log, A_participant_needs_a_consent_that_is_the_holders_too) {
  Child child = WithLog();
  Ask(child, "co-2", {"r-welfare", "r-hospital"}, "r-hospital");
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-welfare", "r-hospital"}, "co-2");
  EXPECT_EQ(Reason(AddParticipant(child, By(kTeacher), "r-welfare")), "NO_CONSENT");
  Ask(child, "co-3", {"r-welfare"}, "r-school");  // the school asked
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-welfare"}, "co-3");
  EXPECT_EQ(Reason(AddParticipant(child, By(kTeacher), "r-welfare")), "(done)");
  Do(child, AddParticipant(child, By(kTeacher), "r-welfare"));
  Learn(child, ConsentWithdrawnFact{"co-3", {"r-welfare"}});  // co-2 stands
  Events stopped = StopWhatLostItsConsent(child, kNow);
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(std::get<ParticipantRemoved>(stopped[0]).recipient, "r-welfare");
}

TEST(Log, A_consent_of_others_that_names_the_holder_too_is_one_with_him) {
  Child child = WithLog();
  Ask(child, "co-2", {"r-welfare", "r-school"}, "r-hospital");
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-welfare"}, "co-2");
  EXPECT_EQ(Reason(AddParticipant(child, By(kTeacher), "r-welfare")), "NO_CONSENT") << "no yes to the school";
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-school"}, "co-2");
  EXPECT_EQ(Reason(AddParticipant(child, By(kTeacher), "r-welfare")), "(done)");
}

// Found by reading: the log went on under another's consent, and with it who was in it under the one that was taken
// back.
TEST(Log, Who_takes_part_leaves_when_the_holder_is_taken_out_of_the_consent_between_them) {
  Child child = WithParticipants();
  Ask(child, "co-2", {"r-school", "r-hospital"}, "r-hospital");
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-school", "r-hospital"}, "co-2");
  const auto participants = child.Find(kCase)->participants;
  ASSERT_FALSE(participants.empty());
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school"}});
  std::set<std::string> left;
  for (const auto& event : StopWhatLostItsConsent(child, kNow))
    left.insert(std::get<ParticipantRemoved>(event).recipient);
  EXPECT_EQ(left, participants);
}

// Said yes to what nobody asked for: it has no categories and no end, so it is none.
TEST(Log, A_yes_to_a_service_that_was_not_asked_for_counts_for_nothing) {
  Child child = WithConcern();
  Ask(child, "co-1", {"r-health"});
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-school", "r-health"});
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
}

TEST(Log, A_yes_of_somebody_who_was_not_asked_counts_for_nothing) {
  Child child = WithConcern();
  Ask(child);
  Yes(child, "p-mother", {"r-school"});
  Yes(child, "p-uncle", {"r-school"});
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
}

// An answer may be learned before its request only by a defect: then it is no consent.
TEST(Log, An_answer_without_a_request_is_no_consent) {
  Child child = WithConcern();
  Yes(child, "p-mother", {"r-school"});
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
}

TEST(Log, A_consent_that_ran_out_opens_nothing) {
  Child child = WithConsent();
  auto change = By(kTeacher);
  change.now = Time{kNow.ms + 1000};
  EXPECT_EQ(Reason(OpenLog(child, change, "goal", kSoon)), "NO_CONSENT");
}

TEST(Log, A_consent_for_another_purpose_opens_nothing) {
  Child child = WithConcern();
  Learn(child, ConsentRequestedFact{"co-1", "research", "r-school", Time{kNow.ms + 1000}, {"p-mother"}, {"r-school"}});
  Yes(child, "p-mother", {"r-school"});
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
}

TEST(Log, A_service_takes_part_only_if_a_consent_names_it) {
  Child child = WithLog();
  EXPECT_EQ(Reason(AddParticipant(child, By(kTeacher), "r-welfare")), "NO_CONSENT");
  EXPECT_EQ(Reason(AddParticipant(child, By(kTeacher), "r-health")), "(done)");
}

// Design §4.7: the command that rests on consent is stopped, and the log suspended.
TEST(Log, A_log_whose_holder_lost_his_consent_is_suspended_and_takes_no_words) {
  Child child = WithLog();
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school"}});  // health station and PPT remain
  EXPECT_EQ(Reason(WriteNote(child, By(kTeacher), {{policy::Category::kEduc, "text", {}}})), "NO_CONSENT");
  auto events = StopWhatLostItsConsent(child, kNow);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<LogSuspended>(events[0]).case_id, kCase);
  Evolve(child, events[0]);
  EXPECT_EQ(child.Find(kCase)->state, CaseState::kLogSuspended);
  EXPECT_TRUE(StopWhatLostItsConsent(child, kNow).empty());  // once
}

// Promise P6: somebody stays responsible, sees what for, and can end it.
TEST(Log, Who_held_a_suspended_log_still_holds_reads_and_closes_it) {
  Child child = WithLog();
  auto date = child.Find(kCase)->next_date;
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school"}});
  for (const auto& e : StopWhatLostItsConsent(child, kNow)) Evolve(child, e);
  const Case& c = *child.Find(kCase);
  EXPECT_EQ(c.holder, kTeacher.id);
  EXPECT_EQ(c.next_date, date);
  EXPECT_TRUE(MayRead(c, kTeacher));
  EXPECT_TRUE(MayRead(c, kHead));
  EXPECT_EQ(Reason(CloseCase(child, By(kTeacher), "done")), "(done)");
}

TEST(Log, A_participant_that_lost_its_consent_takes_part_no_longer_and_the_log_goes_on) {
  Child child = WithParticipants();
  Do(child, AddParticipant(child, By(kTeacher), "r-ppt"));
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-health"}});
  auto events = StopWhatLostItsConsent(child, kNow);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<ParticipantRemoved>(events[0]).recipient, "r-health");
  Evolve(child, events[0]);
  EXPECT_EQ(child.Find(kCase)->participants, std::set<std::string>{"r-ppt"});
  EXPECT_EQ(child.Find(kCase)->state, CaseState::kLogOpen);
}

// The withdrawal is of one consent; another one that names the service stands.
TEST(Log, A_service_that_a_second_consent_names_goes_on) {
  Child child = WithParticipants();
  Ask(child, "co-2", {"r-school", "r-health"});
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-school", "r-health"}, "co-2");
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school", "r-health", "r-ppt"}});
  EXPECT_TRUE(StopWhatLostItsConsent(child, kNow).empty());
}

TEST(Log, Who_lost_his_consent_while_the_log_was_suspended_does_not_come_back_with_it) {
  Child child = WithParticipants();
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school"}});
  for (const auto& e : StopWhatLostItsConsent(child, kNow)) Evolve(child, e);
  EXPECT_EQ(child.Find(kCase)->participants, std::set<std::string>{"r-health"});
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-health"}});
  for (const auto& e : StopWhatLostItsConsent(child, kNow)) Evolve(child, e);
  Ask(child, "co-2");
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-school"}, "co-2");
  Do(child, OpenLog(child, By(kTeacher), "goal", kSoon));
  EXPECT_TRUE(child.Find(kCase)->participants.empty());
}

TEST(Log, What_is_no_log_stops_for_no_consent) {
  Child child = WithConsent();
  Do(child, NoteConcern(child, By(kNurse, "ca-2"), "worried", kSoon));
  Do(child, CloseCase(child, By(kNurse, "ca-2"), "done"));
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school", "r-health", "r-ppt"}});
  EXPECT_TRUE(StopWhatLostItsConsent(child, kNow).empty());
}

TEST(Log, A_suspended_log_opens_again_on_its_old_level_with_a_new_consent) {
  Child child = WithLog();
  Do(child, SetLevel(child, By(kTeacher), Level::k2, "two services", kSoon));
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school", "r-health", "r-ppt"}});
  for (const auto& e : StopWhatLostItsConsent(child, kNow)) Evolve(child, e);
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "NO_CONSENT");
  Ask(child, "co-2");
  Yes(child, "p-mother", {"r-school"}, "co-2");
  Yes(child, "p-father", {"r-school"}, "co-2");
  Do(child, OpenLog(child, By(kTeacher), "goal", kSoon));
  EXPECT_EQ(child.Find(kCase)->level, Level::k2);
}

// A new consent alone does not bring it back: somebody has to take it up again, with a goal and a date.
TEST(Log, A_suspended_log_is_opened_before_it_is_written) {
  Child child = WithLog();
  Evolve(child, LogSuspended{kCase});
  EXPECT_TRUE(child.HasConsent(kFollowUp, "r-school", kNow));
  EXPECT_EQ(Reason(WriteNote(child, By(kTeacher), {{policy::Category::kEduc, "text", {}}})), "NO_CONSENT");
}

// R3-06: who says no to the log still gets help; the case goes on inside its own service.
TEST(Log, Refusal_does_not_end_the_follow_up) {
  Child child = WithConcern();
  Ask(child);
  Learn(child, ConsentAnsweredFact{"co-1", "p-mother", {}, {"r-school", "r-health", "r-ppt"}});
  ConversationHeld held;
  held.guardians = {"p-mother"};
  held.next_date = kSoon;
  EXPECT_EQ(Reason(RecordConversation(child, By(kTeacher), held)), "(done)");
}

TEST(Log, A_conversation_is_held_with_guardians_of_this_child) {
  ConversationHeld held;
  held.guardians = {"p-somebody"};
  held.next_date = kSoon;
  EXPECT_EQ(Reason(RecordConversation(WithConcern(), By(kTeacher), held)), "INVALID_FIELD");
}

// Free text carries one category each; what has none stays in its service (design §4.9).
TEST(Log, Free_text_has_a_category_that_may_be_written) {
  Child child = WithLog();
  using policy::Category;
  for (int i = 0; i < policy::kCategoryCount; ++i) {
    auto category = static_cast<Category>(i);
    bool may = category == Category::kConcern || category == Category::kPlan || category == Category::kEduc ||
               category == Category::kHealthd || category == Category::kWelfare || category == Category::kSocial ||
               category == Category::kThird || category == Category::kChildsay;
    EXPECT_EQ(Reason(WriteNote(child, By(kTeacher), {{category, "text", {}}})), may ? "(done)" : "INVALID_FIELD")
        << policy::Name(category);
  }
  EXPECT_EQ(Reason(WriteNote(child, By(kTeacher), {{Category::kEduc, "", {}}})), "INVALID_FIELD");
}

TEST(Log, A_closed_case_takes_no_words) {
  Child child = WithLog();
  Do(child, CloseCase(child, By(kTeacher), "done"));
  EXPECT_EQ(Reason(WriteNote(child, By(kTeacher), {{policy::Category::kEduc, "text", {}}})), "CASE_CLOSED");
  EXPECT_EQ(Reason(OpenLog(child, By(kTeacher), "goal", kSoon)), "CASE_CLOSED");
}

TEST(Log, The_next_date_is_a_day_that_exists_and_not_past_and_within_a_year) {
  EXPECT_EQ(DateFault("2026-11-18", kToday), "");
  EXPECT_EQ(DateFault("2027-11-18", kToday), "");
  EXPECT_EQ(DateFault("2028-02-29", "2027-11-18"), "");
  for (const char* wrong :
       {"", "soon", "2026-11-17", "2027-11-19", "2026-1-1", "18.11.2026", "2026-13-01", "2026-11-31", "2026-12-00",
        "2027-02-29", "2026-12-1x", "2026/12/01", "+026-12-01", " 2026-12-1"}) {
    EXPECT_NE(DateFault(wrong, kToday), "") << wrong;
  }
  EXPECT_EQ(Reason(NoteConcern(Registered(), By(kTeacher), "worried", "2026-11-17")), "INVALID_FIELD");
}

}  // namespace
}  // namespace stafett::cases::domain
