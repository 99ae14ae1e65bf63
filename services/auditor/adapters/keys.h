// The auditor's own keys, and what of other records both audit and repair ask in the same words.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "lib/gate/envelope.h"
#include "lib/gate/keys.h"
#include "lib/gate/store.h"

namespace stafett::auditor::adapters {

// Why a partition stands still that can be mended (lib/gate).
inline constexpr char kTailLost[] = "TAIL_LOST";

std::string VerifiedKey(const gate::Keys& own, int partition, const std::string& service);
std::string TakenKey(const gate::Keys& own, int partition, const std::string& service);
std::string MovedKey(const gate::Keys& own, int partition, const std::string& service);  // number -> place since
std::string TrimmedKey(const gate::Keys& own, int partition, const std::string& topic);  // highest place trimmed
std::string NewestKey(const gate::Keys& own, int partition, const std::string& topic);   // "<service> <number> <place>"

// Entries of a service's outbox that stand elsewhere since a tail was mended: number -> place.
Result<std::map<std::uint64_t, std::int64_t>> Moved(gate::Store& store, const gate::Keys& own, int partition,
                                                    const std::string& service);

}  // namespace stafett::auditor::adapters
