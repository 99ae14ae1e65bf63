// What the use cases of disclosure need of the world. The real one is adapters/gate_ledger.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disclosure/domain/route.h"
#include "disclosure/domain/view.h"
#include "lib/base/time.h"
#include "lib/calendar/calendar.h"
#include "lib/gate/commit.h"
#include "lib/host/references.h"
#include "lib/tenants/tenants.h"

namespace stafett::disclosure::app {

// A child with everything that a decision about it needs, read in one atomic step.
struct Case {
  std::string child;
  std::shared_ptr<const domain::View> view;
  domain::Regime regime;
  std::shared_ptr<const policy::RuleSet> rules;  // keeps regime.rules alive
  bool known = false;                            // the child is not parked
  Time now;
};

// All that the decisions about a record were made from.
struct Moment {
  std::shared_ptr<domain::View> view;  // of the log up to the record, and of the ledger before these decisions
  domain::Learned learned;
  std::vector<domain::Offer> offers;  // point into `view`
  domain::Regime regime;
  std::shared_ptr<const policy::RuleSet> rules;  // keeps regime.rules alive
};

// A read that was admitted and is under way, so that a withdrawal can name it.
struct Reading {
  std::string id, recipient;
  std::vector<std::string> consents;
  Time admitted;
};

class Ledger {
 public:
  virtual ~Ledger() = default;
  using Decide = std::function<Result<std::optional<domain::LedgerEvent>>(const Case&)>;
  // Reads, decides, writes the event; nothing decided: nothing written. With `reading`, and for a decision, the event
  // is only written while the partition's view is fresh; the read is noted as under way until EndReading, and what was
  // decided to be told is signalled.
  virtual Status Change(const gate::Command& command, const std::string& child, Deadline deadline, const Decide& decide,
                        std::optional<Reading>* reading) = 0;
  virtual void EndReading(const std::string& child, const Reading& reading) = 0;
  virtual Result<Case> Load(const std::string& child, Deadline deadline) = 0;
  // The moment of a decision: log and ledger as they were, the rules and recipients of its version, and who it says
  // was suspended.
  virtual Result<Moment> LoadAt(const std::string& child, const domain::Decided& decided, Deadline deadline) = 0;
  // kPermissionDenied/NOT_ALLOWED if there is no such delivery.
  virtual Result<std::string> ChildOfDelivery(const std::string& delivery_id, Deadline deadline) = 0;
  struct Page {
    std::vector<std::pair<std::string, std::string>> deliveries;  // (delivery, child), in the order of signalling
    std::int64_t next = 0;
    std::string series;  // changes when the order began anew (a rebuilt store): begin at 0 then
  };
  virtual Result<Page> Deliveries(const std::string& recipient, std::int64_t from, std::int64_t count,
                                  Deadline deadline) = 0;
  // Children of whom this recipient was to be told something on this day in Oslo, in the order of the first of it; from
  // that rank on, at most `count`. The order does not change, whatever happens to the store; new ones come at the end.
  struct Told {
    std::vector<std::string> children;
    Time now;
  };
  virtual Result<Told> ToldOn(const std::string& recipient, const calendar::Date& day, std::int64_t from,
                              std::int64_t count, Deadline deadline) = 0;
  struct FenceView {
    std::optional<std::int64_t> offset;  // of the record asked for, once it was learned
    std::int64_t fence = 0;
    std::vector<Reading> readings;  // of this child's partition, younger than 30 s
  };
  // Children of whom this recipient missed something, at most `count`, those waiting longest first.
  virtual Result<std::vector<std::string>> Missed(const std::string& recipient, std::int64_t count,
                                                  Deadline deadline) = 0;
  // Takes the child off that list if there is nothing of it any more.
  virtual Status Caught(const std::string& recipient, const std::string& child, Deadline deadline) = 0;
  virtual Result<FenceView> Fence(const std::string& child, const std::string& event_id, Deadline deadline) = 0;
};

// Whether recipients can be told.
class Recipients {
 public:
  virtual ~Recipients() = default;
  // Those who cannot, with the reason: the broker's name of the error, or NOT_ACTIVATED.
  virtual Result<std::map<std::string, std::string>> Suspended(const std::vector<std::string>& of,
                                                               Deadline deadline) = 0;
  // Those who left something untouched that they were told of, and since when the oldest of it.
  virtual Result<std::map<std::string, Time>> Untouched(Deadline deadline) = 0;
  // kFailedPrecondition/TOPIC_REFUSES while its topic does.
  virtual Status Resume(const std::string& recipient, Deadline deadline) = 0;
};

// An item as a recipient gets it.
struct Content {
  std::string type_url;
  std::string value;     // what the digest is of
  std::string identity;  // ChildIdentity, empty if IDENT is not shown
};
class Contents {
 public:
  virtual ~Contents() = default;
  // Cut to `fields`; the case stands in it under the recipient's own pseudonym. `who`: a ChildIdentity.
  virtual Result<Content> Show(const std::string& who, const domain::Item& item, policy::CategorySet fields,
                               const std::string& case_ref) const = 0;
};

struct App {
  Ledger& ledger;
  const Contents& contents;
  const host::References& references;
  domain::DeliveryId delivery_id;
  Recipients& recipients;
  const tenants::Tenants& tenants;
};

}  // namespace stafett::disclosure::app
