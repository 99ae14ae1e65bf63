// Which deliveries are still to be stored (promise P3), and when nobody waits any more.
#include "disclosure/domain/awaited.h"

#include <gtest/gtest.h>

#include "sample.h"

namespace stafett::disclosure::domain {
namespace {
using namespace sample;
using enum Category;

struct AwaitedDeliveries : WithPpt {
  bool Awaited(const std::string& id) const { return ToBeStored(c.view, *c.view.FindDelivery(id), c.now); }
  std::string Withdraw(const std::string& consent) {
    c.Record(Withdrawn{consent, {kPpt}});
    return IdOf(c.last_event + "/" + kCase, kPpt, DeliveryKind::kRetraction);
  }
};

TEST_F(AwaitedDeliveries, Told_until_stored_whatever_is_fetched_in_between) {
  const auto d = Note();
  EXPECT_TRUE(Awaited(d));
  c.Fetch(d);
  EXPECT_TRUE(Awaited(d));
  Evolve(c.view, StoredConfirmed{d, kPpt, "ref", "digest"});
  EXPECT_FALSE(Awaited(d));
  c.Fetch(d);
  EXPECT_FALSE(Awaited(d)) << "read again, it is still stored";
  Evolve(c.view, OpenedConfirmed{d, kPpt, "LEADER"});
  EXPECT_FALSE(Awaited(d));
}

TEST_F(AwaitedDeliveries, Not_while_its_signal_is_withheld_and_again_when_it_is_resent) {
  const auto d = Note();
  Evolve(c.view, SignalWithheld{d, kPpt});
  EXPECT_FALSE(Awaited(d));
  auto told = c.view.missed[kPpt].front();
  auto resent = RouteMissed(c.view, kPpt, "rs-1", {{told.line, told.line.fields, told.line.consents}}, c.regime, true,
                            c.now, IdOf);
  ASSERT_TRUE(resent);
  Evolve(c.view, *resent);
  EXPECT_TRUE(Awaited(d));
  EXPECT_EQ(c.view.FindDelivery(d)->at, c.now) << "from when it was resent";
}

// Who fetched it in time may not fetch it again, so it could never be stored: what is asked for now is the retraction.
TEST_F(AwaitedDeliveries, A_withdrawal_ends_them_fetched_or_not_and_its_retraction_is_awaited) {
  const auto fetched = Note(), untouched = Note();
  c.Fetch(fetched);
  const auto retraction = Withdraw("co-1");
  EXPECT_FALSE(Awaited(fetched));
  EXPECT_FALSE(Awaited(untouched));
  EXPECT_TRUE(Awaited(retraction));
  Evolve(c.view, StoredConfirmed{retraction, kPpt, "", ""});
  EXPECT_FALSE(Awaited(retraction));
}

TEST_F(AwaitedDeliveries, Another_ground_goes_on) {
  c.Grant("co-2", {{kHealth, Cats(kPlan)}});
  const auto to_ppt = Note();
  const auto to_health = IdOf(c.last_event, kHealth, DeliveryKind::kEvent);
  c.Record(Withdrawn{"co-2", {kHealth}});
  EXPECT_TRUE(Awaited(to_ppt));
  EXPECT_FALSE(Awaited(to_health));
}

TEST_F(AwaitedDeliveries, A_consent_that_runs_out_ends_them_at_that_moment) {
  const auto d = Note();
  const auto ends = GroundEnds(c.view, *c.view.FindDelivery(d));
  EXPECT_EQ(ends, c.view.consents.at("co-1").until);
  c.now = Time{ends->ms - 1};
  EXPECT_TRUE(Awaited(d));
  EXPECT_TRUE(c.Read(d));
  c.now = *ends;
  EXPECT_FALSE(Awaited(d));
  EXPECT_FALSE(c.Read(d)) << "the recipient could not have it any more";
}

TEST_F(AwaitedDeliveries, What_rests_on_several_consents_ends_with_the_last_and_on_none_never) {
  auto d = *c.view.FindDelivery(Note());
  c.view.consents["co-2"].until = Time{c.now.ms + kDay};
  d.consents = {"co-2", "co-1"};
  EXPECT_EQ(GroundEnds(c.view, d), c.view.consents.at("co-1").until);
  d.consents = {"co-2", "co-of-nobody"};
  EXPECT_FALSE(GroundEnds(c.view, d)) << "what is not known does not end it";
  d.consents = {};
  EXPECT_FALSE(GroundEnds(c.view, d));
  EXPECT_TRUE(ToBeStored(c.view, d, Time{c.now.ms + 9999 * kDay}));
}

}  // namespace
}  // namespace stafett::disclosure::domain
