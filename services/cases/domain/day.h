// Days of the calendar, without a clock or a time zone.
#pragma once

#include <cstddef>
#include <string_view>

namespace stafett::cases::domain {

// Gregorian.
inline bool DayExists(int y, int m, int d) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (m < 1 || m > 12 || d < 1) return false;
  bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return d <= kDays[m - 1] + (m == 2 && leap ? 1 : 0);
}

// "2026-11-22", a day that exists: a case whose next date never comes would have none (promise P6).
inline bool IsDay(std::string_view date) {
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return false;
  auto number = [&](std::size_t from, std::size_t n) {
    int value = 0;
    for (std::size_t i = from; i < from + n; ++i) {
      if (date[i] < '0' || date[i] > '9') return -1;
      value = value * 10 + (date[i] - '0');
    }
    return value;
  };
  return number(0, 4) >= 0 && DayExists(number(0, 4), number(5, 2), number(8, 2));
}

}  // namespace stafett::cases::domain
