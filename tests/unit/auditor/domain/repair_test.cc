#include "auditor/domain/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auditor/domain/note.h"

namespace stafett::auditor::domain {
namespace {
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "7=a" or "7=repeat", as it will stand in the log.
std::vector<std::string> Written(const Repair& repair) {
  std::vector<std::string> out;
  for (const auto& step : repair.Steps()) {
    out.push_back(std::to_string(step.offset) + "=" + (step.entry == nullptr ? "repeat" : step.entry->id));
  }
  return out;
}
Kept At(const std::string& id, std::int64_t offset, const std::string& service = "cases", std::uint64_t number = 1) {
  return {service, number, id, offset};
}
Kept Nowhere(const std::string& id, std::uint64_t number = 9) { return {"cases", number, id, std::nullopt}; }

// The log as it is now, from its first known place on.
Repair Over(std::vector<Kept> kept, const std::vector<std::string>& log) {
  Repair repair(std::move(kept));
  const auto end = static_cast<std::int64_t>(log.size());
  for (auto o = repair.From().value_or(end); o < end; ++o) repair.Meet(o, log[static_cast<std::size_t>(o)]);
  repair.End(end);
  return repair;
}

TEST(Repair, A_whole_log_needs_nothing) {
  auto repair = Over({At("a", 0), At("b", 1)}, {"a", "b"});
  EXPECT_EQ(repair.Cut(), 2);
  EXPECT_THAT(Written(repair), IsEmpty());
}

TEST(Repair, What_was_lost_comes_back_in_its_order_at_its_own_places) {
  auto repair = Over({At("b", 1, "cases"), At("d", 3, "cases", 2), At("c", 2, "consent")}, {"a", "b"});
  EXPECT_EQ(repair.Cut(), 2);
  EXPECT_THAT(Written(repair), ElementsAre("2=c", "3=d"));
}

TEST(Repair, A_withdrawal_and_a_later_event_of_another_service_come_back_in_their_order) {
  // cases' relay sent the note twice; the first place is known from who took it.
  auto repair = Over({At("withdrawal", 2, "consent"), At("note", 4, "cases")}, {"a", "b"});
  repair.Taken("note", 3);
  EXPECT_THAT(Written(repair), ElementsAre("2=withdrawal", "3=note", "4=repeat"));
}

TEST(Repair, A_place_that_nobody_knows_is_filled_so_that_the_others_keep_theirs) {
  auto repair = Over({At("a", 0), At("d", 3)}, {"a"});
  EXPECT_THAT(Written(repair), ElementsAre("1=repeat", "2=repeat", "3=d"));
}

TEST(Repair, The_log_reaches_as_far_as_anybody_knew) {
  auto repair = Over({At("a", 0), At("b", 1)}, {"a"});
  repair.Reached(4);  // a reader's mark
  EXPECT_THAT(Written(repair), ElementsAre("1=b", "2=repeat", "3=repeat"));
}

TEST(Repair, What_others_wrote_behind_the_loss_stays_and_the_lost_comes_behind_it) {
  auto repair = Over({At("a", 0), At("b", 1), At("c", 2), Nowhere("x")}, {"a", "x", "y"});
  EXPECT_EQ(repair.Cut(), 1);
  EXPECT_THAT(Written(repair), ElementsAre("3=b", "4=c"));
  EXPECT_EQ(repair.ReadAgainFrom(), 0);
}

TEST(Repair, What_stands_behind_the_cut_already_is_not_written_again) {
  auto repair = Over({At("a", 0), At("b", 1), At("c", 2)}, {"a", "c", "b"});
  EXPECT_THAT(Written(repair), IsEmpty());
  std::map<std::string, std::int64_t> moved;
  for (const auto& [entry, offset] : repair.Moved()) moved[entry->id] = offset;
  EXPECT_THAT(moved, ElementsAre(std::pair("b", 2), std::pair("c", 1)));
}

TEST(Repair, What_was_written_over_by_others_who_know_their_places_is_lost_all_the_same) {
  auto repair = Over({At("a", 0, "consent"), At("x", 0), At("y", 1)}, {"x", "y"});
  EXPECT_EQ(repair.Cut(), 0);
  EXPECT_THAT(Written(repair), ElementsAre("2=a"));
}

TEST(Repair, A_repeat_whose_first_copy_is_there_is_not_lost) {
  auto repair = Over({At("a", 0), At("b", 3)}, {"a", "b"});
  repair.Taken("b", 1);
  EXPECT_THAT(Written(repair), ElementsAre("2=repeat", "3=repeat"));
}

TEST(Repair, What_was_taken_and_never_acknowledged_has_its_place) {
  auto repair = Over({At("a", 0), Nowhere("x"), Nowhere("y", 10)}, {"a"});
  repair.Taken("x", 1);
  EXPECT_THAT(Written(repair), ElementsAre("1=x"));  // y is its relay's to send
}

TEST(Repair, A_log_that_lost_everything) {
  auto repair = Over({At("b", 1)}, {});
  EXPECT_THAT(Written(repair), ElementsAre("0=repeat", "1=b"));
}

TEST(Note, Is_read_as_a_relay_writes_it) {
  EXPECT_THAT(ParseNotes("7:stafett.log:12 8:stafett.to.r-x:-1 "),
              ElementsAre(Note{7, "stafett.log", 12}, Note{8, "stafett.to.r-x", -1}));
  EXPECT_THAT(ParseNotes(""), IsEmpty());
  for (const char* broken : {"7:stafett.log:12", "7:12 ", "x:log:1 ", "7:log:1 8:log:x ", ":: ", "7 "}) {
    EXPECT_THAT(ParseNotes(broken), IsEmpty()) << broken;
  }
}

}  // namespace
}  // namespace stafett::auditor::domain
