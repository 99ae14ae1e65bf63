// By when something is due, as the law or a municipality's practice says: a table (deploy/policy/deadlines.yaml), and
// the date that it gives. Pure but for the loader.
//
// The day on which a period starts is not counted; weeks and months end on the matching day, or on the month's last
// (domstolloven §148). Whether a deadline that ends on a Saturday or holiday moves to the next working day is said by
// each row: no source extends §149 to child welfare's deadlines. Hours are elapsed hours, by no calendar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/calendar/calendar.h"

namespace stafett::policy {

enum class Unit : std::uint8_t { kHours, kDays, kWorkingDays, kMonths };

struct Period {
  int count = 0;  // negative: before the anchor
  Unit unit = Unit::kDays;
};

struct DeadlineRow {
  std::string id;  // "D-01"
  std::string trigger, duty, statute, confidence, loosen;
  Period due;
  std::optional<Period> warn;  // so long before
  bool next_working_day = false;
  std::string after;               // not empty: counted from the day on which this other one is due
  std::vector<std::string> chain;  // who is told, one after the other, while it is not done
};

struct Due {
  calendar::Date date;  // the last day, in Europe/Oslo
  Time at;              // the first moment that is too late
  std::optional<calendar::Date> warn;
};

const DeadlineRow* Find(const std::vector<DeadlineRow>& table, std::string_view id);
// `anchor`: when what the row names as its trigger happened. Nothing if the table has no such row.
std::optional<Due> DueOf(const std::vector<DeadlineRow>& table, std::string_view id, Time anchor);

// Faults are kInvalidArgument/POLICY_FILE with line and reason. Refused too: an id that stands twice, and an `after`
// that is not a row above.
Result<std::vector<DeadlineRow>> LoadDeadlines(std::string_view text, std::string source_name);
Result<std::vector<DeadlineRow>> LoadDeadlinesFile(const std::string& path);

// "P7D", "P2W", "P3M", "PT48H", "-P30D"; a number of working days is "P5D" with `working`. Nothing for another form.
std::optional<Period> ParsePeriod(std::string_view text, bool working);

}  // namespace stafett::policy
