// Whether recipients' topics take signals.
#pragma once

#include <set>
#include <string>

#include "lib/base/time.h"
#include "lib/gate/ports.h"

namespace stafett::disclosure::adapters {

struct Probed {
  std::set<std::string> take, refuse;  // recipients. In neither: no word in time
};
// Sends a probe to the topic of each recipient (`prefix`, its id) and waits for `timeout`, at most, for what comes of
// it.
Result<Probed> Probe(const gate::MakePublisher& make, const std::string& prefix,
                     const std::set<std::string>& recipients, Millis timeout);

// Who is active now, of those who were: only a topic that refuses ends it (design §4.5). Kafka being slow does not.
std::set<std::string> StillActive(const Probed& probed, const std::set<std::string>& before);

}  // namespace stafett::disclosure::adapters
