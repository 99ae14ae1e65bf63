// The controllers' files as lines and times.
#include "escalation/app/plan.h"

#include <gtest/gtest.h>

#include "lib/calendar/calendar.h"

namespace stafett::escalation::app {
namespace {
using domain::Post;

constexpr char kFile[] = R"(controller: c-aaaaa1
name: Prøvestad kommune
organisation_number: "974760673"
oncall: {name: Vakta, phone: "+47 00 00 00 00"}
recipients:
  - id: r-aaaaa1
    agency: SKOLE_K
    organisation_number: "998447356"
    name: Prøvestad skole
    receipts: []
    units:
      - id: u-aaaaa1
        name: Trinn 1
        people:
          - {id: p-aaaaa1, name: Prøve Lærer, role: TEACHER}
          - {id: p-aaaaa2, name: Prøve Rektor, role: HEAD}
          - {id: p-aaaaa4, name: Prøve Inspektør, role: HEAD}
  - id: r-aaaaa2
    agency: PPT
    organisation_number: "317042183"
    name: Prøvestad PPT
    receipts: []
    units: [{id: u-aaaaa3, name: PPT, people: [{id: p-aaaaa3, name: Prøve Leder, role: LEADER}]}]
clients: []
escalation:
  lines: {r-aaaaa1: [HEAD, p-aaaaa3], r-aaaaa2: [LEADER]}
  last: p-aaaaa3
  waiting:
    NEXT_DATE: {first: 1 working day, next: 2 working days, acknowledged: 5 working days}
    BATON_ANSWER: {first: 0 working days, next: 1 working day, acknowledged: 3 working days}
    EVALUATION: {first: 1 working day, next: 1 working day, acknowledged: 1 working day}
    DELIVERY_STORED: {first: 4 hours, next: 8 hours, acknowledged: 1 working day}
    CONTRIBUTION_ANSWER: {first: 2 working days, next: 1 working day, acknowledged: 1 working day}
)";

struct FilesPlanTest : testing::Test {
  tenants::Tenants tenants = *tenants::LoadTenantsFromText({{"one.yaml", kFile}});
  FilesPlan plan{tenants};
  static Time EndOf(const char* iso) { return calendar::EndOf(*calendar::Parse(iso)); }
  static Awaited Word(AwaitedKind kind, const char* date) { return {"x/1", kind, date, "p-aaaaa1", "r-aaaaa1"}; }
};

TEST_F(FilesPlanTest, The_line_is_roles_people_and_the_last_one_each_once) {
  EXPECT_EQ(plan.Line("r-aaaaa1"),
            (std::vector<Post>{{"p-aaaaa2", "r-aaaaa1"}, {"p-aaaaa4", "r-aaaaa1"}, {"p-aaaaa3", "r-aaaaa2"}}));
  EXPECT_EQ(plan.Line("r-aaaaa2"), (std::vector<Post>{{"p-aaaaa3", "r-aaaaa2"}}));
  EXPECT_TRUE(plan.Line("r-zzzzz1").empty());
}

TEST_F(FilesPlanTest, Working_days_end_with_the_day_in_Oslo_and_pass_over_Easter) {
  EXPECT_EQ(plan.First(Word(AwaitedKind::kNextDate, "2026-04-01")), EndOf("2026-04-07"));
  EXPECT_EQ(plan.First(Word(AwaitedKind::kBatonAnswer, "2026-11-22")), EndOf("2026-11-22")) << "a Sunday, at once";
  EXPECT_EQ(plan.First(Word(AwaitedKind::kContributionAnswer, "2026-11-20")), EndOf("2026-11-24"));
  const Time since{EndOf("2026-11-19").ms + 1};  // on Friday the 20th
  EXPECT_EQ(plan.Next(Word(AwaitedKind::kNextDate, "2026-11-18"), since, false), EndOf("2026-11-24"));
  EXPECT_EQ(plan.Next(Word(AwaitedKind::kNextDate, "2026-11-18"), since, true), EndOf("2026-11-27"));
}

TEST_F(FilesPlanTest, Hours_run_on) {
  EXPECT_EQ(plan.First(Word(AwaitedKind::kDeliveryStored, "2026-11-22")).ms, EndOf("2026-11-22").ms + 4 * 3'600'000);
  const Time since{1'795'000'000'000};
  EXPECT_EQ(plan.Next(Word(AwaitedKind::kDeliveryStored, "2026-11-22"), since, false).ms, since.ms + 8 * 3'600'000);
}

TEST_F(FilesPlanTest, A_word_that_names_its_moment_waits_from_then) {
  const Time noon{calendar::StartOf(*calendar::Parse("2026-11-20")).ms + 12 * 3'600'000};  // a Friday
  auto word = Word(AwaitedKind::kDeliveryStored, "2026-11-20");
  word.at = noon;
  EXPECT_EQ(plan.First(word).ms, noon.ms + 4 * 3'600'000) << "hours of that moment, not of midnight";
  word.kind = AwaitedKind::kNextDate;
  EXPECT_EQ(plan.First(word), EndOf("2026-11-23")) << "working days are days";
  word.date = "someday";
  EXPECT_EQ(plan.First(word), Time{0});
}

TEST_F(FilesPlanTest, A_kind_of_a_later_version_waits_to_the_end_of_its_day) {
  EXPECT_EQ(plan.First(Word(static_cast<AwaitedKind>(17), "2026-11-20")), EndOf("2026-11-20"));
}

}  // namespace
}  // namespace stafett::escalation::app
