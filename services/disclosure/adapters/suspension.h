// Recipients whose topic refuses for good: suspended, said so, their signals withheld in the ledger, so that the fence
// goes on (design §4.5).
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "disclosure/adapters/gate_ledger.h"
#include "disclosure/adapters/regimes.h"
#include "lib/host/parts.h"

namespace stafett::disclosure::adapters {

// Who is suspended stands in the store, for all copies. A copy that has not heard of it yet sends, is refused, and
// hears of it so; one that has not heard of a mending asks the store before it withholds.
class Suspension final : public gate::SideTopics {
 public:
  Suspension(host::Parts& host, Regimes& regimes, GateLedger& ledger);
  // recipient -> librdkafka's name of the error
  Result<std::map<std::string, std::string>> All(Deadline deadline) const;
  // Lets it be signalled again, once its topic has taken a probe. kFailedPrecondition/TOPIC_REFUSES if it does not.
  Status Resume(const std::string& recipient, Deadline deadline);

  bool Owns(const std::string& topic) const override;
  void Refused(const std::string& topic, const std::string& error) override;
  Turn Before(const kafka::Message& message) override;

 private:
  std::string RecipientOf(const std::string& topic) const;
  host::Parts& host_;
  Regimes& regimes_;
  GateLedger& ledger_;
  std::mutex mutex_;
  std::set<std::string> suspended_;  // as far as this copy knows
  telemetry::Observation count_;
};

}  // namespace stafett::disclosure::adapters
