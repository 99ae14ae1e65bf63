// The streams of a service (lib/rpc/stream.h) over its host: woken by the gate, ended when the host stops.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/host/host.h"
#include "lib/rpc/stream.h"

namespace stafett::host {

inline constexpr Millis kLookWithin{2'000};

// `list`: the list of the store that stands behind a key: whatever changes what a stream says, makes it longer. Both
// the service that keeps the streams and the host must outlive the server.
inline std::unique_ptr<rpc::Streams> OpenStreams(Host& host, const std::string& service,
                                                 std::function<std::string(const std::string& key)> list) {
  auto& gate = host.gate();
  auto look = [&gate,
               list = std::move(list)](const std::vector<std::string>& keys) -> Result<std::vector<std::uint64_t>> {
    const auto generation = gate.store().Generation();
    std::vector<gate::Get> gets;
    for (const auto& key : keys) gets.push_back(gate::Get::Length(list(key)));
    STAFETT_TRY(auto read, gate.store().Read(gets, Deadline::In(kLookWithin)));
    std::vector<std::uint64_t> positions;
    // Another store is another position, however long its lists are.
    for (const auto& value : read.values) {
      positions.push_back((generation << 40) + static_cast<std::uint64_t>(value.number));
    }
    return positions;
  };
  rpc::Streams::Options options;
  options.beats = BeatsOf(host.health());
  auto streams = std::make_unique<rpc::Streams>(host.runtime(), service, std::move(look), std::move(options));
  gate.OnNews([streams = streams.get()] { streams->News(); });
  host.BeforeDrain([streams = streams.get()] { streams->Drain(); });
  return streams;
}

}  // namespace stafett::host
