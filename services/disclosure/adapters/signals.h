// Thin signals on a recipient's own topic: CloudEvents 1.0, binary mode, one size (design §4.5).
#pragma once

#include <string>

#include "disclosure/domain/view.h"
#include "lib/gate/commit.h"
#include "lib/kafka/kafka.h"

namespace stafett::disclosure::adapters {

// Every signal's value has this many bytes, so that its size tells nothing.
inline constexpr std::size_t kSignalBytes = 256;

gate::Message ToSignal(const std::string& topic_prefix, const domain::Line& line, const std::string& case_ref, Time at);
// What is written to a recipient's topic before it is activated: can it be written at all?
kafka::Message ToProbe(const std::string& topic);

}  // namespace stafett::disclosure::adapters
