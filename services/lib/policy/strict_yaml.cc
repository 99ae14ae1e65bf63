#include "lib/policy/strict_yaml.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <exception>
#include <fstream>
#include <set>
#include <sstream>

namespace stafett::yaml {
namespace {

int LineOf(const YAML::Node& node) {
  // Mark() throws for a node that does not exist.
  return node.IsDefined() ? node.Mark().line + 1 : 0;
}

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool Contains(std::initializer_list<std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A number of exactly this many digits at `at`.
std::optional<int> Digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  std::string_view part = text.substr(at, count);
  if (part.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  int value = 0;
  std::from_chars(part.data(), part.data() + part.size(), value);
  return value;
}

// Whether Oslo has summer time at 00:00 of that day. Clocks change at 01:00 UTC on the last Sundays
// of March and October, so a changing day begins with the time of the day before.
bool SummerAtMidnight(std::chrono::year_month_day day) {
  using std::chrono::Sunday;
  using std::chrono::sys_days;
  sys_days begins{day.year() / std::chrono::March / Sunday[std::chrono::last]};
  sys_days ends{day.year() / std::chrono::October / Sunday[std::chrono::last]};
  sys_days that{day};
  return begins < that && that <= ends;
}

}  // namespace

std::optional<Time> ParseWhen(std::string_view text) {
  auto year = Digits(text, 0, 4);
  auto month = Digits(text, 5, 2);
  auto day = Digits(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                   std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *year < 1997) return std::nullopt;
  std::chrono::milliseconds at = std::chrono::sys_days{date}.time_since_epoch();
  if (text.size() == 10) {
    return Time{(at - std::chrono::hours(SummerAtMidnight(date) ? 2 : 1)).count()};
  }
  if (text.size() != 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z') {
    return std::nullopt;
  }
  auto hour = Digits(text, 11, 2);
  auto minute = Digits(text, 14, 2);
  auto second = Digits(text, 17, 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) {
    return std::nullopt;
  }
  at += std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  return Time{at.count()};
}

Result<std::string> ReadFile(const std::string& path, std::string_view reason) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || text.str().empty() || text.str().size() > kMostBytes) {
    return Fail(Code::kInvalidArgument, reason, path + ": cannot be read, is empty or too large");
  }
  return text.str();
}

Reader::Reader(std::string source, std::string reason) : source_(std::move(source)), reason_(std::move(reason)) {}

YAML::Node Reader::Parse(std::string_view text) {
  if (text.size() > kMostBytes) {
    FaultAt(1, "the file is too large");
    return {};
  }
  try {
    std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    // Load() would read the first and silently leave the rest.
    if (documents.size() == 1 && documents[0].IsDefined() && !documents[0].IsNull()) {
      return documents[0];
    }
    FaultAt(1, "one YAML document is expected, found " + std::to_string(documents.size()) +
                   (documents.size() == 1 ? " that is empty" : ""));
  } catch (const YAML::Exception& e) {
    FaultAt(e.mark.is_null() ? 1 : e.mark.line + 1, "not YAML: " + e.msg);
  } catch (const std::exception& e) {
    FaultAt(1, std::string("not YAML: ") + e.what());
  }
  return {};
}

void Reader::Keys(const YAML::Node& node, std::string_view what, std::initializer_list<std::string_view> required,
                  std::initializer_list<std::string_view> optional) {
  if (!Ok()) return;
  if (!node.IsDefined() || !node.IsMap()) {
    Fault(node, std::string(what) + ": keys with values are expected");
    return;
  }
  std::set<std::string, std::less<>> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      Fault(entry.first, std::string(what) + ": a key must be a word");
      return;
    }
    const std::string& key = entry.first.Scalar();
    if (!Contains(required, key) && !Contains(optional, key)) {
      Fault(entry.first, std::string(what) + ": unknown key " + Quoted(key));
      return;
    }
    if (!seen.insert(key).second) {
      Fault(entry.first, std::string(what) + ": key " + Quoted(key) + " stands twice");
      return;
    }
  }
  for (std::string_view key : required) {
    if (seen.find(key) == seen.end()) {
      Fault(node, std::string(what) + ": key " + Quoted(key) + " is missing");
      return;
    }
  }
}

YAML::Node Reader::Find(const YAML::Node& map, std::string_view key) const {
  // After a fault nodes may be of any kind; then everything reads as missing.
  if (!Ok() || !map.IsDefined() || !map.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
  for (const auto& entry : map) {
    if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.second;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

YAML::Node Reader::KeyOf(const YAML::Node& map, std::string_view key) const {
  if (Ok() && map.IsDefined() && map.IsMap()) {
    for (const auto& entry : map) {
      if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.first;
    }
  }
  return map;
}

std::string Reader::Text(const YAML::Node& map, std::string_view key) {
  YAML::Node value = Find(map, key);
  if (!value.IsDefined()) return {};
  if (!value.IsScalar() || value.Scalar().empty()) {
    Fault(KeyOf(map, key), std::string(key) + ": a text is expected");
    return {};
  }
  return value.Scalar();
}

std::vector<YAML::Node> Reader::List(const YAML::Node& map, std::string_view key) {
  YAML::Node value = Find(map, key);
  std::vector<YAML::Node> out;
  if (!value.IsDefined()) return out;
  if (!value.IsSequence()) {
    Fault(KeyOf(map, key), std::string(key) + ": a list is expected");
    return out;
  }
  for (const auto& entry : value) out.push_back(entry);
  return out;
}

std::vector<std::string> Reader::Texts(const YAML::Node& map, std::string_view key) {
  std::vector<std::string> out;
  for (const YAML::Node& entry : List(map, key)) {
    if (!entry.IsScalar() || entry.Scalar().empty()) {
      Fault(KeyOf(map, key), std::string(key) + ": a list of words is expected");
      return {};
    }
    out.push_back(entry.Scalar());
  }
  return out;
}

YAML::Node Reader::Child(const YAML::Node& map, std::string_view key) { return Find(map, key); }

bool Reader::Flag(const YAML::Node& map, std::string_view key, bool otherwise) {
  YAML::Node value = Find(map, key);
  if (!value.IsDefined()) return otherwise;
  if (value.IsScalar() && value.Scalar() == "true") return true;
  if (value.IsScalar() && value.Scalar() == "false") return false;
  Fault(KeyOf(map, key), std::string(key) + ": true or false is expected");
  return otherwise;
}

std::optional<Time> Reader::When(const YAML::Node& map, std::string_view key) {
  YAML::Node value = Find(map, key);
  if (!value.IsDefined()) return std::nullopt;
  auto when = value.IsScalar() ? ParseWhen(value.Scalar()) : std::nullopt;
  if (!when) {
    Fault(KeyOf(map, key), std::string(key) + ": a date (2026-11-21) or a UTC time (2026-11-21T09:00:00Z) is expected");
  }
  return when;
}

void Reader::Fault(const YAML::Node& at, const std::string& message) { FaultAt(LineOf(at), message); }

void Reader::FaultAt(int line, const std::string& message) {
  if (!Ok()) return;
  error_ = Error{Code::kInvalidArgument,
                 reason_,
                 source_ + ":" + std::to_string(line) + ": " + message,
                 {},
                 {{"file", source_}, {"line", std::to_string(line)}}};
}

}  // namespace stafett::yaml
