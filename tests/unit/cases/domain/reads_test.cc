// Who is told what awaits whom, and which events of a case are a service's to read.
#include "cases/domain/due.h"
#include "cases/domain/timeline.h"
#include "sample.h"

namespace stafett::cases::domain {
namespace {
using namespace sample;

std::string DateOf(const Child& child, const std::string& awaited_id, const Person& who, Time now = kNow) {
  const auto due = DueOf(child, awaited_id, who, now);
  return due ? due->awaited.date : "(nothing)";
}

TEST(Due, A_next_date_is_for_the_holder_and_the_leaders_of_the_holders_service) {
  const Child child = WithConcern();
  for (const auto& who : {kTeacher, kHead}) EXPECT_EQ(DateOf(child, "next/ca-1", who), kSoon) << who.id;
  for (const auto& who : {kColleague, kNurse, kHealthLeader, kMother}) {
    EXPECT_EQ(DateOf(child, "next/ca-1", who), "(nothing)") << who.id;
  }
  EXPECT_EQ(DueOf(child, "next/ca-1", kTeacher, kNow)->case_id, kCase);
}

TEST(Due, An_answer_is_for_whom_the_baton_is_offered_to_and_the_leaders_there) {
  Child child = WithParticipants();
  Do(child, OfferBaton(child, By(kTeacher), kNurse.id, kNurse.recipient, "2026-11-25"));
  for (const auto& who : {kNurse, kHealthLeader}) EXPECT_EQ(DateOf(child, "baton/ca-1", who), "2026-11-25") << who.id;
  for (const auto& who : {kTeacher, kHead, kAdviser}) {
    EXPECT_EQ(DateOf(child, "baton/ca-1", who), "(nothing)") << who.id;
  }
  EXPECT_EQ(DateOf(child, "next/ca-1", kHealthLeader), "(nothing)");
  Do(child, AcceptBaton(child, By(kNurse), "2026-12-03"));
  EXPECT_EQ(DateOf(child, "baton/ca-1", kNurse), "(nothing)");
  EXPECT_EQ(DateOf(child, "next/ca-1", kNurse), "2026-12-03");
  EXPECT_EQ(DateOf(child, "next/ca-1", kTeacher), "(nothing)");
}

TEST(Due, Somebody_of_another_service_with_the_same_id_is_somebody_else) {
  Person elsewhere = kTeacher;
  elsewhere.recipient = "r-ppt";
  EXPECT_EQ(DateOf(WithConcern(), "next/ca-1", elsewhere), "(nothing)");
}

TEST(Due, An_evaluation_is_for_who_is_responsible_and_the_leaders_there) {
  Child child = WithParticipants();
  Measure m;
  m.id = "me-1";
  m.responsible = kNurse.id;
  m.responsible_recipient = kNurse.recipient;
  m.evaluation_date = "2026-12-20";
  Evolve(child, MeasureStarted{kCase, m});
  for (const auto& who : {kNurse, kHealthLeader}) {
    ASSERT_EQ(DateOf(child, "evaluation/me-1", who), "2026-12-20") << who.id;
    EXPECT_EQ(DueOf(child, "evaluation/me-1", who, kNow)->case_id, kCase);
  }
  for (const auto& who : {kTeacher, kHead, kMother}) EXPECT_EQ(DateOf(child, "evaluation/me-1", who), "(nothing)");
  // Its consent has run out, and nobody has taken it out of the log yet.
  for (const auto& who : {kNurse, kHealthLeader}) {
    EXPECT_EQ(DateOf(child, "evaluation/me-1", who, Time{kNow.ms + 2000}), "(nothing)") << who.id;
  }
}

TEST(Due, A_closed_case_awaits_nobody) {
  Child child = WithConcern();
  Do(child, CloseCase(child, By(kTeacher), "done"));
  EXPECT_EQ(DateOf(child, "next/ca-1", kTeacher), "(nothing)");
}

// A case that goes from the school to the health station and back.
struct Handed : testing::Test {
  Child child = WithParticipants();
  std::vector<Event> events;
  void SetUp() override {
    Child again = Registered();  // the events of the case that WithParticipants has folded
    auto take = [&](const Result<Events>& decided) {
      ASSERT_TRUE(decided) << decided.error().reason;
      for (const auto& e : *decided) {
        Evolve(again, e);
        events.push_back(e);
      }
    };
    take(NoteConcern(again, By(kTeacher), "worried", kSoon));
    again.consents = child.consents;
    take(OpenLog(again, By(kTeacher), "goal", kSoon));
    take(AddParticipant(again, By(kTeacher), "r-health"));
    take(OfferBaton(again, By(kTeacher), kNurse.id, "r-health", kSoon));
    take(AcceptBaton(again, By(kNurse), kSoon));
    take(WriteNote(again, By(kNurse), {{policy::Category::kHealthd, "text", {}}}));
    take(OfferBaton(again, By(kNurse), kTeacher.id, "r-school", kSoon));
    take(AcceptBaton(again, By(kTeacher), kSoon));
    take(WriteNote(again, By(kTeacher), {{policy::Category::kEduc, "text", {}}}));
    child = again;
  }
  using Flags = std::vector<bool>;
};

TEST_F(Handed, What_happened_while_another_service_held_the_case_is_not_told_though_it_is_held_now) {
  EXPECT_EQ(WholeFor("r-school", events), (Flags{true, true, true, true, true, false, false, true, true}));
  EXPECT_EQ(WholeFor("r-health", events), (Flags{false, false, false, false, true, true, true, true, false}));
}

TEST_F(Handed, What_others_write_in_it_is_theirs_though_the_case_is_held_here) {
  const std::vector<Section> text = {{policy::Category::kHealthd, "text", {}}};
  events.push_back(BrightSpotAdded{kCase, kNurse.id, "r-health", text});
  events.push_back(BrightSpotAdded{kCase, kMother.id, "", text});
  events.push_back(NoteWritten{kCase, kNurse.id, "r-health", text, "me-1"});  // at an evaluation
  events.push_back(BrightSpotAdded{kCase, kColleague.id, "r-school", text});
  const auto whole = WholeFor("r-school", events);
  EXPECT_EQ(Flags(whole.end() - 4, whole.end()), (Flags{false, false, false, true}));
  EXPECT_EQ(WholeFor("r-health", events),
            (Flags{false, false, false, false, true, true, true, true, false, false, false, false, false}));
}

TEST_F(Handed, A_participant_a_stranger_and_nobody_at_all_hold_nothing) {
  for (const char* recipient : {"r-ppt", "r-welfare", ""}) {
    EXPECT_EQ(WholeFor(recipient, events), Flags(events.size(), false)) << recipient;
  }
}

}  // namespace
}  // namespace stafett::cases::domain
