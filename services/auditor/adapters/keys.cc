#include "auditor/adapters/keys.h"

#include <cstdlib>

namespace stafett::auditor::adapters {

std::string VerifiedKey(const gate::Keys& own, int partition, const std::string& service) {
  return own.Index(partition, "verified:" + service);
}
std::string TakenKey(const gate::Keys& own, int partition, const std::string& service) {
  return own.Index(partition, "taken:" + service);
}
std::string MovedKey(const gate::Keys& own, int partition, const std::string& service) {
  return own.Index(partition, "moved:" + service);
}
std::string TrimmedKey(const gate::Keys& own, int partition, const std::string& topic) {
  return own.Index(partition, "trimmed:" + topic);
}
std::string NewestKey(const gate::Keys& own, int partition, const std::string& topic) {
  return own.Index(partition, "newest:" + topic);
}

Result<std::map<std::uint64_t, std::int64_t>> Moved(gate::Store& store, const gate::Keys& own, int partition,
                                                    const std::string& service) {
  STAFETT_TRY(auto read, store.Read({gate::Get::Hash(MovedKey(own, partition, service))}, Deadline::In(Millis(3000))));
  std::map<std::uint64_t, std::int64_t> moved;
  const auto& fields = read.values[0].list;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    moved[std::strtoull(fields[i].c_str(), nullptr, 10)] = std::strtoll(fields[i + 1].c_str(), nullptr, 10);
  }
  return moved;
}

}  // namespace stafett::auditor::adapters
