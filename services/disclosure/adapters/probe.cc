#include "disclosure/adapters/probe.h"

#include <condition_variable>
#include <memory>
#include <mutex>

#include "disclosure/adapters/signals.h"

namespace stafett::disclosure::adapters {
namespace {

constexpr Millis kPause{100};  // before a round that might be as fruitless as the one before

struct Reports {
  std::mutex mutex;
  std::condition_variable changed;
  Probed probed;
  std::size_t count = 0;
};

void Count(Reports& reports, const std::string& recipient, bool takes, bool refuses) {
  std::lock_guard lock(reports.mutex);
  if (takes) reports.probed.take.insert(recipient);
  if (refuses) reports.probed.refuse.insert(recipient);
  ++reports.count;
  reports.changed.notify_all();
}

// One producer's probes.
Result<Probed> Round(const gate::MakePublisher& make, const std::string& prefix,
                     const std::set<std::string>& recipients, Deadline deadline) {
  auto reports = std::make_shared<Reports>();  // what is reported when nobody waits any more goes there, too
  STAFETT_TRY(auto producer, make());
  for (const auto& recipient : recipients) {
    auto taken = producer->Send(ToProbe(prefix + recipient), [reports, recipient](const kafka::Delivery& d) {
      Count(*reports, recipient, d.ok, d.permanent);
    });
    if (!taken) Count(*reports, recipient, false, taken.error().code == Code::kFailedPrecondition);
  }
  std::unique_lock lock(reports->mutex);
  reports->changed.wait_until(lock, deadline.at, [&] { return reports->count == recipients.size(); });
  if (reports->probed.take.empty() && reports->probed.refuse.empty() && !deadline.Passed()) {
    reports->changed.wait_until(lock, std::min(deadline.at, Deadline::In(kPause).at), [] { return false; });
  }
  return reports->probed;
}

}  // namespace

// Round by round: a topic that refuses ends a producer, and what the others would have said with it.
Result<Probed> Probe(const gate::MakePublisher& make, const std::string& prefix,
                     const std::set<std::string>& recipients, Millis timeout) {
  const auto deadline = Deadline::In(timeout);
  Probed out;
  auto asked = recipients;
  do {
    STAFETT_TRY(auto round, Round(make, prefix, asked, deadline));
    for (const auto* settled : {&round.take, &round.refuse}) {
      for (const auto& recipient : *settled) asked.erase(recipient);
    }
    out.take.merge(round.take);
    out.refuse.merge(round.refuse);
  } while (!asked.empty() && !deadline.Passed());
  return out;
}

std::set<std::string> StillActive(const Probed& probed, const std::set<std::string>& before) {
  auto active = probed.take;
  for (const auto& recipient : before) {
    if (!probed.refuse.contains(recipient)) active.insert(recipient);
  }
  return active;
}

}  // namespace stafett::disclosure::adapters
