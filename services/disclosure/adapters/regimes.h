// Policy versions as the log has them: PolicyActivated records, by their hash; and who is suspended.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "disclosure/adapters/probe.h"
#include "disclosure/domain/route.h"
#include "lib/host/parts.h"
#include "lib/policy/file.h"

namespace stafett::disclosure::adapters {

// One activated version, parsed.
struct Version {
  std::string hash;  // of the record: rules, recipients and who was active; empty before the first activation
  std::shared_ptr<const policy::RuleSet> rules;
  std::map<std::string, policy::Agency> agencies;
  std::map<std::string, std::string> organisations;
  std::set<std::string> active;
};
// What is activated, as it is written; `active`: recipients whose topic took a probe. And back.
std::string VersionMessage(const policy::LoadedRules& rules, const tenants::Tenants& tenants,
                           const std::set<std::string>& active);
Result<std::shared_ptr<const Version>> ParseVersion(const std::string& message);
// Before the first activation: nobody is told anything.
const std::shared_ptr<const Version>& NoVersion();
domain::Regime RegimeOf(const Version& version, const std::set<std::string>& suspended);

class Regimes {
 public:
  explicit Regimes(host::Parts& host) : host_(host), keys_(host.gate().keys()) {}
  // The version with this hash (of the PolicyActivated message); nullptr with an error if it is not stored.
  Result<std::shared_ptr<const Version>> Find(const std::string& hash, Deadline deadline);

  // Keys: which version is in force in a partition at the reader's place; versions by hash; suspended recipients.
  std::string InForceKey(int partition) const { return keys_.Index(partition, "policy"); }
  std::string VersionKey(const std::string& hash) const { return keys_.Global("policy:" + hash); }
  std::string SuspendedKey() const { return keys_.Global("suspended"); }
  // A policy-activated record at its place in the log.
  std::vector<gate::Write> Passed(int partition, const std::string& message) const;

  // Brings the files of this process into force: probes every recipient's topic, then writes a record to every
  // partition whose last one says something else. Called when the gate is open; repeats do nothing. Not twice at once.
  // `patience`: with topics, and as long again with the store.
  Status Activate(const policy::LoadedRules& rules, Millis patience);
  // The rules that the first partition was given last, whether it has come to that place or not; nullptr: none yet.
  Result<std::shared_ptr<const policy::LoadedRules>> LastActivated(Deadline deadline);
  // Those of the versions in force, in every partition.
  Result<std::set<std::string>> Active(Deadline deadline);
  Result<Probed> Probe(const std::set<std::string>& recipients, Millis timeout) const;

 private:
  // The message of the record that was written last in a partition, and how many there are; empty: none yet.
  struct Written {
    std::string message;
    std::uint64_t count = 0;
    Time now;
  };
  Result<Written> LastWritten(int partition, Deadline deadline);

  host::Parts& host_;
  gate::Keys keys_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Version>> versions_;
};

// Stands for "no child" in streams about a partition: "disclosure/policy-03".
std::string PolicyStream(int partition);

}  // namespace stafett::disclosure::adapters
