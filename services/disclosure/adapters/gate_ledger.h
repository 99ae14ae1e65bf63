// Disclosure over the gate: views of children, the router, the ledger.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disclosure/adapters/delivery_ages.h"
#include "disclosure/adapters/fact_mapping.h"
#include "disclosure/adapters/regimes.h"
#include "disclosure/app/ports.h"
#include "lib/gate/children.h"
#include "lib/gate/expected.h"
#include "lib/gate/found.h"
#include "lib/gate/tailer.h"
#include "lib/host/parts.h"

namespace stafett::disclosure::adapters {

// Delivery ids under a key of their own.
domain::DeliveryId KeyedDeliveryId(const seal::Secret& alias_key);

// What must still be so when something is shown to somebody: the view of the log is fresh (at most 5 s old), the rules
// that it was decided by are in force, and the child was not set aside meanwhile: what waits there may be a withdrawal.
std::vector<gate::Guard> ShowingGuards(const gate::Keys& keys, int partition, const std::string& child,
                                       const std::string& in_force_key, const std::string& in_force);

// A view with the rules in force, as the router needs them.
struct Loaded {
  gate::Loaded<domain::View> view;
  std::shared_ptr<const Version> version;
  std::set<std::string> suspended;
  bool parked = false;
};

class GateLedger final : public app::Ledger {
 public:
  GateLedger(host::Parts& host, Regimes& regimes, const host::References& references);
  Status Change(const gate::Command& command, const std::string& child, Deadline deadline, const Decide& decide,
                std::optional<app::Reading>* reading) override;
  void EndReading(const std::string& child, const app::Reading& reading) override;
  Result<app::Case> Load(const std::string& child, Deadline deadline) override;
  Result<app::Moment> LoadAt(const std::string& child, const domain::Decided& decided, Deadline deadline) override;
  Result<std::string> ChildOfDelivery(const std::string& delivery_id, Deadline deadline) override;
  Result<Page> Deliveries(const std::string& recipient, std::int64_t from, std::int64_t count,
                          Deadline deadline) override;
  Result<std::vector<std::string>> Missed(const std::string& recipient, std::int64_t count, Deadline deadline) override;
  Status Caught(const std::string& recipient, const std::string& child, Deadline deadline) override;
  Result<Told> ToldOn(const std::string& recipient, const calendar::Date& day, std::int64_t from, std::int64_t count,
                      Deadline deadline) override;
  Result<FenceView> Fence(const std::string& child, const std::string& event_id, Deadline deadline) override;

  Result<Loaded> LoadWithRegime(int partition, const std::string& child, Deadline deadline);
  // Several of one partition, read at once; in their order.
  Result<std::vector<Loaded>> LoadWithRegime(int partition, const std::vector<std::string>& children,
                                             Deadline deadline);
  // Opens one record and learns it.
  Result<LearnedRecord> Learn(domain::View& view, std::string_view record, std::int64_t offset, Time appended) const;
  // Notes that the signal of this delivery is not sent, once; again: nothing. By the relay, so even if the outbox is
  // full.
  Status Withhold(const std::string& delivery_id, Deadline deadline);
  gate::Children<domain::View>& children() { return children_; }
  // Which receipts are awaited may be another thing now (awaited_receipts.h).
  gate::Write LookAgain(const std::string& child, Time happened) const;
  // Indexes that an event implies: delivery -> child, the recipient's list, who missed something, whom to look at.
  std::vector<gate::Write> IndexesOf(const std::string& child, const domain::LedgerEvent& event, Time now) const;
  // A decision as it is written: the ledger first, then the signals. One outbox, one order.
  gate::Proposal Propose(const std::string& child, const domain::LedgerEvent& event, Time now) const;

 private:
  Status Fold(domain::View& view, const gate::Entry& entry) const;
  std::string MissedKey(const std::string& recipient) const {
    return host_.gate().keys().Global("missed:" + recipient);
  }
  // Sorted set: children by the time of the first that this recipient was to be told on that day.
  std::string ToldOnKey(const std::string& recipient, const calendar::Date& day) const {
    return host_.gate().keys().Global("on:" + recipient + ":" + calendar::Format(day));
  }
  std::string ReadingKey(int partition) const { return host_.gate().keys().Index(partition, "reading"); }
  host::Parts& host_;
  Regimes& regimes_;
  const host::References& references_;
  gate::Children<domain::View> children_;
  gate::Found found_;
  DeliveryAges ages_;
};

// The router: for each record of the log, who is told what.
class Router final : public gate::Applier {
 public:
  Router(host::Parts& host, GateLedger& ledger, Regimes& regimes, domain::DeliveryId delivery_id);
  bool Takes(const gate::Envelope& e) const override;
  bool Reacts(const gate::Envelope& e) const override;
  void Expect(int partition, const std::vector<std::string>& children, bool restoring) override;
  bool MayDiscard(const std::string& type) const override;
  std::vector<std::string> RestsOn() const override { return {"cases", "consent"}; }
  Result<std::optional<gate::Reaction>> React(int partition, const gate::Envelope& e,
                                              const kafka::Record& record) override;
  Result<std::vector<gate::Write>> Restore(int partition, const gate::Envelope& e) override;
  std::vector<gate::Write> Passed(int partition, const gate::Envelope& e) override;

 private:
  host::Parts& host_;
  GateLedger& ledger_;
  Regimes& regimes_;
  domain::DeliveryId delivery_id_;
  gate::Expected<Loaded> expected_;
};

}  // namespace stafett::disclosure::adapters
