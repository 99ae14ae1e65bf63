#include "lib/calendar/calendar.h"

#include <date/tz.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

namespace stafett::calendar {
namespace {
const date::time_zone* Oslo() {
  static const date::time_zone* zone = date::locate_zone("Europe/Oslo");
  return zone;
}
date::year_month_day Ymd(const Date& d) {
  return date::year(d.year) / static_cast<int>(d.month) / static_cast<int>(d.day);
}
Date From(const date::year_month_day& ymd) {
  return {static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day())};
}
// Gregorian: the anonymous algorithm (Meeus, Jones, Butcher).
Date EasterOf(int year) {
  const int a = year % 19, b = year / 100, c = year % 100;
  const int h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
  const int l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
  const int n = h + l - 7 * ((a + 11 * h + 22 * l) / 451) + 114;
  return {year, static_cast<unsigned>(n / 31), static_cast<unsigned>(n % 31 + 1)};
}
}  // namespace

Date Today(Time now) {
  auto local = Oslo()->to_local(date::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(now.ms)));
  return From(date::year_month_day(date::floor<date::days>(local)));
}

std::optional<Date> Parse(std::string_view iso) {
  if (iso.size() != 10 || iso[4] != '-' || iso[7] != '-') return std::nullopt;
  auto digits = [&](std::size_t at, std::size_t n) {
    int value = 0;
    for (std::size_t i = at; i < at + n; ++i) {
      if (iso[i] < '0' || iso[i] > '9') return -1;
      value = value * 10 + (iso[i] - '0');
    }
    return value;
  };
  int y = digits(0, 4), m = digits(5, 2), d = digits(8, 2);
  if (y < 1900 || m < 1 || d < 1) return std::nullopt;
  Date out{y, static_cast<unsigned>(m), static_cast<unsigned>(d)};
  if (!Ymd(out).ok()) return std::nullopt;
  return out;
}

std::string Format(const Date& date) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u", date.year, date.month, date.day);
  return buffer;
}

Date AddDays(const Date& date, int days) {
  return From(date::year_month_day(date::sys_days(Ymd(date)) + date::days(days)));
}

Date AddMonths(const Date& date, int months) {
  auto ymd = Ymd(date) + date::months(months);
  if (!ymd.ok()) ymd = ymd.year() / ymd.month() / date::last;
  return From(ymd);
}

Time StartOf(const Date& date) {
  auto sys = Oslo()->to_sys(date::local_days(Ymd(date)), date::choose::earliest);
  return Time{std::chrono::duration_cast<std::chrono::milliseconds>(sys.time_since_epoch()).count()};
}

Time EndOf(const Date& date) { return StartOf(AddDays(date, 1)); }

// Lov om 1 og 17 mai; lov om helligdager og helligdagsfred § 2.
bool IsHoliday(const Date& date) {
  constexpr std::pair<unsigned, unsigned> kFixed[] = {{1, 1}, {5, 1}, {5, 17}, {12, 25}, {12, 26}};
  for (const auto& [month, day] : kFixed) {
    if (date.month == month && date.day == day) return true;
  }
  // Maundy Thursday, Good Friday, Easter, Easter Monday, Ascension, Pentecost, Whit Monday.
  constexpr int kFromEaster[] = {-3, -2, 0, 1, 39, 49, 50};
  const auto days = (date::sys_days(Ymd(date)) - date::sys_days(Ymd(EasterOf(date.year)))).count();
  return std::find(std::begin(kFromEaster), std::end(kFromEaster), days) != std::end(kFromEaster);
}

bool IsWorkingDay(const Date& date) {
  const auto day = date::weekday(date::sys_days(Ymd(date)));
  return day != date::Saturday && day != date::Sunday && !IsHoliday(date);
}

Date AddWorkingDays(const Date& date, int days) {
  Date out = date;
  while (days > 0) {
    out = AddDays(out, 1);
    if (IsWorkingDay(out)) --days;
  }
  return out;
}

std::optional<DailyHours> ParseHours(std::string_view text) {
  auto minutes = [](std::string_view hhmm) {
    constexpr std::string_view kDigits = "0123456789";
    if (hhmm.size() != 5 || hhmm[2] != ':') return -1;
    for (std::size_t i : {0, 1, 3, 4}) {
      if (kDigits.find(hhmm[i]) == std::string_view::npos) return -1;
    }
    const int hour = (hhmm[0] - '0') * 10 + (hhmm[1] - '0');
    const int minute = (hhmm[3] - '0') * 10 + (hhmm[4] - '0');
    return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
  };
  if (text.size() != 11 || text[5] != '-') return std::nullopt;
  DailyHours out{minutes(text.substr(0, 5)), minutes(text.substr(6))};
  if (out.from < 0 || out.to < 0 || out.from == out.to) return std::nullopt;
  return out;
}

Time After(const DailyHours& hours, Time t) {
  const auto now = date::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(t.ms));
  const auto local = Oslo()->to_local(now);
  const auto day = date::floor<date::days>(local);
  const auto minute = std::chrono::floor<std::chrono::minutes>(local - day).count();
  const bool over_midnight = hours.from > hours.to;
  const bool inside =
      over_midnight ? minute >= hours.from || minute < hours.to : minute >= hours.from && minute < hours.to;
  if (!inside) return t;
  const auto ends = over_midnight && minute >= hours.from ? day + date::days(1) : day;
  // In the hour that summer time leaves out or repeats: the first moment that the clock shows it.
  const auto sys = Oslo()->to_sys(ends + std::chrono::minutes(hours.to), date::choose::earliest);
  return Time{std::chrono::duration_cast<std::chrono::milliseconds>(sys.time_since_epoch()).count()};
}

}  // namespace stafett::calendar
