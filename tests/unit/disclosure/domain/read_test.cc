// A read is decided twice: as it was when it was signalled, and as it is now (design §4.6). And how far a delivery
// has come.
#include <gtest/gtest.h>

#include "sample.h"

namespace stafett::disclosure::domain {
namespace {
using namespace sample;
using enum Category;

struct Reading : testing::Test {
  Child c = Child::WithLog();
  std::string delivery;
  void SetUp() override {
    c.Grant("co-1", {{kPpt, Cats(kEduc, kPlan)}});
    c.Note(kSchool, Cats(kEduc, kPlan, kConcern));
    delivery = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  }
  void ExpectRefused(const Result<ReadDecision>& read, Code code, const std::string& reason) {
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, code);
    EXPECT_EQ(read.error().reason, reason);
  }
};

TEST_F(Reading, A_read_is_decided_then_and_now) {
  auto read = c.Read(delivery);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fields, Cats(kExist, kIdent, kEduc, kPlan));
  EXPECT_EQ(read->rule, "T020");
  EXPECT_EQ(read->consents, std::vector<std::string>{"co-1"});
  // More is allowed now: what was not allowed then stays away.
  c.Grant("co-2", {{kPpt, Cats(kConcern)}});
  EXPECT_EQ(c.Read(delivery)->fields, Cats(kExist, kIdent, kEduc, kPlan));
}

TEST_F(Reading, Less_is_allowed_now_than_then) {
  c.Grant("co-2", {{kPpt, Cats(kPlan)}});
  c.Note(kSchool, Cats(kEduc, kPlan));
  auto of_both = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  c.Fetch(of_both);
  c.Record(Withdrawn{"co-1", {kPpt}});
  auto read = c.Read(of_both);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fields, Cats(kExist, kIdent, kPlan));
  EXPECT_EQ(read->consents, std::vector<std::string>{"co-2"});
}

TEST_F(Reading, A_parked_child_is_shown_to_nobody) {
  ExpectRefused(c.Read(delivery, false), Code::kFailedPrecondition, "NOT_ALLOWED_NOW");
  EXPECT_TRUE(c.Read(delivery));
}

TEST_F(Reading, A_suspended_recipient_reads_nothing) {
  c.regime.active.erase(kPpt);
  ExpectRefused(c.Read(delivery), Code::kFailedPrecondition, "NOT_ALLOWED_NOW");
}

TEST_F(Reading, Another_policy_now_decides_too) {
  policy::RuleSet none;
  c.regime.rules = &none;
  ExpectRefused(c.Read(delivery), Code::kFailedPrecondition, "NOT_ALLOWED_NOW");
}

TEST_F(Reading, A_retraction_has_no_content) {
  auto decided = c.Record(Withdrawn{"co-1", {kPpt}});
  ExpectRefused(c.Read(LineFor(decided, kPpt)->delivery_id), Code::kGone, "RETRACTION");
}

TEST_F(Reading, Content_that_is_gone_is_gone) {
  c.view.items = {};
  ExpectRefused(c.Read(delivery), Code::kGone, "CONTENT_GONE");
}

TEST_F(Reading, A_delivery_goes_forward_only) {
  auto state = [&] { return c.view.FindDelivery(delivery)->state; };
  EXPECT_EQ(state(), DeliveryState::kSignalled);
  c.Fetch(delivery);
  EXPECT_EQ(state(), DeliveryState::kFetched);
  EXPECT_EQ(c.view.FindDelivery(delivery)->digest, "digest");
  Evolve(c.view, StoredConfirmed{delivery, kPpt, "journal-17", "digest"});
  EXPECT_EQ(state(), DeliveryState::kStored);
  EXPECT_EQ(c.view.FindDelivery(delivery)->record_ref, "journal-17");
  c.Fetch(delivery);  // read again
  EXPECT_EQ(state(), DeliveryState::kStored);
  Evolve(c.view, OpenedConfirmed{delivery, kPpt, "ADVISER"});
  EXPECT_EQ(state(), DeliveryState::kOpened);
  Evolve(c.view, StoredConfirmed{delivery, kPpt, "journal-17", "digest"});
  c.Fetch(delivery);
  EXPECT_EQ(state(), DeliveryState::kOpened);
}

TEST_F(Reading, A_receipt_for_no_delivery_changes_nothing) {
  auto before = c.view.deliveries.size();
  Evolve(c.view, Fetched{"d-none", kPpt, {}, "", ""});
  Evolve(c.view, StoredConfirmed{"d-none", kPpt, "x", ""});
  Evolve(c.view, OpenedConfirmed{"d-none", kPpt, ""});
  EXPECT_EQ(c.view.deliveries.size(), before);
  EXPECT_EQ(c.view.FindDelivery("d-none"), nullptr);
}

// ---- a grant works forward (design §4.8), for what was told before it too ----------------------------------------

// Found by reading: fetched under a consent that was withdrawn, it could be fetched again under the next one.
TEST_F(Reading, What_was_read_under_a_withdrawn_consent_is_not_read_again_under_the_next) {
  for (int steps = 1; steps <= 3; ++steps) {
    SCOPED_TRACE(steps);
    c = Child::WithLog();
    SetUp();
    c.Fetch(delivery);
    if (steps > 1) Evolve(c.view, StoredConfirmed{delivery, kPpt, "journal-17", "digest"});
    if (steps > 2) Evolve(c.view, OpenedConfirmed{delivery, kPpt, "ADVISER"});
    c.Record(Withdrawn{"co-1", {kPpt}});
    ExpectRefused(c.Read(delivery), Code::kGone, "WITHDRAWN");
    auto snapshot = c.Grant("co-2", {{kPpt, kUsual}});
    ExpectRefused(c.Read(delivery), Code::kGone, "WITHDRAWN");
    EXPECT_TRUE(c.Read(LineFor(snapshot, kPpt)->delivery_id));  // what the new one brings is read
  }
}

TEST_F(Reading, A_consent_that_was_whole_before_goes_on_and_a_later_one_does_not_take_its_place) {
  c.Grant("co-2", {{kPpt, Cats(kEduc)}});
  c.Note(kSchool, Cats(kEduc, kPlan));
  auto of_both = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  c.Fetch(of_both);
  c.Record(Withdrawn{"co-1", {kPpt}});
  c.Grant("co-3", {{kPpt, kUsual}});
  auto read = c.Read(of_both);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fields, Cats(kExist, kIdent, kEduc));
  EXPECT_EQ(read->consents, std::vector<std::string>{"co-2"});
  c.Record(Withdrawn{"co-2", {kPpt}});
  ExpectRefused(c.Read(of_both), Code::kGone, "WITHDRAWN");
}

// Two records may have the same time; the log's order tells which was first.
TEST_F(Reading, A_grant_of_the_same_millisecond_is_a_later_one) {
  c.Note(kSchool, Cats(kEduc));
  auto last = IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  c.Fetch(last);
  auto still = [&] { c.now.ms -= 1000; };  // every record takes a second
  still();
  c.Record(Withdrawn{"co-1", {kPpt}});
  still();
  c.Record(Ask("co-2", {{kPpt, kUsual}}));
  still();
  c.Record(Yes("co-2", {kPpt}));
  EXPECT_EQ(c.view.consents.at("co-2").scopes.at(kPpt).complete_at, c.view.latest);
  ExpectRefused(c.Read(last), Code::kGone, "WITHDRAWN");
}

TEST_F(Reading, A_no_and_a_new_yes_is_a_new_grant) {
  c.Fetch(delivery);
  c.Refuse("co-1", kPpt);
  ExpectRefused(c.Read(delivery), Code::kFailedPrecondition, "NOT_ALLOWED_NOW");
  EXPECT_TRUE(Told(c.Record(Yes("co-1", {kPpt})), kPpt));
  ExpectRefused(c.Read(delivery), Code::kFailedPrecondition, "NOT_ALLOWED_NOW");
  EXPECT_TRUE(Told(c.Note(kSchool, Cats(kEduc)), kPpt));
}

// The two folds are of two lists that are stored apart (domain/view.h).
TEST_F(Reading, Facts_and_ledger_may_be_folded_in_any_order) {
  View facts_first;
  View ledger_first;
  Requested asked = Ask("co-1", {{kPpt, kUsual}});
  Decided decided;
  decided.event_id = "ev-3";
  Line line;
  line.recipient = kPpt;
  line.case_id = kCase;
  line.delivery_id = "d-1";
  line.sequence = 1;
  decided.lines.push_back(line);
  auto facts = [&](View& v) {
    Learn(v, {0, Time{1}, "ev-1"}, CaseOpened{kCase, "p", kSchool, "", "", 1});
    Learn(v, {1, Time{2}, "ev-2"}, asked);
    Learn(v, {2, Time{3}, "ev-3"}, Yes("co-1", {kPpt}));
    Learn(v, {3, Time{4}, "ev-4"}, Withdrawn{"co-1", {kPpt}});
  };
  auto ledger = [&](View& v) {
    Evolve(v, decided);
    Evolve(v, Fetched{"d-1", kPpt, {}, "x", "T020"});
  };
  facts(facts_first);
  ledger(facts_first);
  ledger(ledger_first);
  facts(ledger_first);
  EXPECT_EQ(facts_first.FindDelivery("d-1")->state, ledger_first.FindDelivery("d-1")->state);
  EXPECT_EQ(facts_first.sequence, ledger_first.sequence);
  EXPECT_EQ(facts_first.order, ledger_first.order);
  EXPECT_EQ(ConsentsOf(facts_first, kSchool).size(), ConsentsOf(ledger_first, kSchool).size());
  EXPECT_EQ(facts_first.latest, ledger_first.latest);
}

// Promise P1: who else knows the child, and by which name, is not told with what the school gives.
TEST_F(Reading, The_child_is_named_in_the_first_words_of_the_giver_or_of_a_service_in_the_log) {
  c.regime.organisations = {{"1", kBup}, {"2", kSchool}, {"3", kHealth}};
  Item item;
  item.case_id = kCase;
  item.origin = kPpt;
  c.Record(Identified{"hospital", "1"});
  EXPECT_EQ(IdentityFrom(c.view, item, c.regime), "hospital");  // nobody who holds the log or did has said it
  c.Record(Identified{"health", "3"});
  c.Record(Identified{"school", "2"});
  c.Record(Identified{"school again", "2"});
  EXPECT_EQ(IdentityFrom(c.view, item, c.regime), "school");  // which holds the log
  item.origin = kHealth;
  EXPECT_EQ(IdentityFrom(c.view, item, c.regime), "health");
  item.origin = kPpt;  // to which the baton passes, and the school leaves
  c.Record(Handed{kCase, "p-adviser", kPpt, "2026-12-24"});
  c.Record(Left{kCase, kSchool});
  EXPECT_EQ(IdentityFrom(c.view, item, c.regime), "school");
}

}  // namespace
}  // namespace stafett::disclosure::domain
