// The baton: never dropped, never in two hands.
#include "sample.h"

namespace stafett::cases::domain {
namespace {
using namespace sample;

Child Offered() {
  Child child = WithParticipants();
  Do(child, OfferBaton(child, By(kTeacher), kNurse.id, kNurse.recipient, kSoon));
  return child;
}

TEST(Baton, Baton_stays_with_the_giver_until_accepted) {
  Child child = Offered();
  EXPECT_EQ(child.Find(kCase)->holder, kTeacher.id);
  EXPECT_EQ(Reason(WriteNote(child, By(kTeacher), {{policy::Category::kPlan, "text", {}}})), "(done)");
  EXPECT_NE(Reason(WriteNote(child, By(kNurse), {{policy::Category::kPlan, "text", {}}})), "(done)");
  Do(child, AcceptBaton(child, By(kNurse), kSoon));
  EXPECT_EQ(child.Find(kCase)->holder, kNurse.id);
  EXPECT_EQ(child.Find(kCase)->holder_recipient, kNurse.recipient);
  EXPECT_NE(Reason(WriteNote(child, By(kTeacher), {{policy::Category::kPlan, "text", {}}})), "(done)");
}

TEST(Baton, Who_gave_it_stays_in_the_log_as_a_participant) {
  Child child = Offered();
  Do(child, AcceptBaton(child, By(kNurse), kSoon));
  EXPECT_EQ(child.Find(kCase)->participants, std::set<std::string>{"r-school"});
}

TEST(Baton, A_declined_baton_was_never_gone) {
  Child child = Offered();
  Do(child, DeclineBaton(child, By(kNurse), "no time"));
  EXPECT_EQ(child.Find(kCase)->holder, kTeacher.id);
  EXPECT_TRUE(child.Find(kCase)->offered_to.empty());
  EXPECT_EQ(Reason(AcceptBaton(child, By(kNurse), kSoon)), "NOT_ALLOWED");
}

TEST(Baton, Only_the_one_it_is_offered_to_answers) {
  Child child = Offered();
  EXPECT_EQ(Reason(AcceptBaton(child, By(kHealthLeader), kSoon)), "NOT_ALLOWED");
  EXPECT_EQ(Reason(AcceptBaton(child, By(kTeacher), kSoon)), "NOT_ALLOWED");
  EXPECT_EQ(Reason(DeclineBaton(child, By(kHealthLeader), "no")), "NOT_ALLOWED");
}

TEST(Baton, It_is_offered_to_one_at_a_time) {
  Child child = Offered();
  EXPECT_EQ(Reason(OfferBaton(child, By(kTeacher), kHealthLeader.id, "r-health", kSoon)), "ALREADY_OFFERED");
}

TEST(Baton, It_goes_to_a_service_that_takes_part) {
  Child child = WithLog();
  EXPECT_EQ(Reason(OfferBaton(child, By(kTeacher), kNurse.id, "r-health", kSoon)), "NOT_PARTICIPANT");
  EXPECT_EQ(Reason(OfferBaton(child, By(kTeacher), kColleague.id, "r-school", kSoon)), "(done)");
}

TEST(Baton, It_is_not_offered_to_the_one_who_holds_it) {
  EXPECT_EQ(Reason(OfferBaton(WithLog(), By(kTeacher), kTeacher.id, "r-school", kSoon)), "ALREADY_HOLDER");
}

// Decision 0017: a part in the log rests on a consent with whoever holds it.
TEST(Baton, Who_takes_it_keeps_in_the_log_whom_a_consent_names_with_him) {
  Child child = Offered();
  Ask(child, "co-2", {"r-welfare"});  // the school asked, and the health station is not in it
  for (const auto* parent : {"p-mother", "p-father"}) Yes(child, parent, {"r-welfare"}, "co-2");
  Do(child, AddParticipant(child, By(kTeacher), "r-welfare"));
  auto events = AcceptBaton(child, By(kNurse), kSoon);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ(std::get<ParticipantRemoved>((*events)[1]).recipient, "r-welfare");
}

// R3-04: the consent may end while the offer stands.
TEST(Baton, It_is_not_accepted_on_a_consent_that_ended_meanwhile) {
  Child child = Offered();
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-health"}});
  EXPECT_EQ(Reason(AcceptBaton(child, By(kNurse), kSoon)), "NO_CONSENT");
}

// Else it would stand in the way until somebody says no who may know nothing of the case any more.
TEST(Baton, An_offer_ends_with_the_consent_for_the_receivers_service) {
  Child child = Offered();
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-health"}});
  auto events = StopWhatLostItsConsent(child, kNow);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<BatonOfferEnded>(events[0]));
  EXPECT_TRUE(std::holds_alternative<ParticipantRemoved>(events[1]));
  for (const auto& e : events) Evolve(child, e);
  EXPECT_EQ(Reason(AcceptBaton(child, By(kNurse), kSoon)), "NOT_ALLOWED");
  EXPECT_EQ(Reason(DeclineBaton(child, By(kNurse), "no time")), "NOT_ALLOWED");
  EXPECT_EQ(child.Find(kCase)->holder, kTeacher.id);
  EXPECT_EQ(Reason(OfferBaton(child, By(kTeacher), kColleague.id, "r-school", kSoon)), "(done)");
}

TEST(Baton, An_offer_within_a_service_ends_with_its_consent_too) {
  Child child = WithLog();
  Do(child, OfferBaton(child, By(kTeacher), kColleague.id, "r-school", kSoon));
  Learn(child, ConsentWithdrawnFact{"co-1", {"r-school"}});
  EXPECT_EQ(Reason(AcceptBaton(child, By(kColleague), kSoon)), "NO_CONSENT");
  for (const auto& e : StopWhatLostItsConsent(child, kNow)) Evolve(child, e);
  EXPECT_EQ(child.Find(kCase)->state, CaseState::kLogSuspended);
  EXPECT_TRUE(child.Find(kCase)->offered_to.empty());
}

}  // namespace
}  // namespace stafett::cases::domain
