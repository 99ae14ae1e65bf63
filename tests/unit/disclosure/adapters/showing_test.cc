// What is shown to somebody is admitted by the store only while all that it rests on still holds.
#include <gtest/gtest.h>

#include "disclosure/adapters/gate_ledger.h"
#include "lib/gate/memory_store.h"

namespace stafett::disclosure::adapters {
namespace {
using gate::Write;

class ShowingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Now({Write::Stamp(keys_.Fresh(0)), Write::Set(kInForceKey, "rules 1"), Write::HashSet(Parked(), "ch-2", "GAP")});
  }
  void Now(std::vector<Write> writes) {
    ASSERT_TRUE(store_.Run({{}, std::move(writes), 0}, Deadline::In(Millis(1000))));
  }
  std::string Parked() const { return keys_.Index(0, "parked"); }
  bool Shown() {
    auto ran = store_.Run({ShowingGuards(keys_, 0, "ch-1", kInForceKey, "rules 1"), {Write::Set("shown", "1")}, 0},
                          Deadline::In(Millis(1000)));
    return ran && ran->done;
  }
  const std::string kInForceKey = "in-force";
  gate::MemoryStore store_;
  gate::Keys keys_{"disclosure", 6};
};

TEST_F(ShowingTest, What_rests_on_a_fresh_view_and_on_the_rules_in_force_is_shown) { EXPECT_TRUE(Shown()); }

TEST_F(ShowingTest, A_stale_view_shows_nothing) {
  store_.AdvanceForTest(Millis(4000));
  EXPECT_TRUE(Shown());
  store_.AdvanceForTest(Millis(1001));
  EXPECT_FALSE(Shown());
}

TEST_F(ShowingTest, A_view_that_never_was_fresh_shows_nothing) {
  Now({Write::Delete(keys_.Fresh(0))});
  EXPECT_FALSE(Shown());
}

TEST_F(ShowingTest, Other_rules_came_into_force) {
  Now({Write::Set(kInForceKey, "rules 2")});
  EXPECT_FALSE(Shown());
}

// Decided on what was known before; behind the gap may lie a withdrawal (tests/model, variant set_aside_not_guarded).
TEST_F(ShowingTest, The_child_was_set_aside_meanwhile) {
  Now({Write::HashSet(Parked(), "ch-1", "GAP")});
  EXPECT_FALSE(Shown());
}

}  // namespace
}  // namespace stafett::disclosure::adapters
