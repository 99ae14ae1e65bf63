#include "lib/policy/deadlines.h"

#include <algorithm>
#include <utility>

#include "lib/policy/strict_yaml.h"

namespace stafett::policy {
namespace {

constexpr std::size_t kMostRows = 500;
constexpr int kMostCount = 1000;
constexpr std::int64_t kHour = 3600LL * 1000;

calendar::Date Moved(const calendar::Date& from, const Period& period) {
  switch (period.unit) {
    case Unit::kMonths: return calendar::AddMonths(from, period.count);
    case Unit::kWorkingDays: return calendar::AddWorkingDays(from, period.count);
    case Unit::kDays: return calendar::AddDays(from, period.count);
    case Unit::kHours: return from;
  }
  return from;
}

calendar::Date Before(const calendar::Date& date, const Period& warn) {
  // Rounded up: to be warned a day early is better than on the day.
  if (warn.unit == Unit::kHours) return calendar::AddDays(date, -((warn.count + 23) / 24));
  return Moved(date, {-warn.count, warn.unit});
}

class RowReader {
 public:
  RowReader(yaml::Reader& reader, const YAML::Node& row) : reader_(reader), row_(row) {}

  DeadlineRow Read(const std::vector<DeadlineRow>& above) {
    reader_.Keys(row_, "deadline", {"id", "trigger", "duty", "due", "statute", "confidence", "loosen"},
                 {"warn", "count", "rollover", "after", "chain", "note"});
    DeadlineRow out;
    out.id = reader_.Text(row_, "id");
    if (!reader_.Ok()) return out;
    out.trigger = reader_.Text(row_, "trigger");
    out.duty = reader_.Text(row_, "duty");
    out.statute = reader_.Text(row_, "statute");
    out.confidence = OneOf("confidence", {"V", "G", "I", "T"}, "");
    out.loosen = OneOf("loosen", {"NO", "YES"}, "");
    const bool working = OneOf("count", {"calendar", "working"}, "calendar") == "working";
    out.next_working_day = OneOf("rollover", {"none", "next-working-day"}, "none") == "next-working-day";
    out.due = PeriodOf("due", working).value_or(Period{});
    if (reader_.Child(row_, "warn").IsDefined()) {
      out.warn = PeriodOf("warn", working && out.due.unit == Unit::kWorkingDays);
      if (out.warn && out.warn->count < 0) Fault("warn", "warn: a length, not a direction");
    }
    if (working && out.due.unit != Unit::kWorkingDays) Fault("count", "only days are counted as working days");
    if (working && out.due.count < 0) Fault("due", "working days are counted forwards");
    if (out.due.unit == Unit::kHours && out.next_working_day) Fault("rollover", "hours do not move");
    out.after = reader_.Text(row_, "after");
    if (!out.after.empty() && Find(above, out.after) == nullptr) Fault("after", "after: no row of this id above");
    if (Find(above, out.id) != nullptr) Fault("id", "this id stands twice");
    out.chain = reader_.Texts(row_, "chain");
    reader_.Text(row_, "note");
    return out;
  }

 private:
  void Fault(std::string_view key, const std::string& message) {
    reader_.Fault(reader_.KeyOf(row_, key), "deadline " + reader_.Text(row_, "id") + ": " + message);
  }

  std::string OneOf(std::string_view key, std::initializer_list<std::string_view> known, std::string otherwise) {
    if (!otherwise.empty() && !reader_.Child(row_, key).IsDefined()) return otherwise;
    std::string text = reader_.Text(row_, key);
    if (std::find(known.begin(), known.end(), text) == known.end()) Fault(key, std::string(key) + ": unknown " + text);
    return text;
  }

  std::optional<Period> PeriodOf(std::string_view key, bool working) {
    std::string text = reader_.Text(row_, key);
    auto period = ParsePeriod(text, working);
    if (!period) Fault(key, std::string(key) + ": a period like P7D, P3M or PT48H, found " + text);
    return period;
  }

  yaml::Reader& reader_;
  YAML::Node row_;
};

}  // namespace

std::optional<Period> ParsePeriod(std::string_view text, bool working) {
  const bool before = text.starts_with('-');
  if (before) text.remove_prefix(1);
  if (!text.starts_with('P')) return std::nullopt;
  text.remove_prefix(1);
  const bool time = text.starts_with('T');
  if (time) text.remove_prefix(1);
  if (text.size() < 2 || text.size() > 5) return std::nullopt;
  const char unit = text.back();
  text.remove_suffix(1);
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  int count = std::stoi(std::string(text));
  if (count > kMostCount) return std::nullopt;
  if (before) count = -count;
  if (time) return unit == 'H' ? std::optional(Period{count, Unit::kHours}) : std::nullopt;
  switch (unit) {
    case 'D': return Period{count, working ? Unit::kWorkingDays : Unit::kDays};
    case 'W': return Period{count * 7, Unit::kDays};
    case 'M': return Period{count, Unit::kMonths};
    default: return std::nullopt;
  }
}

const DeadlineRow* Find(const std::vector<DeadlineRow>& table, std::string_view id) {
  auto found = std::find_if(table.begin(), table.end(), [&](const DeadlineRow& row) { return row.id == id; });
  return found == table.end() ? nullptr : &*found;
}

std::optional<Due> DueOf(const std::vector<DeadlineRow>& table, std::string_view id, Time anchor) {
  const DeadlineRow* row = Find(table, id);
  if (row == nullptr) return std::nullopt;
  calendar::Date from = calendar::Today(anchor);
  if (!row->after.empty()) {
    auto first = DueOf(table, row->after, anchor);  // it stands above: this ends
    if (!first) return std::nullopt;
    from = first->date;
  }
  Due out;
  if (row->due.unit == Unit::kHours) {
    out.at = Time{anchor.ms + row->due.count * kHour};
    out.date = calendar::Today(out.at);
  } else {
    out.date = Moved(from, row->due);
    while (row->next_working_day && !calendar::IsWorkingDay(out.date)) out.date = calendar::AddDays(out.date, 1);
    out.at = calendar::EndOf(out.date);
  }
  if (row->warn) out.warn = Before(out.date, *row->warn);
  return out;
}

Result<std::vector<DeadlineRow>> LoadDeadlines(std::string_view text, std::string source_name) {
  yaml::Reader reader(std::move(source_name), "POLICY_FILE");
  YAML::Node root = reader.Parse(text);
  reader.Keys(root, "the file", {"deadlines", "rows"});
  if (reader.Text(root, "deadlines") != "1") reader.Fault(root, "deadlines: only version 1 is known");
  std::vector<YAML::Node> nodes = reader.List(root, "rows");
  if (nodes.empty() || nodes.size() > kMostRows) reader.Fault(root, "rows: none, or too many");
  std::vector<DeadlineRow> rows;
  for (const YAML::Node& node : nodes) {
    if (!reader.Ok()) break;
    rows.push_back(RowReader(reader, node).Read(rows));
  }
  if (!reader.Ok()) return tl::unexpected(reader.error());
  return rows;
}

Result<std::vector<DeadlineRow>> LoadDeadlinesFile(const std::string& path) {
  STAFETT_TRY(std::string text, yaml::ReadFile(path, "POLICY_FILE"));
  return LoadDeadlines(text, path);
}

}  // namespace stafett::policy
