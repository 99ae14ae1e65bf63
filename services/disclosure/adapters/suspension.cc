#include "disclosure/adapters/suspension.h"

#include <cmath>

#include "lib/telemetry/log.h"
#include "stafett/disclosure/v1/signal.pb.h"

namespace stafett::disclosure::adapters {
using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

Suspension::Suspension(host::Parts& host, Regimes& regimes, GateLedger& ledger)
    : host_(host), regimes_(regimes), ledger_(ledger) {
  host_.gate().Use(*this);
  count_ = host_.metrics().Observe("stafett_recipients_suspended", "Recipients whose topic refuses signals.", [this] {
    auto all = All(Deadline::In(Millis(500)));
    return all ? static_cast<double>(all->size()) : std::nan("");
  });
}

Result<std::map<std::string, std::string>> Suspension::All(Deadline deadline) const {
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::Hash(regimes_.SuspendedKey())}, deadline));
  std::map<std::string, std::string> out;
  const auto& list = read.values[0].list;
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) out[list[i]] = list[i + 1];
  return out;
}

Status Suspension::Resume(const std::string& recipient, Deadline deadline) {
  STAFETT_TRY(auto probed, regimes_.Probe({recipient}, std::max(deadline.Left() / 2, Millis(0))));
  if (!probed.take.contains(recipient)) {
    return Fail(Code::kFailedPrecondition, "TOPIC_REFUSES",
                "the recipient's topic does not take signals; see that it exists and that disclosure may write to it");
  }
  gate::Transaction tx;
  tx.writes.push_back(gate::Write::HashDelete(regimes_.SuspendedKey(), recipient));
  STAFETT_CHECK_OK(host_.gate().store().Run(tx, deadline));
  Log(Severity::kInfo, "recipient.resumed", {{"recipient", Safe(recipient)}});
  std::lock_guard lock(mutex_);
  suspended_.erase(recipient);
  return {};
}

std::string Suspension::RecipientOf(const std::string& topic) const {
  return topic.substr(host_.config().kafka.recipient_prefix.size());
}

bool Suspension::Owns(const std::string& topic) const {
  return topic.starts_with(host_.config().kafka.recipient_prefix);
}

void Suspension::Refused(const std::string& topic, const std::string& error) {
  auto recipient = RecipientOf(topic);
  gate::Transaction tx;
  tx.writes.push_back(gate::Write::HashSet(regimes_.SuspendedKey(), recipient, error));
  // Only once it is stored that this recipient gets nothing may its signals be withheld. If not: the next refusal.
  if (!host_.gate().store().Run(tx, Deadline::In(Millis(1000)))) return;
  Log(Severity::kError, "recipient.suspended", {{"recipient", Safe(recipient)}, {"reason", Safe(error)}});
  std::lock_guard lock(mutex_);
  suspended_.insert(recipient);
}

Suspension::Turn Suspension::Before(const kafka::Message& message) {
  auto recipient = RecipientOf(message.topic);
  {
    std::lock_guard lock(mutex_);
    if (!suspended_.contains(recipient)) return Turn::kSend;
  }
  auto read =
      host_.gate().store().Read({gate::Get::HashField(regimes_.SuspendedKey(), recipient)}, Deadline::In(Millis(1000)));
  if (!read) return Turn::kLater;
  if (!read->values[0].present) {  // another copy has resumed it
    std::lock_guard lock(mutex_);
    suspended_.erase(recipient);
    return Turn::kSend;
  }
  ::stafett::disclosure::v1::Signal signal;
  if (!signal.ParseFromString(message.value)) return Turn::kWithhold;
  return ledger_.Withhold(signal.delivery_id(), Deadline::In(Millis(1000))) ? Turn::kWithhold : Turn::kLater;
}

}  // namespace stafett::disclosure::adapters
