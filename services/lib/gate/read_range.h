// A stretch of one partition, from place to place, as the broker has it.
#pragma once

#include <functional>

#include "lib/base/heartbeat.h"
#include "lib/gate/ports.h"

namespace stafett::gate {

// Every record of [from, end), in order, where `end` is at most what Watermarks has said. kUnavailable when they do not
// come. Beats at every poll.
Status ReadRange(LogReader& reader, int partition, std::int64_t from, std::int64_t end, const Beat& beat,
                 const std::function<void(const kafka::Record&)>& met);

}  // namespace stafett::gate
