#include "lib/policy/differences.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <set>
#include <utility>

namespace stafett::policy {
namespace {

using Words = std::vector<std::pair<std::string, std::string>>;  // key and value, in the file's order

template <class Has>
std::string Listed(int count, const Has& name_if) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    const std::string_view name = name_if(i);
    if (name.empty()) continue;
    if (!out.empty()) out += '|';
    out += name;
  }
  return out;
}

std::string Text(AgencySet set) {
  return Listed(kAgencyCount, [&](int i) {
    const auto agency = static_cast<Agency>(i);
    return set.Has(agency) ? Name(agency) : std::string_view();
  });
}

std::string Text(FactSet set) {
  return Listed(kFactCount, [&](int i) {
    const auto fact = static_cast<Fact>(i);
    return set.Has(fact) ? Name(fact) : std::string_view();
  });
}

std::string Text(const Condition& when) {
  std::string out;
  for (const auto& [word, facts] :
       {std::pair("all", when.all), std::pair("any", when.any), std::pair("none", when.none)}) {
    if (facts.Empty()) continue;
    if (!out.empty()) out += ", ";
    out += std::string(word) + " " + Text(facts);
  }
  return out;
}

std::string Text(Time time) {
  if (time.ms == std::numeric_limits<std::int64_t>::max()) return "not in force";
  const std::chrono::sys_time<Millis> at{Millis(time.ms)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(at - day)};
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

Words WordsOf(const Rule& rule) {
  auto unless = [](bool nothing, std::string_view text) { return nothing ? std::string() : std::string(text); };
  std::string obligations;
  for (const auto& each : rule.obligations) obligations += (obligations.empty() ? "" : "|") + each;
  return {{"effect", std::string(Name(rule.effect))},
          {"givers", Text(rule.givers)},
          {"receivers", Text(rule.receivers)},
          {"categories", Join(rule.categories)},
          {"when", Text(rule.when)},
          {"only", unless(rule.only == Only::kEverything, Name(rule.only))},
          {"reader", unless(rule.reader == Role::kNone, Name(rule.reader))},
          {"assurance", unless(rule.assurance == Assurance::kNone, Name(rule.assurance))},
          {"frees", rule.frees_everyone ? "everyone" : ""},
          {"purpose", rule.purpose},
          {"statute", rule.statute},
          {"basis", rule.basis},
          {"start", std::string(Name(rule.start))},
          {"role", rule.role},
          {"from", Text(rule.valid_from)},
          {"to", rule.valid_to ? Text(*rule.valid_to) : ""},
          {"confidence", rule.confidence},
          {"loosen", rule.loosen},
          {"obligations", obligations}};
}

using Row = std::pair<std::string, const Rule*>;

// What a row is known by: its id; where that stands twice in either file, its first day too.
std::pair<std::vector<Row>, std::vector<Row>> Named(const RuleSet& a, const RuleSet& b) {
  std::set<std::string> twins;
  for (const RuleSet* set : {&a, &b}) {
    std::set<std::string> once;
    for (const Rule& rule : set->rules()) {
      if (!once.insert(rule.id).second) twins.insert(rule.id);
    }
  }
  auto named = [&](const RuleSet& set) {
    std::vector<Row> out;
    for (const Rule& rule : set.rules()) {
      out.emplace_back(twins.contains(rule.id) ? rule.id + " from " + Text(rule.valid_from) : rule.id, &rule);
    }
    return out;
  };
  return {named(a), named(b)};
}

Difference Between(const std::string& row, const Rule* before, const Rule* after) {
  Difference out{before == nullptr  ? Difference::Kind::kAdded
                 : after == nullptr ? Difference::Kind::kRemoved
                                    : Difference::Kind::kChanged,
                 row,
                 {}};
  const Words was = before == nullptr ? Words() : WordsOf(*before), is = after == nullptr ? Words() : WordsOf(*after);
  for (std::size_t i = 0; i < std::max(was.size(), is.size()); ++i) {
    const auto& key = was.empty() ? is[i].first : was[i].first;
    const std::string from = was.empty() ? "" : was[i].second, to = is.empty() ? "" : is[i].second;
    if (from != to) out.parts.push_back({key, from, to});
  }
  return out;
}

}  // namespace

Differences Compare(const RuleSet& before, const RuleSet& after) {
  const auto [was, is] = Named(before, after);
  auto find = [](const std::vector<Row>& rows, const std::string& name) -> const Rule* {
    auto it = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == name; });
    return it == rows.end() ? nullptr : it->second;
  };
  Differences out;
  std::vector<std::string> order_before, order_after;
  for (const auto& [name, rule] : was) {
    const Rule* other = find(is, name);
    if (other != nullptr) order_before.push_back(name);
    auto difference = Between(name, rule, other);
    if (!difference.parts.empty()) out.rows.push_back(std::move(difference));
  }
  for (const auto& [name, rule] : is) {
    if (find(was, name) != nullptr) {
      order_after.push_back(name);
    } else {
      out.rows.push_back(Between(name, nullptr, rule));
    }
  }
  if (!(before.recorded() == after.recorded())) {
    out.rows.push_back(
        {Difference::Kind::kChanged, "facts", {{"recorded", Text(before.recorded()), Text(after.recorded())}}});
  }
  out.reordered = order_before != order_after;
  return out;
}

}  // namespace stafett::policy
