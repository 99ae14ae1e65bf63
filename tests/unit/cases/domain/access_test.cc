// Who may know a case, and what everybody else is told.
#include "sample.h"

namespace stafett::cases::domain {
namespace {
using namespace sample;

Measure AnyMeasureOf(const Child& child) {
  const Case* c = child.Find(kCase);
  return c == nullptr || c->measures.empty() ? Measure{} : c->measures[0];
}

std::string AnyContributionOf(const Child& child) {
  const Case* c = child.Find(kCase);
  return c == nullptr || c->contributions.empty() ? "cb-none" : c->contributions[0].id;
}

// Every command on a case that is not for everybody in the log, tried by this person.
std::vector<Result<Events>> TryAll(const Child& child, const Change& change) {
  return {RecordConversation(child, change, {}),
          OpenLog(child, change, "goal", kSoon),
          SetLevel(child, change, Level::k2, "reason", kSoon),
          AddParticipant(child, change, "r-ppt"),
          RemoveParticipant(child, change, "r-health"),
          OfferBaton(child, change, "p-nurse", "r-health", kSoon),
          AcceptBaton(child, change, kSoon),
          DeclineBaton(child, change, "no time"),
          WriteNote(child, change, {{policy::Category::kEduc, "text", {}}}),
          AddGoal(child, change, "sleep"),
          EndGoal(child, change, "go-1", true, "reached"),
          StartMeasure(child, change, Walks(kTeacher)),
          ChangeMeasure(child, change, AnyMeasureOf(child)),
          EvaluateMeasure(child, change, AnyMeasureOf(child).id, Helped()),
          EndMeasure(child, change, AnyMeasureOf(child).id, "done"),
          AcceptContribution(child, change, AnyContributionOf(child)),
          DeclineContribution(child, change, AnyContributionOf(child), DeclineReason::kNotRelevant),
          CloseCase(child, change, "done")};
}

void ExpectOneAnswer(const std::vector<Result<Events>>& tried) {
  for (std::size_t i = 0; i < tried.size(); ++i) {
    SCOPED_TRACE(i);
    ASSERT_FALSE(tried[i].has_value());
    EXPECT_EQ(tried[i].error().code, Code::kPermissionDenied);
    EXPECT_EQ(tried[i].error().reason, "NOT_ALLOWED");
    EXPECT_EQ(tried[i].error().message, NotAllowed().value().message);
    EXPECT_TRUE(tried[i].error().field.empty());
    EXPECT_TRUE(tried[i].error().metadata.empty());
  }
}

// Promise P1: an existing case, one in another state, one that never was: the same words to a stranger.
TEST(Access, Who_may_not_know_gets_one_answer) {
  for (const auto& stranger : {kAdviser, kHealthLeader, kColleague, kMother, Person{}}) {
    SCOPED_TRACE(stranger.id);
    ExpectOneAnswer(TryAll(Registered(), By(stranger)));
    ExpectOneAnswer(TryAll(WithConcern(), By(stranger)));
    ExpectOneAnswer(TryAll(WithLog(), By(stranger)));
    ExpectOneAnswer(TryAll(WithParticipants(), By(stranger)));
    ExpectOneAnswer(TryAll(WithMeasure(), By(stranger)));
    ExpectOneAnswer(TryAll(WithContribution(), By(stranger)));
    ExpectOneAnswer(TryAll(WithLog(), By(stranger, kCase, "77")));  // a wrong etag tells nothing either
  }
}

TEST(Access, A_concern_is_invisible_to_other_services) {
  Child child = WithConcern();
  const Case& c = *child.Find(kCase);
  EXPECT_TRUE(MayRead(c, kTeacher));
  EXPECT_TRUE(MayRead(c, kHead));
  for (const auto& other : {kNurse, kHealthLeader, kAdviser, kMother}) EXPECT_FALSE(MayRead(c, other)) << other.id;
}

// Off the log it is assigned staff only (design §2), not the whole staff room.
TEST(Access, A_concern_is_invisible_to_colleagues_without_a_part_in_it) {
  EXPECT_FALSE(MayRead(*WithConcern().Find(kCase), kColleague));
}

TEST(Access, Leaders_of_the_first_service_read_it_while_it_is_theirs) {
  Child child = WithParticipants();
  EXPECT_TRUE(MayRead(*child.Find(kCase), kHead));
  Do(child, OfferBaton(child, By(kTeacher), kNurse.id, kNurse.recipient, kSoon));
  Do(child, AcceptBaton(child, By(kNurse), kSoon));
  EXPECT_FALSE(MayRead(*child.Find(kCase), kHead));  // what the school still learns comes by Fetch
  EXPECT_TRUE(MayRead(*child.Find(kCase), kHealthLeader));
}

TEST(Access, A_caller_without_a_service_reads_nothing) {
  Person nobody = kTeacher;
  nobody.recipient.clear();
  EXPECT_FALSE(MayRead(*WithConcern().Find(kCase), nobody));
}

TEST(Access, A_guardian_with_the_holders_id_is_still_a_guardian) {
  Person impostor = kTeacher;
  impostor.guardian = true;
  EXPECT_FALSE(MayRead(*WithConcern().Find(kCase), impostor));
  ExpectOneAnswer(TryAll(WithLog(), By(impostor)));
}

// A person id alone is not enough: the same id under another organisation is somebody else.
TEST(Access, The_holder_acts_within_the_service_that_holds) {
  Person elsewhere = kTeacher;
  elsewhere.recipient = "r-health";
  ExpectOneAnswer(TryAll(WithLog(), By(elsewhere)));
}

TEST(Access, Only_the_holder_writes) {
  Child child = WithLog();
  EXPECT_EQ(Reason(WriteNote(child, By(kHead), {{policy::Category::kEduc, "text", {}}})), "NOT_HOLDER");
  EXPECT_EQ(Reason(CloseCase(child, By(kHead), "done")), "NOT_HOLDER");
  EXPECT_EQ(Reason(WriteNote(child, By(kTeacher), {{policy::Category::kEduc, "text", {}}})), "(done)");
}

Result<Events> BrightSpot(const Child& child, const Person& who, const std::string& etag = "") {
  return AddBrightSpot(child, By(who, kCase, etag), {{policy::Category::kEduc, "she sang", {}}});
}

TEST(Access, Everybody_in_the_log_adds_bright_spots) {
  Child child = WithParticipants();
  for (const auto& who : {kTeacher, kColleague, kHead, kNurse, kHealthLeader, kMother}) {
    auto added = BrightSpot(child, who);
    ASSERT_TRUE(added) << who.id;
    const auto& e = std::get<BrightSpotAdded>(added->at(0));
    EXPECT_EQ(e.author, who.id);
    EXPECT_EQ(e.author_recipient, who.guardian ? "" : who.recipient) << who.id;
  }
  EXPECT_EQ(Reason(AddBrightSpot(child, By(kMother), {{policy::Category::kIdent, "text", {}}})), "INVALID_FIELD");
}

// To everybody else the log is as if it did not exist: a service that is not in it, a guardian of another child or
// without parental responsibility, anybody before there is a log.
TEST(Access, A_bright_spot_tells_nobody_of_a_log_that_he_is_not_in) {
  Person stranger = kMother;
  stranger.id = "p-another-mother";
  ExpectOneAnswer({BrightSpot(WithParticipants(), kAdviser), BrightSpot(WithParticipants(), stranger),
                   BrightSpot(WithParticipants(), Person{}), BrightSpot(WithLog(), kNurse, "77"),
                   BrightSpot(WithConsent(), kMother), BrightSpot(WithConsent(), kColleague),
                   BrightSpot(Registered(), kMother)});
  Child child = Registered();
  child.guardians[0].parental_responsibility = false;
  Evolve(child, ConcernNoted{kCase, "r-school", "u-1", kTeacher.id, "worried", kSoon});
  Evolve(child, LogOpened{kCase, kTeacher.id, kTeacher.recipient, "goal", Level::k1, kSoon});
  ExpectOneAnswer({BrightSpot(child, kMother)});
}

TEST(Access, Who_lost_his_consent_adds_no_bright_spot) {
  Child child = WithParticipants();
  Learn(child, ConsentWithdrawnFact{"co-1", {kNurse.recipient}});  // and is not out of the log yet
  ExpectOneAnswer({BrightSpot(child, kNurse)});
  EXPECT_EQ(Reason(BrightSpot(child, kTeacher)), "(done)");
  Learn(child, ConsentWithdrawnFact{"co-1", {kTeacher.recipient}});
  for (const auto& who : {kTeacher, kMother}) EXPECT_EQ(Reason(BrightSpot(child, who)), "NO_CONSENT");
}

TEST(Access, A_bright_spot_belongs_to_a_log_that_goes_on) {
  EXPECT_EQ(Reason(BrightSpot(WithConsent(), kTeacher)), "LOG_NOT_OPEN");
  Child child = WithParticipants();
  EXPECT_EQ(Reason(BrightSpot(child, kTeacher, "77")), "ETAG_MISMATCH");
  Do(child, CloseCase(child, By(kTeacher), "done"));
  for (const auto& who : {kTeacher, kNurse, kMother}) EXPECT_EQ(Reason(BrightSpot(child, who)), "CASE_CLOSED");
}

TEST(Access, Parents_note_no_concern) {
  EXPECT_EQ(Reason(NoteConcern(Registered(), By(kMother), "worried", kSoon)), "STAFF_ONLY");
}

TEST(Access, An_unknown_child_and_a_forbidden_one_are_the_same) {
  EXPECT_EQ(Reason(NoteConcern(Child{}, By(kTeacher), "worried", kSoon)), "NOT_ALLOWED");
}

TEST(Access, A_stale_reading_is_told_to_read_again) {
  Child child = WithLog();
  auto version = child.Find(kCase)->version;
  EXPECT_EQ(Reason(CloseCase(child, By(kTeacher, kCase, std::to_string(version - 1)), "done")), "ETAG_MISMATCH");
  EXPECT_EQ(Reason(CloseCase(child, By(kTeacher, kCase, std::to_string(version)), "done")), "(done)");
}

// Promise P1: who adds to a log without reading the case would find out by etags how often it changed.
TEST(Access, Whoever_is_shown_no_etag_cannot_try_them) {
  const Child child = WithParticipants();
  for (const auto* etag : {"1", "7", "77"}) {
    for (const auto& who : {kNurse, kMother}) EXPECT_EQ(Reason(BrightSpot(child, who, etag)), "(done)");
  }
}

// The etag is the case's own, so what happens in the child's other cases does not show in it.
TEST(Access, The_etag_is_blind_to_the_childs_other_cases) {
  Child child = WithConcern();
  auto version = child.Find(kCase)->version;
  Do(child, NoteConcern(child, By(kNurse, "ca-2"), "worried too", kSoon));
  EXPECT_EQ(child.Find(kCase)->version, version);
}

// "No oracle for known" (design §5, Identity): registering again changes nothing for those who were first.
TEST(Access, The_first_words_about_a_child_stand) {
  Child child = Registered();
  Evolve(child, ChildRegistered{"Another", "2001-01-01", {}});
  EXPECT_EQ(child.name, "Mina");
  EXPECT_EQ(child.guardians.size(), 2U);
}

}  // namespace
}  // namespace stafett::cases::domain
