// Dates in Europe/Oslo. Deadlines of the law are dates there, not instants (design §5, Time).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/time.h"

namespace stafett::calendar {

// A calendar date; compares in time order.
struct Date {
  int year = 0;
  unsigned month = 0, day = 0;
  auto operator<=>(const Date&) const = default;
};

Date Today(Time now);                             // in Europe/Oslo
std::optional<Date> Parse(std::string_view iso);  // "2026-11-22", existing dates only
std::string Format(const Date& date);
Date AddDays(const Date& date, int days);
Date AddMonths(const Date& date, int months);  // 31 January + 1 month = 28 or 29 February
Time StartOf(const Date& date);                // 00:00 in Europe/Oslo
Time EndOf(const Date& date);                  // 00:00 of the day after

// A public holiday of Norway: the church's days and 1 and 17 May. 24 and 31 December are none.
bool IsHoliday(const Date& date);
bool IsWorkingDay(const Date& date);  // Monday to Friday, and no holiday
// The n-th working day after this one; the date itself, whatever it is, for 0.
Date AddWorkingDays(const Date& date, int days);

// A part of every day by the clock of Europe/Oslo, in minutes after midnight; it may lie over midnight. No minute is in
// it when both ends are equal.
struct DailyHours {
  int from = 0, to = 0;
  bool operator==(const DailyHours&) const = default;
};
std::optional<DailyHours> ParseHours(std::string_view text);  // "22:00-06:30"
Time After(const DailyHours& hours, Time t);                  // the first moment from `t` on that is not in them

}  // namespace stafett::calendar
