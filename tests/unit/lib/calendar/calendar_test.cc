#include "lib/calendar/calendar.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace stafett::calendar {
namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
// 00:00 UTC of the date, without the library under test.
Time Utc(int year, unsigned month, unsigned day, std::int64_t hour = 0) {
  using namespace std::chrono;
  auto days = sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)).time_since_epoch();
  return Time{duration_cast<milliseconds>(days).count() + hour * kHour};
}
Date Of(const char* iso) { return Parse(iso).value(); }

TEST(Calendar, Oslo_is_an_hour_ahead_in_winter_and_two_in_summer) {
  EXPECT_EQ(Today(Utc(2026, 1, 14, 22)), Of("2026-01-14"));
  EXPECT_EQ(Today(Utc(2026, 1, 14, 23)), Of("2026-01-15"));
  EXPECT_EQ(Today(Utc(2026, 7, 14, 21)), Of("2026-07-14"));
  EXPECT_EQ(Today(Utc(2026, 7, 14, 22)), Of("2026-07-15"));
}

TEST(Calendar, The_day_begins_at_midnight_to_the_millisecond) {
  auto start = StartOf(Of("2026-11-22"));
  EXPECT_EQ(start, Utc(2026, 11, 21, 23));
  EXPECT_EQ(Today(start), Of("2026-11-22"));
  EXPECT_EQ(Today(Time{start.ms - 1}), Of("2026-11-21"));
}

TEST(Calendar, The_day_when_summer_time_begins_has_23_hours) {
  EXPECT_EQ(StartOf(Of("2026-03-29")), Utc(2026, 3, 28, 23));
  EXPECT_EQ(StartOf(Of("2026-03-30")).ms - StartOf(Of("2026-03-29")).ms, 23 * kHour);
  EXPECT_EQ(Today(Utc(2026, 3, 29, 21)), Of("2026-03-29"));
  EXPECT_EQ(Today(Utc(2026, 3, 29, 22)), Of("2026-03-30"));
}

TEST(Calendar, The_day_when_summer_time_ends_has_25_hours) {
  EXPECT_EQ(StartOf(Of("2026-10-25")), Utc(2026, 10, 24, 22));
  EXPECT_EQ(StartOf(Of("2026-10-26")).ms - StartOf(Of("2026-10-25")).ms, 25 * kHour);
  EXPECT_EQ(Today(Utc(2026, 10, 25, 22)), Of("2026-10-25"));
  EXPECT_EQ(Today(Utc(2026, 10, 25, 23)), Of("2026-10-26"));
}

TEST(Calendar, A_month_from_the_last_day_is_the_last_day) {
  EXPECT_EQ(AddMonths(Of("2026-01-31"), 1), Of("2026-02-28"));
  EXPECT_EQ(AddMonths(Of("2028-01-31"), 1), Of("2028-02-29"));
  EXPECT_EQ(AddMonths(Of("2026-03-31"), 1), Of("2026-04-30"));
  EXPECT_EQ(AddMonths(Of("2026-03-31"), -1), Of("2026-02-28"));
  EXPECT_EQ(AddMonths(Of("2026-11-30"), 3), Of("2027-02-28"));
  EXPECT_EQ(AddMonths(Of("2026-12-15"), 1), Of("2027-01-15"));
  EXPECT_EQ(AddMonths(Of("2028-02-29"), 12), Of("2029-02-28"));
  EXPECT_EQ(AddMonths(Of("2028-02-29"), 24), Of("2030-02-28"));
  EXPECT_EQ(AddMonths(Of("2026-05-31"), 0), Of("2026-05-31"));
}

TEST(Calendar, Days_pass_over_months_years_and_leap_days) {
  EXPECT_EQ(AddDays(Of("2026-12-31"), 1), Of("2027-01-01"));
  EXPECT_EQ(AddDays(Of("2028-02-28"), 1), Of("2028-02-29"));
  EXPECT_EQ(AddDays(Of("2027-02-28"), 1), Of("2027-03-01"));
  EXPECT_EQ(AddDays(Of("2026-03-01"), -1), Of("2026-02-28"));
  EXPECT_EQ(AddDays(Of("2026-03-28"), 2), Of("2026-03-30"));  // dates, not hours
}

TEST(Calendar, Only_dates_that_exist_are_dates) {
  EXPECT_TRUE(Parse("2028-02-29"));
  EXPECT_TRUE(Parse("2000-02-29"));
  for (const char* wrong : {"2027-02-29", "2100-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10",
                            "2026-01-00", "2026-01-32", "1899-12-31", "", "2026-1-01", "2026-01-1", "26-01-01",
                            "2026/01/01", "2026-01-01T", " 2026-01-01", "2026-01-0a", "+026-01-01", "2026-01--1"}) {
    EXPECT_FALSE(Parse(wrong)) << wrong;
  }
}

TEST(Calendar, Dates_compare_in_time) {
  EXPECT_LT(Of("2026-12-31"), Of("2027-01-01"));
  EXPECT_LT(Of("2026-09-30"), Of("2026-10-01"));
  EXPECT_EQ(Format(Date{2026, 3, 9}), "2026-03-09");
}

Time At(const char* date, int minutes) { return Time{StartOf(Of(date)).ms + minutes * 60'000LL}; }

TEST(DailyHours, Are_two_different_times_of_the_day) {
  EXPECT_EQ(ParseHours("22:00-06:30"), (DailyHours{22 * 60, 6 * 60 + 30}));
  EXPECT_EQ(ParseHours("00:00-23:59"), (DailyHours{0, 23 * 60 + 59}));
  for (const char* wrong : {"", "22:00", "24:00-06:00", "22:60-06:00", "2200-0600", "22:00-06:0", "22:00 06:00",
                            "22:00-22:00", "2a:00-06:00", " 22:00-06:00", "22:00-06:00 "}) {
    EXPECT_FALSE(ParseHours(wrong)) << wrong;
  }
}

TEST(DailyHours, End_at_their_end_of_the_same_day_or_the_next) {
  const DailyHours night{22 * 60, 6 * 60};
  EXPECT_EQ(After(night, At("2026-11-22", 12 * 60)), At("2026-11-22", 12 * 60));
  EXPECT_EQ(After(night, At("2026-11-22", 22 * 60)), At("2026-11-23", 6 * 60));
  EXPECT_EQ(After(night, At("2026-11-22", 5 * 60 + 59)), At("2026-11-22", 6 * 60));
  EXPECT_EQ(After(night, At("2026-11-22", 6 * 60)), At("2026-11-22", 6 * 60));
  const DailyHours lesson{8 * 60, 9 * 60};
  EXPECT_EQ(After(lesson, At("2026-11-22", 8 * 60)), At("2026-11-22", 9 * 60));
  EXPECT_EQ(After(lesson, At("2026-11-22", 9 * 60)), At("2026-11-22", 9 * 60));
}

TEST(DailyHours, Go_by_the_clock_on_the_wall_when_it_changes) {
  const DailyHours night{22 * 60, 6 * 60};
  // 28 March 2027 has 23 hours, 31 October 2027 has 25.
  EXPECT_EQ(After(night, At("2027-03-27", 23 * 60)), At("2027-03-28", 5 * 60));
  EXPECT_EQ(After(night, At("2027-10-30", 23 * 60)), At("2027-10-31", 7 * 60));
  // An end that the clock leaves out.
  EXPECT_EQ(After({22 * 60, 2 * 60 + 30}, At("2027-03-27", 23 * 60)), At("2027-03-28", 2 * 60));
}

RC_GTEST_PROP(DailyHours, No_moment_behind_them_is_in_them, ()) {
  Time now{*rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(0, 36'500 * kDay))};
  DailyHours hours{*rc::gen::inRange(0, 1440), *rc::gen::inRange(0, 1440)};
  RC_PRE(hours.from != hours.to);
  auto after = After(hours, now);
  RC_ASSERT(after >= now && after.ms - now.ms <= kDay + 3'600'000);
  RC_ASSERT(After(hours, after) == after);
}

RC_GTEST_PROP(Calendar, Every_moment_lies_between_the_start_of_its_day_and_the_next, ()) {
  // 1970 to 2069; full size from the first try.
  Time now{*rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(0, 36'500 * kDay))};
  auto today = Today(now);
  RC_ASSERT(StartOf(today) <= now);
  RC_ASSERT(now < StartOf(AddDays(today, 1)));
  RC_ASSERT(Parse(Format(today)) == today);
  int n = *rc::gen::inRange(-500, 500);
  RC_ASSERT(AddDays(AddDays(today, n), -n) == today);
}

// From the printed almanacs.
TEST(Calendar, Holidays_of_known_years) {
  const std::map<int, std::vector<const char*>> known = {
      {2024, {"2024-03-28", "2024-03-29", "2024-03-31", "2024-04-01", "2024-05-09", "2024-05-19", "2024-05-20"}},
      {2026, {"2026-04-02", "2026-04-03", "2026-04-05", "2026-04-06", "2026-05-14", "2026-05-24", "2026-05-25"}},
      // Ascension and 1 May fall on one day, the earliest Easter of the century, and the latest.
      {2008, {"2008-03-20", "2008-03-21", "2008-03-23", "2008-03-24", "2008-05-01", "2008-05-11", "2008-05-12"}},
      {2038, {"2038-04-22", "2038-04-23", "2038-04-25", "2038-04-26", "2038-06-03", "2038-06-13", "2038-06-14"}},
  };
  for (const auto& [year, movable] : known) {
    std::set<Date> expected;
    for (const auto* iso : movable) expected.insert(Of(iso));
    for (const auto& [month, day] :
         std::vector<std::pair<unsigned, unsigned>>{{1, 1}, {5, 1}, {5, 17}, {12, 25}, {12, 26}}) {
      expected.insert({year, month, day});
    }
    std::set<Date> found;
    for (Date d{year, 1, 1}; d.year == year; d = AddDays(d, 1)) {
      if (IsHoliday(d)) found.insert(d);
    }
    EXPECT_EQ(found.size(), expected.size()) << year;
    EXPECT_TRUE(found == expected) << year;
  }
}

TEST(Calendar, Christmas_Eve_and_New_Years_Eve_are_working_days) {
  EXPECT_TRUE(IsWorkingDay(Of("2026-12-24")));
  EXPECT_TRUE(IsWorkingDay(Of("2026-12-31")));
  EXPECT_FALSE(IsWorkingDay(Of("2026-12-25")));
  EXPECT_FALSE(IsWorkingDay(Of("2026-11-21"))) << "a Saturday";
  EXPECT_FALSE(IsWorkingDay(Of("2026-11-22"))) << "a Sunday";
}

TEST(Calendar, Working_days_pass_over_Easter_and_weekends) {
  EXPECT_EQ(AddWorkingDays(Of("2026-04-01"), 1), Of("2026-04-07")) << "from the Wednesday before Easter";
  EXPECT_EQ(AddWorkingDays(Of("2026-11-20"), 1), Of("2026-11-23"));
  EXPECT_EQ(AddWorkingDays(Of("2026-11-22"), 1), Of("2026-11-23"));
  EXPECT_EQ(AddWorkingDays(Of("2026-11-22"), 0), Of("2026-11-22"));
  EXPECT_EQ(AddWorkingDays(Of("2026-12-23"), 6), Of("2027-01-04")) << "24, 28, 29, 30 and 31 December, then 4 January";
}

TEST(Calendar, The_day_ends_when_the_next_begins_also_when_clocks_change) {
  EXPECT_EQ(EndOf(Of("2026-03-29")), Utc(2026, 3, 29, 22));
  EXPECT_EQ(EndOf(Of("2026-10-25")), Utc(2026, 10, 25, 23));
  EXPECT_EQ(EndOf(Of("2026-12-31")), StartOf(Of("2027-01-01")));
}

RC_GTEST_PROP(Calendar, The_nth_working_day_has_n_working_days_up_to_it, ()) {
  const Date from = AddDays(Of("2000-01-01"), *rc::gen::inRange(0, 36500));
  const int n = *rc::gen::inRange(1, 30);
  const Date to = AddWorkingDays(from, n);
  RC_ASSERT(IsWorkingDay(to));
  int count = 0;
  for (Date d = from; d < to;) {
    d = AddDays(d, 1);
    if (IsWorkingDay(d)) ++count;
  }
  RC_ASSERT(count == n);
}

}  // namespace
}  // namespace stafett::calendar
