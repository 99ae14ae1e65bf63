// What other rules would have told (`--simulate`): every child of the log so far, once by the rules in force and once
// by the others. Reads the log, the store and keys; writes nothing, tells nobody, and may run beside the service.
//
// Both run through all of the log, so that only the rules differ: also where other rules were in force then. Who takes
// part in which version, who was suspended and what was resent are as the ledger has them. And once by the rules of
// each time, which must give what the ledger has.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "disclosure/adapters/regimes.h"
#include "disclosure/adapters/replay.h"
#include "disclosure/domain/changes.h"
#include "lib/gate/ports.h"
#include "lib/host/parts.h"

namespace stafett::disclosure::adapters {

struct Simulated {
  struct Count {
    std::uint64_t told = 0;  // deliveries under the rules in force
    std::uint64_t lost = 0, gained = 0, changed = 0;
    bool operator==(const Count&) const = default;
  };
  std::map<std::string, Count> recipients;
  std::uint64_t children = 0, decisions = 0;
  // Decisions of the ledger that were not found again by the rules of their time: nothing can be relied on then.
  std::uint64_t unlike = 0;
  bool Changes() const;
};

// One owner thread.
class Simulation {
 public:
  Simulation(host::Parts& host, Regimes& regimes, gate::MakeReader reader, domain::DeliveryId delivery_id);

  using Found = std::function<void(const domain::Change&)>;
  using Progress = std::function<void(std::uint64_t children, std::uint64_t of)>;
  // `in_force` and `others` must outlive it. Changes come child by child, the children in no order that means anything.
  // kUnavailable: Kafka or Redis does not answer, another Redis came, keys have not come yet; LOG_NOT_TAKEN: within
  // `patience` the router has not taken what the log had at the beginning.
  Result<Simulated> Run(const policy::RuleSet& in_force, const policy::RuleSet& others, const Found& found,
                        const Progress& progress, Millis patience);

 private:
  Result<std::map<int, std::set<std::string>>> Children();
  Result<std::map<std::string, std::int64_t>> Ends();
  Status AllTaken(Millis patience);
  Result<Story> Load(int partition, const std::string& child);
  Status Child(int partition, const std::string& child, const policy::RuleSet& in_force, const policy::RuleSet& others,
               const Found& found, Simulated& out);

  host::Parts& host_;
  Regimes& regimes_;
  gate::MakeReader reader_;
  domain::DeliveryId delivery_id_;
};

}  // namespace stafett::disclosure::adapters
