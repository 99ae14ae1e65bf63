// What a record of the log means for every recipient, and what a read may show now. Pure functions.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "disclosure/domain/view.h"
#include "lib/base/error.h"

namespace stafett::disclosure::domain {

// Everything that a decision rests on besides the child: activated by a record of the partition, except who is
// suspended. A file of the process itself has no say.
struct Regime {
  const policy::RuleSet* rules = nullptr;
  std::string version;  // hash of the activation: the same rules with other recipients are another version
  std::map<std::string, policy::Agency> agencies;    // of all recipients
  std::map<std::string, std::string> organisations;  // their numbers -> recipients
  std::set<std::string> active;                      // may be told: activated, and not suspended
  std::set<std::string> suspended;                   // activated, and their topics refuse by now
};
// The recipient that an item comes from; empty if it is nobody's.
std::string GiverOf(const Regime& regime, const Item& item);
// Who the child is, in the giver's words, or in those of a service in the same log: who else knows the child, and by
// which name, is nobody's to learn. In the first ones if none of them has said it, nor who held the log before.
std::string IdentityFrom(const View& view, const Item& item, const Regime& regime);

// Keyed: an id that only this service can make.
using DeliveryId = std::function<std::string(const std::string& item, const std::string& recipient, DeliveryKind kind)>;

// `view` has learned the record already. What the record brings that might be told (the event itself, or
// snapshots for those whose consent it completed), and for whom if it is for one alone.
struct Offer {
  const Item* item = nullptr;
  std::optional<std::string> only_to;  // none: all candidates
  DeliveryKind kind = DeliveryKind::kEvent;
};
struct Record {
  std::string event_id, event_type, case_id;
  std::int64_t offset = -1;
};
// Nothing to say: no candidate, no retraction.
std::optional<Decided> Route(const View& view, const Record& record, const std::vector<Offer>& offers,
                             const Learned& learned, const Regime& regime, Time now, const DeliveryId& delivery_id);

// Why a line of what was routed is as it is, in words.
std::vector<policy::Explanation::Line> Explain(const View& view, const Line& line, const Learned& learned,
                                               const Regime& regime, Time now);

// Recipients that may be thought of at all for what this service gives in a case: who takes part, and whom a valid
// consent names that is the holder's too, and the giver's (design §4.2, decision 0017).
std::set<std::string> Candidates(const View& view, const std::string& case_id, const std::string& giver, Time now);

// What the decision at this place lets one recipient have of an item; empty unless the verdict is to disclose.
struct Allowed {
  policy::CategorySet fields;
  std::vector<std::string> consents;
};
Allowed AllowedTo(const View& view, const Item& item, const std::string& recipient, const Regime& regime, Time now);

// What a recipient missed while it was suspended, with what was allowed at the record's own place: nothing if nothing
// was.
struct MissedThen {
  Line line;
  policy::CategorySet fields;
  std::vector<std::string> consents;
};
inline constexpr char kResent[] = "no.stafett.disclosure.resent.v1";  // such a decision's event_type
// Decides it again, now: what both allow is signalled, the rest is withheld for good (design §4.6). `event_id` names
// this decision. Nothing if the recipient is suspended, or missed nothing of it any more, or the child is not known.
std::optional<Decided> RouteMissed(const View& view, const std::string& recipient, const std::string& event_id,
                                   const std::vector<MissedThen>& missed, const Regime& regime, bool known, Time now,
                                   const DeliveryId& delivery_id);

// What was allowed when the delivery was decided and is allowed now. It rests on grounds that are older than the
// delivery: what a withdrawal closed, no later consent opens; another one that was whole before goes on.
struct ReadDecision {
  policy::CategorySet fields;
  std::string rule;
  std::vector<std::string> consents;
};
// kGone/WITHDRAWN, kGone/RETRACTION, kFailedPrecondition/NOT_ALLOWED_NOW.
Result<ReadDecision> DecideRead(const View& view, const Delivery& delivery, const Regime& regime, bool known, Time now);

// One recipient, one item: the call of the engine, with the consents that were whole when the item came. Shared by
// Route and DecideRead.
policy::Decision DecideOne(const View& view, const Item& item, const std::string& recipient, const Regime& regime,
                           bool known, Time now, std::vector<policy::Consent>& consents);

}  // namespace stafett::disclosure::domain
