// The golden dates of law.md §9.2, by the shipped table.
#include "lib/policy/deadlines.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace stafett::policy {
namespace {

const std::vector<DeadlineRow>& Table() {
  static const auto table = LoadDeadlinesFile(STAFETT_DEADLINES);
  EXPECT_TRUE(table) << table.error().message;
  static const std::vector<DeadlineRow> none;
  return table ? *table : none;
}

Time Morning(std::string_view date) { return Time{calendar::StartOf(*calendar::Parse(date)).ms + 8LL * 3600 * 1000}; }
std::string Day(std::string_view id, std::string_view anchor) {
  auto due = DueOf(Table(), id, Morning(anchor));
  return due ? calendar::Format(due->date) : "none";
}

// law.md S15
TEST(Deadlines, AReportReceivedOnAMonday) {
  EXPECT_EQ(Day("D-01", "2026-11-23"), "2026-11-30");
  EXPECT_EQ(Day("D-03", "2026-11-23"), "2026-12-14");
  EXPECT_EQ(Day("D-04", "2026-11-23"), "2026-12-14");
  EXPECT_EQ(Day("D-06", "2026-11-23"), "2027-02-28");  // a Sunday: strict keeps it
  EXPECT_EQ(Day("D-07", "2026-11-23"), "2027-05-30");
}

TEST(Deadlines, OverEaster) {
  EXPECT_EQ(Day("D-01", "2027-03-22"), "2027-03-29");  // Easter Monday: strict keeps it
  EXPECT_EQ(Day("D-03", "2027-03-22"), "2027-04-12");
  EXPECT_EQ(Day("D-06", "2027-03-22"), "2027-06-29");
  EXPECT_EQ(Day("D-07", "2027-03-22"), "2027-09-29");
  // Where the row says so, the next working day.
  EXPECT_EQ(Day("D-60", "2027-03-11"), "2027-03-30");  // 25 March is Maundy Thursday
}

// law.md S17: five working days, and the giver holds the baton still.
TEST(Deadlines, WorkingDays) { EXPECT_EQ(Day("D-64", "2026-11-20"), "2026-11-27"); }

TEST(Deadlines, HoursAreElapsedHours) {
  const Time at = Morning("2027-03-27");  // the clock is put forward in the night after
  auto due = DueOf(Table(), "D-50", at);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->at.ms - at.ms, 72LL * 3600 * 1000);
  EXPECT_EQ(DueOf(Table(), "D-13", at)->at, at);
}

TEST(Deadlines, ADateIsOverWhenItsDayIs) {
  auto due = DueOf(Table(), "D-01", Morning("2026-11-23"));
  EXPECT_EQ(due->at, calendar::StartOf({2026, 12, 1}));
  EXPECT_EQ(due->warn, (calendar::Date{2026, 11, 28}));
  EXPECT_EQ(Day("D-67", "2026-12-31"), "2026-12-01");  // before its anchor
  EXPECT_EQ(Day("D-99", "2026-12-31"), "none");
}

// A statute's deadline is nobody's to lengthen.
TEST(Deadlines, WhatAStatuteSaysIsNotLoosened) {
  EXPECT_EQ(Table().size(), 35U);
  for (const DeadlineRow& row : Table()) {
    EXPECT_FALSE(row.confidence == "V" && row.loosen == "YES") << row.id;
    EXPECT_FALSE(row.statute.empty()) << row.id;
  }
}

RC_GTEST_PROP(DeadlineProps, NeverBeforeTheAnchorAndNeverEarlierForALaterOne, ()) {
  const DeadlineRow& row = Table()[*rc::gen::inRange<std::size_t>(0, Table().size())];
  const Time first = Morning("2026-01-01");
  const Time a{first.ms + *rc::gen::inRange<std::int64_t>(0, 3LL * 365 * 24) * 3600 * 1000};
  const Time b{a.ms + *rc::gen::inRange<std::int64_t>(0, 400) * 3600 * 1000};
  const auto of_a = DueOf(Table(), row.id, a);
  const auto of_b = DueOf(Table(), row.id, b);
  RC_ASSERT(of_a && of_b);
  RC_ASSERT(row.due.count < 0 || of_a->at >= a);
  RC_ASSERT(of_a->date <= of_b->date);
  RC_ASSERT(!row.next_working_day || calendar::IsWorkingDay(of_a->date));
}

TEST(DeadlineFile, FaultsNameLineAndReason) {
  const std::string row =
      "  - {id: D-1, trigger: x, duty: y, due: P7D,\n     statute: z, confidence: V, loosen: \"NO\"}\n";
  const std::string head = "deadlines: 1\nrows:\n";
  ASSERT_TRUE(LoadDeadlines(head + row, "d.yaml"));
  auto fault = [&](const std::string& text, const std::string& line, const std::string& reason) {
    auto loaded = LoadDeadlines(text, "d.yaml");
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().message.rfind("d.yaml:" + line + ": ", 0), 0U) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find(reason), std::string::npos) << loaded.error().message;
  };
  auto with = [&](const std::string& from, const std::string& to) {
    std::string text = head + row;
    return text.replace(text.find(from), from.size(), to);
  };
  fault(with("P7D", "7 days"), "3", "a period like");
  fault(with("P7D", "P7Y"), "3", "a period like");
  fault(with("P7D", "PT7D"), "3", "a period like");
  fault(with("due: P7D", "due: P7M, count: working"), "3", "only days");
  fault(with("due: P7D", "due: PT7H, rollover: next-working-day"), "3", "hours do not move");
  fault(with("due: P7D", "due: P7D, after: D-2"), "3", "no row of this id above");
  fault(with("confidence: V", "confidence: Q"), "4", "unknown Q");
  fault(head + row + row, "5", "stands twice");
}

}  // namespace
}  // namespace stafett::policy
