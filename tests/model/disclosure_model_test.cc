// The protocol holds in every interleaving of each scope; each rule that is taken away is missed, and how is printed.
#include <gtest/gtest.h>

#include <iostream>

#include "disclosure_protocol.h"
#include "explorer.h"

namespace stafett::model {
namespace {

constexpr std::uint64_t kMostStates = 4'000'000;  // bounds memory: about 0.7 GB

// Two children of one partition. The school has a consent that is taken back, and then another one.
const Said kNote{Kind::kItem, 0, 0, 0};
const Said kGranted{Kind::kGrant, 0, 0, kBoth};
const Said kGrantedEarly{Kind::kGrant, 0, 0, Only(kSchool), false};
const Said kWithdrawn{Kind::kWithdraw, 0, 0, Only(kSchool)};
const Said kGrantedAgain{Kind::kGrant, 0, 1, Only(kSchool)};
const Said kUnknown{Kind::kUnknown, 0, 0, 0};
const Said kUnreadable{Kind::kUnreadable, 0, 0, 0};
const Said kOtherGranted{Kind::kGrant, 1, 0, Only(kHealth)};
const Said kOtherWithdrawn{Kind::kWithdraw, 1, 0, Only(kHealth)};
const Said kStricter{Kind::kRules, 0, 0, Only(kHealth)};
const Said kAsBefore{Kind::kRules, 0, 0, kBoth};

Explored Play(const Protocol& protocol, const Scope& scope, const std::string& property = "") {
  auto out = Explore(Disclosure(protocol, scope), kMostStates, property);
  std::cout << "  " << out.states << " states, " << out.steps << " steps, depth " << out.depth;
  if (!out.violates.empty()) std::cout << "; violates " << out.violates << ":";
  std::cout << "\n";
  for (const auto& step : out.way) std::cout << "    " << step << "\n";
  ::testing::Test::RecordProperty("states", std::to_string(out.states));
  ::testing::Test::RecordProperty("depth", out.depth);
  ::testing::Test::RecordProperty("violates", out.violates);
  std::string way;
  for (const auto& step : out.way) way += (way.empty() ? "" : " > ") + step;
  if (!way.empty()) ::testing::Test::RecordProperty("way", way);
  return out;
}

// ---- the protocol as it is ---------------------------------------------------------------------------------------

struct Whole {
  const char* name;
  Scope scope;
};
void PrintTo(const Whole& w, std::ostream* out) { *out << w.name; }

class DisclosureHolds : public ::testing::TestWithParam<Whole> {};

TEST_P(DisclosureHolds, InEveryState) {
  auto out = Play(Protocol(), GetParam().scope);
  EXPECT_EQ(out.violates, "");
}

INSTANTIATE_TEST_SUITE_P(
    , DisclosureHolds,
    ::testing::Values(
        Whole{"everything",
              {.streams = {{kStricter}, {kNote}, {kGranted, kWithdrawn, kGrantedAgain}, {}, {kOtherGranted}},
               .reads = 1,
               .readers = Only(kSchool)}},
        Whole{"two_reads", {.streams = {{}, {kNote}, {kGranted, kWithdrawn, kGrantedAgain}}, .reads = 2}},
        Whole{"redis_is_lost",
              {.streams = {{}, {kNote}, {kGranted, kWithdrawn, kGrantedAgain}}, .wipes = 1, .reads = 1}},
        Whole{"redis_is_lost_while_rules_change",
              {.streams = {{kStricter}, {kNote}, {kGranted, kWithdrawn}}, .wipes = 1, .suspends = 1}},
        Whole{"relays_repeat", {.streams = {{}, {kNote}, {kGranted, kWithdrawn, kGrantedAgain}}, .repeats = 2}},
        Whole{"relays_repeat_rules", {.streams = {{kStricter, kAsBefore}, {}, {kGranted}}, .repeats = 2}},
        Whole{"a_child_is_set_aside",
              {.streams = {{}, {kNote}, {kGranted, kUnreadable, kWithdrawn}, {}, {kOtherGranted, kOtherWithdrawn}},
               .reads = 1,
               .readers = Only(kHealth)}},
        Whole{"a_type_is_unknown", {.streams = {{}, {kNote, kUnknown}, {kGranted, kWithdrawn}}, .reads = 1}},
        Whole{"time_passes", {.streams = {{}, {kNote}, {kGranted, kWithdrawn}}, .reads = 1, .ticks = 1}}),
    [](const auto& i) { return std::string(i.param.name); });

// ---- without one of its rules ------------------------------------------------------------------------------------

struct Weakened {
  const char* name;
  void (*weaken)(Protocol&);
  Scope scope;
  const char* violates;
};
void PrintTo(const Weakened& w, std::ostream* out) { *out << w.name; }

class DisclosureBreaks : public ::testing::TestWithParam<Weakened> {};

TEST_P(DisclosureBreaks, Without) {
  Protocol protocol;
  GetParam().weaken(protocol);
  auto out = Play(protocol, GetParam().scope, GetParam().violates);
  EXPECT_EQ(out.violates, GetParam().violates);
  // It is the rule that is missed, and nothing else.
  EXPECT_EQ(Explore(Disclosure(Protocol(), GetParam().scope), kMostStates).violates, "");
}

const Scope kOneNote{.streams = {{}, {kNote}, {kGranted, kWithdrawn}}};
const Scope kOneRead{.streams = {{}, {}, {kGranted, kWithdrawn}}, .reads = 1};
const Scope kTwoReads{.streams = {{}, {}, {kGranted, kWithdrawn, kGrantedAgain}}, .reads = 2};
const Scope kRulesChange{.streams = {{kStricter}, {kNote}, {kGranted}}, .reads = 1};

INSTANTIATE_TEST_SUITE_P(
    , DisclosureBreaks,
    ::testing::Values(
        // the fence
        Weakened{"enforced_at_append", [](Protocol& p) { p.fence = Fence::kAppend; }, kOneNote, "Fence"},
        Weakened{"fence_is_the_mark", [](Protocol& p) { p.fence = Fence::kMark; }, kOneNote, "Fence"},
        // one step
        Weakened{"commit_before_produce",
                 [](Protocol& p) { p.outputs = Outputs::kAfterTheStep; },
                 {.streams = {{}, {kNote}, {kGranted}}, .crashes = 1},
                 "NoWithheldLoss"},
        Weakened{"produce_before_commit",
                 [](Protocol& p) { p.outputs = Outputs::kBeforeTheStep; },
                 {.streams = {{}, {}, {kGranted, kWithdrawn}}, .suspends = 1},
                 "Fence"},
        Weakened{"no_mark_guard",
                 [](Protocol& p) { p.mark_guards = false; },
                 {.streams = {{}, {kNote, kNote}, {kGrantedEarly, kWithdrawn}}},
                 "NoLeak"},
        Weakened{"no_guard_at_all", [](Protocol& p) { p.mark_guards = p.lists_guard = false; }, kOneNote,
                 "DecidedOnce"},
        // one order
        Weakened{"consents_on_another_topic", [](Protocol& p) { p.one_log = false; }, kOneNote, "NoLeak"},
        Weakened{"consents_cached_by_the_router", [](Protocol& p) { p.view_is_read = p.lists_guard = false; }, kOneNote,
                 "NoLeak"},
        Weakened{"repeats_are_taken",
                 [](Protocol& p) { p.repeats_are_dropped = false; },
                 {.streams = {{}, {kNote}, {kGranted, kWithdrawn}}, .repeats = 1},
                 "NoLeak"},
        Weakened{"rules_by_file", [](Protocol& p) { p.rules_by_log = false; }, kRulesChange, "NoLeak"},
        Weakened{"rules_pass_again",
                 [](Protocol& p) { p.rules_pass_once = false; },
                 {.streams = {{kAsBefore, kStricter}, {kNote}, {kGranted}}, .repeats = 1},
                 "NoLeak"},
        Weakened{"rules_pass_without_the_mark",
                 [](Protocol& p) { p.rules_pass_with_mark = false; },
                 {.streams = {{kAsBefore, kStricter}, {kNote}, {kGranted}}},
                 "NoLeak"},
        // the relay
        Weakened{"relay_skips", [](Protocol& p) { p.relay_skips_none = false; }, kOneNote, "NoWithheldLoss"},
        Weakened{"signals_before_ledger",
                 [](Protocol& p) { p.ledger_first = false; },
                 {.streams = {{}, {}, {kGranted}}, .wipes = 1, .suspends = 1},
                 "DecidedOnce"},
        Weakened{"producer_outlives_the_store",
                 [](Protocol& p) { p.relay_ends_at_barrier = false; },
                 {.streams = {{}, {}, {kGranted}}, .wipes = 1, .suspends = 1},
                 "DecidedOnce"},
        // reads
        Weakened{"read_not_guarded", [](Protocol& p) { p.read_is_guarded = false; }, kOneRead, "FetchNow"},
        Weakened{"read_asks_only_then", [](Protocol& p) { p.read_asks_now = false; }, kOneRead, "FetchNow"},
        Weakened{"read_asks_only_now", [](Protocol& p) { p.read_asks_then = false; }, kTwoReads, "FetchNow"},
        Weakened{"read_not_noted_in_the_step", [](Protocol& p) { p.read_is_noted = false; }, kOneRead, "FetchNow"},
        Weakened{"read_of_a_stale_view",
                 [](Protocol& p) { p.read_wants_fresh = false; },
                 {.streams = {{}, {}, {kGranted, kWithdrawn}}, .reads = 1, .ticks = 1},
                 "FailClosed"},
        // what is not known
        Weakened{"set_aside_not_guarded",
                 [](Protocol& p) { p.set_aside_guards = false; },
                 {.streams = {{}, {}, {kGranted, kUnreadable}}, .reads = 1},
                 "FailClosed"},
        Weakened{"unreadable_is_passed_over",
                 [](Protocol& p) { p.unreadable_sets_aside = false; },
                 {.streams = {{}, {kNote}, {kGranted, kUnreadable}}},
                 "FailClosed"},
        Weakened{"unknown_is_told",
                 [](Protocol& p) { p.unknown_is_withheld = false; },
                 {.streams = {{}, {kUnknown}, {kGranted}}},
                 "FailClosed"}),
    [](const auto& i) { return std::string(i.param.name); });

}  // namespace
}  // namespace stafett::model
