// What a recipient is not told while its topic refuses, and what becomes of it (design §4.5).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "disclosure/domain/reconcile.h"
#include "sample.h"

namespace stafett::disclosure::domain {
namespace {
using namespace sample;
using enum Category;

struct Missing : testing::Test {
  Child c = Child::WithLog();
  void SetUp() override { c.Grant("co-1", {{kPpt, Cats(kEduc, kPlan)}, {kHealth, Cats(kPlan)}}); }

  std::map<std::string, View> places;  // by item: what was known when it was decided

  std::string Note(CategorySet categories) {
    c.Note(kSchool, categories);
    places[c.last_event] = c.view;
    return c.last_event;
  }
  std::string Signalled() { return IdOf(Note(Cats(kEduc, kPlan)), kPpt, DeliveryKind::kEvent); }
  void Withhold(const std::string& delivery) { Evolve(c.view, SignalWithheld{delivery, kPpt}); }
  DeliveryState StateOf(const std::string& delivery) const { return c.view.FindDelivery(delivery)->state; }
  std::size_t MissedBy(const std::string& recipient) { return c.view.missed[recipient].size(); }
  // As app/resend_missed.cc, with the places of the records as they were.
  std::vector<MissedThen> AsItWas(Regime then) {
    std::vector<MissedThen> out;
    then.active.insert(kPpt);
    for (const auto& m : c.view.missed[kPpt]) {
      MissedThen t{m.line, m.line.fields, m.line.consents};
      if (!m.event_id.empty()) {
        const auto& place = places.contains(m.line.item) ? places[m.line.item] : c.view;
        auto allowed = AllowedTo(place, c.view.items.at(m.line.item), kPpt, then, c.view.decided[m.event_id].at);
        t.fields = allowed.fields;
        t.consents = allowed.consents;
      }
      out.push_back(t);
    }
    return out;
  }
  std::optional<Decided> Resend(const std::vector<MissedThen>& then, const std::string& id = "rs-1") {
    auto decided = RouteMissed(c.view, kPpt, id, then, c.regime, true, c.now, IdOf);
    if (decided) Evolve(c.view, *decided);
    return decided;
  }
};

TEST_F(Missing, A_withheld_delivery_is_unknown_to_everybody_outside) {
  auto d = Signalled();
  EXPECT_NE(c.view.ToldOf(d, kPpt), nullptr);
  EXPECT_EQ(c.view.ToldOf(d, kHealth), nullptr);
  Withhold(d);
  EXPECT_EQ(StateOf(d), DeliveryState::kWithheld);
  EXPECT_EQ(c.view.ToldOf(d, kPpt), nullptr);
  EXPECT_EQ(MissedBy(kPpt), 1U);
  Withhold(d);  // the relay may say it twice
  EXPECT_EQ(MissedBy(kPpt), 1U);
}

TEST_F(Missing, What_was_fetched_cannot_be_withheld_any_more) {
  auto d = Signalled();
  c.Fetch(d);
  Withhold(d);
  EXPECT_EQ(StateOf(d), DeliveryState::kFetched);
  EXPECT_EQ(MissedBy(kPpt), 0U);
}

TEST_F(Missing, Resent_it_is_told_with_a_new_place_in_the_sequence) {
  auto d = Signalled();
  auto before = c.view.FindDelivery(d)->sequence;
  Withhold(d);
  c.regime.active.erase(kPpt);
  auto during = Note(Cats(kEduc, kPlan));  // decided while it is suspended
  EXPECT_EQ(MissedBy(kPpt), 2U);
  EXPECT_FALSE(Resend(AsItWas(c.regime)));  // still suspended
  c.regime.active.insert(kPpt);
  auto resent = Resend(AsItWas(c.regime));
  ASSERT_TRUE(resent);
  ASSERT_EQ(resent->lines.size(), 2U);
  EXPECT_EQ(resent->lines[0].delivery_id, d);
  EXPECT_EQ(resent->lines[1].delivery_id, IdOf(during, kPpt, DeliveryKind::kEvent));
  EXPECT_EQ(resent->lines[0].sequence, before + 1);
  EXPECT_EQ(resent->lines[1].sequence, before + 2);
  EXPECT_EQ(StateOf(d), DeliveryState::kSignalled);
  EXPECT_TRUE(c.Read(d));
  EXPECT_EQ(MissedBy(kPpt), 0U);
  EXPECT_FALSE(Resend({{resent->lines[0], resent->lines[0].fields, {}}}, "rs-2"));  // told is told
}

TEST_F(Missing, What_is_not_allowed_any_more_is_not_resent) {
  auto d = Signalled();
  const auto all = c.view.deliveries;
  for (const auto& [id, delivery] : all) {
    if (delivery.recipient == kPpt) Withhold(id);  // the snapshot too
  }
  c.regime.active.erase(kPpt);
  Note(Cats(kEduc));
  auto withdrawal = c.Record(Withdrawn{"co-1", {kPpt}});
  EXPECT_FALSE(Told(withdrawal, kPpt)) << "a retraction of nothing would tell that there was something";
  EXPECT_EQ(StateOf(d), DeliveryState::kWithdrawn);
  c.regime.active.insert(kPpt);
  c.Grant("co-2", {{kPpt, Cats(kEduc, kPlan)}});  // works forward: history is not in it (design §4.8)
  auto resent = Resend(AsItWas(c.regime));
  ASSERT_TRUE(resent);
  for (const auto& line : resent->lines) {
    if (line.kind == DeliveryKind::kSnapshot) continue;
    EXPECT_EQ(line.verdict, policy::Verdict::kWithhold) << line.item;
    EXPECT_TRUE(line.delivery_id.empty());
  }
  EXPECT_EQ(MissedBy(kPpt), 0U);
}

TEST_F(Missing, Taken_back_before_anybody_was_told_it_stays_unknown) {
  c.Grant("co-2", {{kPpt, Cats(kEduc, kPlan)}});
  auto d = Signalled();  // rests on both
  const auto all = c.view.deliveries;
  for (const auto& [id, delivery] : all) {
    if (delivery.recipient == kPpt) Withhold(id);
  }
  for (const char* consent : {"co-1", "co-2"}) {
    EXPECT_FALSE(Told(c.Record(Withdrawn{consent, {kPpt}}), kPpt))
        << consent << ": it would tell that there was something";
    EXPECT_EQ(StateOf(d), DeliveryState::kWithdrawn);
    EXPECT_EQ(c.view.ToldOf(d, kPpt), nullptr);
    EXPECT_TRUE(Reconcile(c.view, {kPpt, {}, {}, Time{kNow}, false}, c.now).empty());
  }
}

TEST_F(Missing, What_was_not_allowed_then_is_not_resent_because_it_would_be_now) {
  c.regime.active.erase(kPpt);
  auto note = Note(Cats(kConcern));  // in no consent of PPT's
  c.Grant("co-2", {{kPpt, Cats(kConcern)}});
  c.regime.active.insert(kPpt);
  auto then = AsItWas(c.regime);
  auto resent = Resend(then);
  ASSERT_TRUE(resent);
  auto line = std::find_if(resent->lines.begin(), resent->lines.end(), [&](const Line& l) { return l.item == note; });
  ASSERT_NE(line, resent->lines.end());
  EXPECT_EQ(line->verdict, policy::Verdict::kWithhold);
}

TEST_F(Missing, Of_a_child_that_is_set_aside_nothing_is_decided_for_good) {
  Withhold(Signalled());
  EXPECT_FALSE(RouteMissed(c.view, kPpt, "rs-1", AsItWas(c.regime), c.regime, false, c.now, IdOf));
  EXPECT_EQ(MissedBy(kPpt), 1U);
}

TEST_F(Missing, A_retraction_that_could_not_be_sent_is_sent_later) {
  auto d = Signalled();
  c.Fetch(d);
  auto withdrawal = c.Record(Withdrawn{"co-1", {kPpt}});
  const auto* line = LineFor(withdrawal, kPpt);
  ASSERT_NE(line, nullptr);
  Withhold(line->delivery_id);
  auto resent = Resend(AsItWas(c.regime));
  ASSERT_TRUE(resent);
  ASSERT_EQ(resent->lines.size(), 1U);
  EXPECT_EQ(resent->lines[0].kind, DeliveryKind::kRetraction);
  EXPECT_EQ(resent->lines[0].delivery_id, line->delivery_id);
  EXPECT_EQ(resent->lines[0].rule, "R3-04");
}

}  // namespace
}  // namespace stafett::disclosure::domain
