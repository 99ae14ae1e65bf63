// A story decided over again: by the same rules it is the ledger's, by others only what the rules change is another.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "disclosure/adapters/replay.h"
#include "disclosure/adapters/simulation_report.h"
#include "disclosure/domain/changes.h"
#include "house.h"

namespace stafett::disclosure {
namespace {
using namespace play;  // NOLINT

adapters::Story StoryOf(const House& h) {
  adapters::Story story;
  for (const auto& s : h.history) {
    if (!s.message) continue;
    story.inputs.push_back(
        {Player::EnvelopeOf(s), s.message->SerializeAsString(), static_cast<std::int64_t>(story.inputs.size()), s.at});
  }
  for (std::size_t i = 0; i < h.p.ledger.size(); ++i) story.ledger.push_back({h.p.follows[i], h.p.ledger[i]});
  return story;
}

adapters::Replayed Again(const adapters::Story& story, const policy::RuleSet* rules) {
  auto regime_then = [](const domain::Decided& d) -> Result<domain::Regime> {
    return RegimeOf(*Versions().at(d.policy_hash), {d.suspended.begin(), d.suspended.end()});
  };
  return adapters::Replay(story, regime_then, rules, play::IdOf).value();
}

// All rules, and those that let schools tell less (T020).
const policy::RuleSet& All() { return *Versions().at("first")->rules; }
const policy::RuleSet& Fewer() {
  for (const auto& [name, version] : Versions()) {
    if (version->rules->hash() != All().hash()) return *version->rules;
  }
  throw std::logic_error("no version has other rules");
}

TEST(Replayed, By_the_rules_of_each_time_it_is_what_the_ledger_has) {
  std::map<std::string, int> seen;
  HoldsAndReaches(seen, {"resent", "signal withheld", "retraction", "other version"}, [&] {
    House h;
    const auto again = Again(StoryOf(h), nullptr);
    RC_ASSERT(again.unlike == 0U);
    for (const auto& c : domain::Changes(h.p.view, again.view)) {
      std::ostringstream out;
      Show(out, h.history);
      adapters::Print(out << "\n", c);
      RC_FAIL(out.str());
    }
    for (const auto& [id, d] : h.p.view.decided) {
      if (d.event_type == domain::kResent) ++seen["resent"];
      if (!d.lines.empty() && d.policy_hash != Versions().at("first")->hash) ++seen["other version"];
    }
    for (const auto& [id, d] : h.p.view.deliveries) {
      if (d.state == domain::DeliveryState::kWithheld) ++seen["signal withheld"];
      if (d.kind == domain::DeliveryKind::kRetraction) ++seen["retraction"];
    }
  });
}

TEST(Replayed, What_the_ledger_has_otherwise_is_noticed) {
  int noticed = 0;
  EXPECT_TRUE(rc::check([&] {
    House h;
    auto story = StoryOf(h);
    std::vector<domain::Line*> lines;
    for (auto& own : story.ledger) {
      auto* d = std::get_if<domain::Decided>(&own.event);
      if (d == nullptr || d->event_type == domain::kResent) continue;
      for (auto& line : d->lines) lines.push_back(&line);
    }
    if (lines.empty()) return;
    auto& line = *OneOf(lines);
    switch (Pick(3)) {
      case 0: line.rule += "x"; break;
      case 1: line.fields = {line.fields.bits ^ CategorySet{}.With(Category::kEduc).bits}; break;
      case 2: line.delivery_id += "x"; break;
    }
    RC_ASSERT(Again(story, nullptr).unlike == 1U);
    ++noticed;
  }));
  EXPECT_GT(noticed, 0);
}

TEST(Replayed, A_decision_that_is_gone_from_the_ledger_or_follows_what_is_not_there_is_noticed) {
  int noticed = 0;
  EXPECT_TRUE(rc::check([&] {
    House h;
    auto story = StoryOf(h);
    auto decided = [](const adapters::Story::Own& own) {
      const auto* d = std::get_if<domain::Decided>(&own.event);
      return d != nullptr && d->event_type != domain::kResent;
    };
    if (std::none_of(story.ledger.begin(), story.ledger.end(), decided)) return;
    // Its record is not there: as in a store that is being rebuilt.
    const auto last = std::find_if(story.ledger.rbegin(), story.ledger.rend(), decided);
    story.inputs.resize(last->inputs - 1);
    RC_ASSERT(Again(story, nullptr).unlike > 0U);
    ++noticed;
  }));
  EXPECT_GT(noticed, 0);
}

TEST(Replayed, By_rules_that_allow_less_nobody_sees_more) {
  std::map<std::string, int> seen;
  HoldsAndReaches(seen, {"not told", "told less", "retraction of nothing"}, [&] {
    House h;
    const auto story = StoryOf(h);
    const auto all = Again(story, &All()), fewer = Again(story, &Fewer());
    for (const auto& c : domain::Changes(all.view, fewer.view)) {
      RC_ASSERT(c.before.has_value());
      if (c.after) RC_ASSERT(c.after->fields.Minus(c.before->fields).Empty());
      ++seen[c.after                                       ? "told less"
             : c.kind == domain::DeliveryKind::kRetraction ? "retraction of nothing"
                                                           : "not told"];
    }
  });
}

TEST(Changes, Another_rule_with_the_same_fields_is_none) {
  domain::View before, after;
  domain::Delivery d;
  d.id = "d-1";
  d.rule = "T020";
  d.fields = CategorySet{}.With(Category::kPlan);
  before.deliveries["d-1"] = d;
  d.rule = "T021";
  after.deliveries["d-1"] = d;
  EXPECT_TRUE(domain::Changes(before, after).empty());
  d.fields = d.fields.With(Category::kEduc);
  after.deliveries["d-1"] = d;
  ASSERT_EQ(domain::Changes(before, after).size(), 1U);
  EXPECT_EQ(domain::Changes(before, after)[0].after->rule, "T021");
}

TEST(Changes, What_was_never_sent_nobody_was_told) {
  domain::View before, after;
  domain::Delivery d;
  d.id = "d-1";
  d.untold = true;
  before.deliveries["d-1"] = d;
  EXPECT_TRUE(domain::Changes(before, after).empty());
}

}  // namespace
}  // namespace stafett::disclosure
