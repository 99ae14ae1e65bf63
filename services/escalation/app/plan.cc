#include "escalation/app/plan.h"

#include <algorithm>

#include "lib/calendar/calendar.h"

namespace stafett::escalation::app {
namespace {
constexpr std::int64_t kHour = 3'600'000;

Time After(const calendar::Date& date, Time from, const tenants::Waiting& waiting) {
  if (!waiting.working_days) return Time{from.ms + waiting.amount * kHour};
  return calendar::EndOf(calendar::AddWorkingDays(date, waiting.amount));
}
}  // namespace

std::vector<domain::Post> FilesPlan::Line(const std::string& recipient) const {
  const auto* controller = tenants_.ControllerOf(recipient);
  if (controller == nullptr) return {};
  std::vector<domain::Post> out;
  auto add = [&](const std::string& person) {
    auto place = tenants_.FindPerson(person);
    if (!place) return;
    domain::Post post{person, place->recipient->id};
    if (std::find(out.begin(), out.end(), post) == out.end()) out.push_back(std::move(post));
  };
  const auto& escalation = controller->escalation;
  if (auto line = escalation.lines.find(recipient); line != escalation.lines.end()) {
    for (const auto& person : line->second) add(person);
  }
  add(escalation.last);
  return out;
}

const tenants::WaitingTimes* FilesPlan::TimesOf(const Awaited& word) const {
  const auto* controller = tenants_.ControllerOf(word.recipient);
  if (controller == nullptr) return nullptr;
  auto it = controller->escalation.waiting.find(word.kind);
  return it == controller->escalation.waiting.end() ? nullptr : &it->second;
}

// A kind that no file knows waits to the end of its day; a date that cannot be read is not waited for. Hours run from
// the moment of the word, if it names one.
Time FilesPlan::First(const Awaited& word) const {
  const auto date = calendar::Parse(word.date);
  if (!date) return Time{0};
  const auto* times = TimesOf(word);
  const auto from = word.at == Time{} ? calendar::EndOf(*date) : word.at;
  return After(*date, from, times == nullptr ? tenants::Waiting{} : times->first);
}

Time FilesPlan::Next(const Awaited& word, Time since, bool acknowledged) const {
  const auto* times = TimesOf(word);
  const auto waiting = times == nullptr ? tenants::Waiting{true, 1} : acknowledged ? times->acknowledged : times->next;
  return After(calendar::Today(since), since, waiting);
}

}  // namespace stafett::escalation::app
