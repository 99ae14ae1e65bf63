// A school and its line; days are counted, so that no calendar is needed.
#pragma once

#include <string>
#include <vector>

#include "escalation/domain/decide.h"

namespace stafett::escalation::sample {

inline constexpr std::int64_t kDay = 86'400'000;
inline constexpr Time kStart{1'700'000'000'000};
inline Time Day(int n) { return Time{kStart.ms + n * kDay}; }

// Dates are numbers of days from kStart; a word with a moment counts from that. The first in line gets it a day after,
// the next a day later, three if the owner has said that he has seen it.
class CountedDays final : public domain::Plan {
 public:
  std::vector<domain::Post> Line(const std::string& recipient) const override {
    if (recipient == "r-gone") return {};
    std::vector<domain::Post> line = {{"p-head", "r-school"}, {"p-deputy", "r-school"}, {"p-last", "r-office"}};
    if (longer) line.push_back({"p-director", "r-office"});
    return line;
  }
  Time First(const Awaited& word) const override {
    const auto from = word.at == Time{} ? Day(std::stoi(word.date)) : word.at;
    return Time{from.ms + wait * kDay};
  }
  Time Next(const Awaited& /*word*/, Time since, bool acknowledged) const override {
    return Time{since.ms + (acknowledged ? 3 : 1) * kDay};
  }
  int wait = 1;
  bool longer = false;
};

inline Awaited NextStep(int day, const std::string& of = "ca-1", const std::string& person = "p-teacher",
                        const std::string& recipient = "r-school") {
  return {"next/" + of, AwaitedKind::kNextDate, std::to_string(day), person, recipient};
}
inline Awaited Done(const std::string& of = "ca-1") { return {"next/" + of, AwaitedKind::kNextDate, "", "", "", true}; }

// A service as a whole is to store something it was told at that moment.
inline Awaited Store(Time at, const std::string& of = "d-1") {
  const auto day = (at.ms - kStart.ms) / kDay;
  return {"stored/" + of, AwaitedKind::kDeliveryStored, std::to_string(day), "", "r-school", false, at};
}
inline Awaited Stored(const std::string& of = "d-1") {
  return {"stored/" + of, AwaitedKind::kDeliveryStored, "", "", "r-school", true};
}

inline const domain::Person kTeacher{"p-teacher", "r-school", false};
inline const domain::Person kColleague{"p-colleague", "r-school", false};
inline const domain::Person kHead{"p-head", "r-school", true};
inline const domain::Person kDeputy{"p-deputy", "r-school", true};
inline const domain::Person kOtherHead{"p-other", "r-other", true};
inline const domain::Person kLast{"p-last", "r-office", true};

}  // namespace stafett::escalation::sample
