#include "lib/gate/read_range.h"

#include <chrono>

namespace stafett::gate {
namespace {
constexpr std::size_t kBatch = 1000;
constexpr Millis kWait{200};
constexpr Millis kPatience{10'000};  // without any progress; below the loops' limit (lib/host)
}  // namespace

Status ReadRange(LogReader& reader, int partition, std::int64_t from, std::int64_t end, const Beat& beat,
                 const std::function<void(const kafka::Record&)>& met) {
  if (from >= end) return {};
  STAFETT_CHECK_OK(reader.Assign({{partition, from}}));
  Status done;
  auto last = std::chrono::steady_clock::now();
  for (auto next = from; next < end;) {
    beat();
    auto polled = reader.Poll(kBatch, kWait);
    const auto now = std::chrono::steady_clock::now();
    for (const auto& record : polled.records) {
      if (record.partition != partition || record.offset < next || record.offset >= end) continue;
      met(record);
      next = record.offset + 1;
      last = now;
    }
    // The broker has said that there is more: an end that a reader meets before is an older one, and no proof of a
    // loss.
    if (!polled.out_of_range.empty() || now - last > kPatience) {
      done = Fail(Code::kUnavailable, "LOG_UNAVAILABLE", "Kafka does not answer");
      break;
    }
  }
  STAFETT_CHECK_OK(reader.Stop({partition}));
  return done;
}

}  // namespace stafett::gate
