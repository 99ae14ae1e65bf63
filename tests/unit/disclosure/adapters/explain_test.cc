// Promise P7, for every history of a child: each decision can be made again from what the log and the ledger keep, with
// the same result, whatever was activated and suspended meanwhile. And an officer may ask why for exactly what it may
// list.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "house.h"
#include "stafett/disclosure/v1/ledger_events.pb.h"

namespace stafett::disclosure {
namespace {
namespace v1 = ::stafett::disclosure::v1;
using namespace play;  // NOLINT

std::array<host::Who, 2> Officers() { return {Officer("r-school", "c-town"), Officer("r-bup", "c-trust")}; }

TEST(Explained, Every_decision_made_again_is_the_same_and_is_told_to_whom_it_is_listed) {
  std::map<std::string, int> seen;
  auto count = [&](House& h, const domain::Decided& decided, const domain::Line& line) {
    if (decided.event_type == domain::kResent) ++seen[line.fields.Empty() ? "resent no more" : "resent"];
    if (line.kind == domain::DeliveryKind::kRetraction) ++seen["retraction"];
    if (line.kind == domain::DeliveryKind::kSnapshot) ++seen["snapshot"];
    if (line.item_type.find("contribution-") != std::string::npos) ++seen["for one alone"];
    if (decided.policy_hash != Versions().at("first")->hash && !line.fields.Empty()) ++seen["told, other version"];
    if (std::count(decided.suspended.begin(), decided.suspended.end(), line.recipient) > 0) ++seen["suspended"];
    const auto* d = h.p.view.FindDelivery(line.delivery_id);
    if (d != nullptr && d->state == domain::DeliveryState::kWithheld) ++seen["signal withheld"];
  };
  const std::vector<std::string> outcomes = {"not this officer's",  "several fit",     "retraction",      "snapshot",
                                             "told, other version", "suspended",       "signal withheld", "resent",
                                             "resent no more",      "named, withheld", "for one alone"};
  HoldsAndReaches(seen, outcomes, [&] {
    House h;
    for (const auto& who : Officers()) {
      std::set<std::string> listed;                            // ids
      std::map<std::pair<std::string, std::string>, int> fit;  // rows of one record for one recipient
      for (std::string page;;) {
        auto got = app::ListDecisions(h.app, who, "cr-1", 500, page, Soon()).value();
        for (const auto& row : got.rows) {
          RC_ASSERT(listed.insert(row.id).second);
          ++fit[{row.decided.event_id, row.line.recipient}];
        }
        page = got.next;
        if (page.empty()) break;
      }
      for (const auto& [event_id, decided] : h.p.view.decided) {
        for (const auto& line : decided.lines) {
          auto explained = h.Explain(who, decided, line);
          RC_ASSERT(explained.has_value() == listed.contains(House::IdOf(decided, line)));
          if (!explained) {
            RC_ASSERT(explained.error().reason == "NOT_ALLOWED");
            ++seen["not this officer's"];
            continue;
          }
          RC_ASSERT(Name(explained->row.line) == Name(line));
          if (!explained->same_again) RC_LOG() << event_id << " " << Name(line) << " " << line.missing;
          RC_ASSERT(explained->same_again);
          RC_ASSERT(!explained->why.empty());
          CategorySet shown;
          for (const auto& why : explained->why) {
            if (why.outcome != policy::kShown) continue;
            RC_ASSERT(!why.rule.empty() && !why.statute.empty());
            shown = shown.With(*policy::CategoryFromName(why.category));
          }
          RC_ASSERT(shown == line.fields);
          if (Versions().at("first")->rules->Find(line.rule) != nullptr) {
            const bool named = std::any_of(explained->why.begin(), explained->why.end(),
                                           [&](const auto& why) { return why.rule == line.rule; });
            if (!named) RC_LOG() << event_id << " " << Name(line) << " " << line.rule;
            RC_ASSERT(named);
            ++seen[line.fields.Empty() ? "named, withheld" : "named"];
          }
          bool one = fit[{event_id, line.recipient}] == 1;
          auto unnamed = app::Explain(h.app, who, "cr-1", event_id, line.recipient, "", Soon());
          RC_ASSERT(unnamed.has_value() == one);
          if (!one) RC_ASSERT(unnamed.error().field == "decision_id");
          if (!one) ++seen["several fit"];
          count(h, decided, line);
        }
      }
    }
  });
}

TEST(Explained, It_would_be_noticed_if_the_ledger_said_anything_else) {
  int noticed = 0;
  EXPECT_TRUE(rc::check([&] {
    House h;
    if (h.p.view.order.empty()) return;
    auto& changed =
        h.p.view.decided[h.p.view.order.at(static_cast<std::size_t>(Pick(static_cast<int>(h.p.view.order.size()))))];
    if (changed.lines.empty()) return;
    auto& line = changed.lines[static_cast<std::size_t>(Pick(static_cast<int>(changed.lines.size())))];
    switch (Pick(4)) {
      case 0: line.rule += "x"; break;
      case 1: line.fields = {line.fields.bits ^ CategorySet{}.With(Category::kEduc).bits}; break;
      case 2: line.sequence += 1; break;
      case 3: line.consents.emplace_back("co-x"); break;
    }
    for (const auto& who : Officers()) {
      auto explained = h.Explain(who, changed, line);
      if (!explained) continue;
      RC_ASSERT(!explained->same_again);
      ++noticed;
    }
  }));
  EXPECT_GT(noticed, 0);
}

// ---- a version, as it lies on the log
// --------------------------------------------------------------------------------

// Found by reading: who had not been activated yet was resent nothing, and what it had missed was forgotten.
TEST(Resent, Is_what_was_missed_by_who_was_suspended_then_and_by_who_was_not_activated_yet) {
  std::map<std::string, int> seen;
  HoldsAndReaches(seen, {"suspended", "not activated"}, [&] {
    House h;
    for (const auto& [recipient, missed] : h.p.view.missed) {
      const auto then = app::AsItWas(h.app, "ch-1", h.p.view, recipient, Soon()).value();
      for (std::size_t i = 0; i < then.size(); ++i) {
        if (missed[i].event_id.empty() || then[i].fields.Empty()) continue;
        const auto& decided = h.p.view.decided.at(missed[i].event_id);
        const bool active = Versions().at(decided.policy_hash)->active.contains(recipient);
        ++seen[active ? "suspended" : "not activated"];
      }
    }
  });
}

TEST(Versions, Say_of_every_recipient_what_it_is_and_change_with_it) {
  const auto& first = *Versions().at("first");
  EXPECT_EQ(first.agencies.at("r-ppt"), kPpt);
  EXPECT_EQ(first.agencies.size(), kRecipients.size());
  EXPECT_EQ(first.organisations.at("r-bup"), "r-bup");
  EXPECT_FALSE(first.rules->rules().empty());
  auto regime = RegimeOf(first, {"r-ppt"});
  EXPECT_EQ(regime.version, first.hash);
  EXPECT_FALSE(regime.active.contains("r-ppt"));
  EXPECT_EQ(regime.suspended, std::set<std::string>{"r-ppt"});
}

// Written before versions said it: nobody is told anything until the next activation.
TEST(Versions, Of_a_recipient_without_a_kind_that_is_known_nothing_may_be_said) {
  std::stringstream text;
  text << std::ifstream(STAFETT_RULES).rdbuf();
  v1::PolicyActivated m;
  m.set_rules(text.str());
  m.add_active_recipients("r-ppt");
  auto& later = *m.add_recipients();
  later.set_recipient("r-ppt");
  later.set_agency("OF_A_LATER_VERSION");
  auto version = adapters::ParseVersion(m.SerializeAsString()).value();
  EXPECT_EQ(version->agencies.at("r-ppt"), kUnknown);
  EXPECT_FALSE(adapters::ParseVersion("\xff\xff"));
}

}  // namespace
}  // namespace stafett::disclosure
