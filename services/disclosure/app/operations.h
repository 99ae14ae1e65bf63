// The use cases, one file each.
#pragma once

#include <string>
#include <vector>

#include "disclosure/app/ports.h"
#include "disclosure/domain/reconcile.h"
#include "lib/host/who.h"

namespace stafett::disclosure::app {

struct FetchedContent {
  domain::Delivery delivery;
  policy::CategorySet fields;
  std::string rule, case_ref, type_url, value, identity, digest, origin;
  Time happened;
  std::string child;
  Reading reading;  // to be ended when the answer has been sent
};
Result<FetchedContent> Fetch(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                             const std::string& delivery_id);
Result<domain::DeliveryState> ConfirmStored(App& app, const host::Who& who, const gate::Command& command,
                                            Deadline deadline, const std::string& delivery_id,
                                            const std::string& record_ref, const std::string& digest);
Result<domain::DeliveryState> ConfirmOpened(App& app, const host::Who& who, const gate::Command& command,
                                            Deadline deadline, const std::string& delivery_id);

struct Listed {
  domain::Delivery delivery;
  std::string case_ref, cursor;
};
struct ListedPage {
  std::vector<Listed> deliveries;
  std::string next;
};
Result<ListedPage> ListDeliveries(App& app, const host::Who& who, const std::string& after, int page_size,
                                  Deadline deadline);

// One verdict with how far its delivery has come.
struct DecisionRow {
  domain::Decided decided;  // without lines
  domain::Line line;
  std::string id;  // opaque
  std::optional<domain::DeliveryState> state;
};
struct DecisionPage {
  std::vector<DecisionRow> rows;
  std::string next;
};
// For a disclosure officer of the giver's controller.
Result<DecisionPage> ListDecisions(App& app, const host::Who& who, const std::string& child_reference, int page_size,
                                   const std::string& page_token, Deadline deadline);
// The rows of one record's decisions that this officer may read, in their order.
std::vector<DecisionRow> RowsOf(const App& app, const host::Who& who, const Case& c, const domain::Decided& decided);
// What a recipient missed in `view`, with what was allowed at each record's own place; not more than one record's
// worth.
Result<std::vector<domain::MissedThen>> AsItWas(App& app, const std::string& child, const domain::View& view,
                                                const std::string& recipient, Deadline deadline);
struct Explained {
  DecisionRow row;
  std::vector<policy::Explanation::Line> why;
  bool same_again = false;
};
Result<Explained> Explain(App& app, const host::Who& who, const std::string& child_reference,
                          const std::string& event_id, const std::string& recipient, const std::string& decision_id,
                          Deadline deadline);

// What became of all that a recipient was told on one day, in parts.
struct ReconciledPart {
  std::string recipient;
  calendar::Date day;
  bool day_over = false;  // nothing more comes to it
  Time now;
  std::string from, next;  // tokens of this part and of the one behind it; empty: the first, and there is none
  std::vector<domain::Reconciled> deliveries;
};
inline constexpr int kChildrenInPart = 100;     // at most
inline constexpr int kDeliveriesInPart = 1000;  // a child that would come behind so many is of the next part
// For the recipient itself (`recipient` empty), or for a disclosure officer of its controller, who is also shown what
// the recipient was not told because it was suspended. `date`: "2026-11-22" in Oslo, not after today.
Result<ReconciledPart> Reconcile(App& app, const host::Who& who, const std::string& recipient, const std::string& date,
                                 const std::string& token, Deadline deadline);

struct Resending {
  int deliveries = 0;  // signalled now
  bool more = false;   // ask again
};
// For a disclosure officer of the recipient's controller: what the recipient missed while it was suspended, decided
// again (design §4.5: resending is explicit). At most `kChildrenAtOnce` children a call.
inline constexpr int kChildrenAtOnce = 50;
Result<Resending> ResendMissed(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                               const std::string& recipient);

// About a withdrawal: is it enforced?
struct FenceQuestion {
  std::string child, event_id, consent;
  std::vector<std::string> recipients;
};
struct FenceAnswer {
  bool passed = false;
  std::vector<Reading> reads;  // under way on this consent
};
// As it is now; who wants to wait looks again (rpc/fence_waits.h).
Result<FenceAnswer> LookAtFence(App& app, const FenceQuestion& question, Deadline deadline);

// Shared: may this person read every decision about the child?
// kPermissionDenied/NOT_ALLOWED unless this person is a disclosure officer of the recipient's controller.
Status OfficerOf(const App& app, const host::Who& who, const std::string& recipient);
Result<std::string> ChildForOfficer(App& app, const host::Who& who, const std::string& reference);

}  // namespace stafett::disclosure::app
