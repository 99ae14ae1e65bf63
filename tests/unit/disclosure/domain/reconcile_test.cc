// What became of what a recipient was told in some time (promise P3).
#include "disclosure/domain/reconcile.h"

#include <gtest/gtest.h>

#include "sample.h"

namespace stafett::disclosure::domain {
namespace {
using namespace sample;

struct Reconciling : WithPpt {
  std::vector<Reconciled> Rows(Tells tells = {}, bool withheld = false, Time from = {}, Time to = Time{kNow}) const {
    return Reconcile(c.view, {kPpt, tells, from, to, withheld}, c.now);
  }
  Reconciled Row(const std::string& id, Tells tells = {}, bool withheld = false) const {
    for (auto& row : Rows(tells, withheld)) {
      if (row.delivery.id == id) return row;
    }
    ADD_FAILURE() << "not listed: " << id;
    return {};
  }
};

TEST_F(Reconciling, Each_step_that_is_due_is_missing_until_it_is_done) {
  const auto d = Note();
  EXPECT_EQ(Row(d).missing, DeliveryState::kFetched);
  c.Fetch(d);
  EXPECT_EQ(Row(d).missing, DeliveryState::kStored);
  Evolve(c.view, StoredConfirmed{d, kPpt, "ref", "digest"});
  EXPECT_EQ(Row(d).missing, DeliveryState::kOpened);
  EXPECT_EQ(Row(d, {true, false}).missing, std::nullopt) << "its system cannot tell of opening";
  Evolve(c.view, OpenedConfirmed{d, kPpt, "LEADER"});
  EXPECT_EQ(Row(d).missing, std::nullopt);
  EXPECT_FALSE(Row(d).ended);
}

TEST_F(Reconciling, What_was_taken_back_is_missed_by_nobody_and_its_retraction_is) {
  const auto fetched = Note(), untouched = Note();
  c.Fetch(fetched);
  c.Record(Withdrawn{"co-1", {kPpt}});
  const auto retraction = IdOf(c.last_event + "/" + kCase, kPpt, DeliveryKind::kRetraction);
  for (const auto& d : {fetched, untouched}) {
    EXPECT_TRUE(Row(d).ended);
    EXPECT_EQ(Row(d).missing, std::nullopt);
  }
  EXPECT_EQ(Row(retraction).missing, DeliveryState::kStored) << "there is nothing to fetch";
  EXPECT_EQ(Row(retraction, {false, false}).missing, std::nullopt);
  Evolve(c.view, StoredConfirmed{retraction, kPpt, "ref", ""});
  EXPECT_EQ(Row(retraction).missing, std::nullopt) << "nobody opens it";
}

TEST_F(Reconciling, What_it_was_not_told_of_is_for_the_officer_alone) {
  const auto d = Note();
  const auto all = Rows().size();
  Evolve(c.view, SignalWithheld{d, kPpt});
  EXPECT_EQ(Rows().size(), all - 1);
  EXPECT_EQ(Row(d, {}, true).missing, DeliveryState::kFetched);
}

TEST_F(Reconciling, Of_others_nothing_and_of_the_asked_time_alone) {
  const auto d = Note();
  const auto at = c.view.FindDelivery(d)->at;
  for (const auto& row : Rows()) EXPECT_EQ(row.delivery.recipient, kPpt);
  EXPECT_TRUE(Reconcile(c.view, {"r-nobody", {}, {}, Time{kNow}, true}, c.now).empty());
  auto in = [&](Time from, Time to) {
    for (const auto& row : Rows({}, false, from, to)) {
      if (row.delivery.id == d) return true;
    }
    return false;
  };
  EXPECT_TRUE(in(at, Time{at.ms + 1}));
  EXPECT_FALSE(in(Time{at.ms + 1}, Time{kNow}));
  EXPECT_FALSE(in({}, at)) << "the end is not in it";
}

}  // namespace
}  // namespace stafett::disclosure::domain
