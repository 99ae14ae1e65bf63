// Something that somebody is to do by a date, as the log says it in clear (proto/stafett/common/v1/record.proto).
// Said by the service that knows of it, watched over by escalation. Opaque ids and a date: nothing of the case.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/time.h"

namespace stafett {

// The numbers are those of the log; one that this version does not know is kept as it is.
enum class AwaitedKind {
  kNone = 0,
  kNextDate = 1,
  kBatonAnswer = 2,
  kEvaluation = 3,
  kDeliveryStored = 4,
  kContributionAnswer = 5
};

// By the names of the log.
inline constexpr std::array<std::pair<AwaitedKind, std::string_view>, 5> kAwaitedKinds = {{
    {AwaitedKind::kNextDate, "NEXT_DATE"},
    {AwaitedKind::kBatonAnswer, "BATON_ANSWER"},
    {AwaitedKind::kEvaluation, "EVALUATION"},
    {AwaitedKind::kDeliveryStored, "DELIVERY_STORED"},
    {AwaitedKind::kContributionAnswer, "CONTRIBUTION_ANSWER"},
}};
inline std::optional<AwaitedKind> AwaitedKindFromName(std::string_view name) {
  for (const auto& [kind, its] : kAwaitedKinds) {
    if (its == name) return kind;
  }
  return std::nullopt;
}

struct Awaited {
  std::string id;  // the same for as long as it is waited for: "next/<case>"; the latest word about an id counts
  AwaitedKind kind = AwaitedKind::kNone;
  std::string date;       // by the end of this day in Oslo (with `at`: the day of that moment); empty when done
  std::string person;     // who is to do it; empty: the service as a whole
  std::string recipient;  // the service that is to do it
  bool done = false;      // nobody waits for it any more
  Time at = {};           // the moment from which it is waited for; none: from the end of the day
  bool operator==(const Awaited&) const = default;
};

}  // namespace stafett
