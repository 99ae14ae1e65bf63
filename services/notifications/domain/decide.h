// Who is told, what becomes of a mail that was tried, and who may know of it: pure functions from the child as it
// stands to events or a no.
//
// Errors: kPermissionDenied/NOT_ALLOWED is the one answer to everybody who may not know a message, existing or not.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "notifications/domain/types.h"

namespace stafett::notifications::domain {

// How a person can be reached, of the controller's file.
struct Reach {
  bool mail = false;
  Time not_before;  // of mail: now, or the end of the quiet hours
};
using ReachOf = std::function<Reach(const std::string& person)>;

// The same for the same record, person and channel, whoever decides it and how often.
std::string MessageIdOf(const std::string& event_id, const std::string& person, Channel channel);

// What follows from a record of escalation, the child being as it was before it.
//   raised, passed on   who has it now: an entry in the inbox, and a mail if there is an address
//   resolved            mails about it that were not sent are dropped; who had it finds an entry in the inbox, unless
//   it
//                       was the one who said so
Events Plan(const Child& child, const EscalationFact& fact, const ReachOf& reach_of);

// ---- mail ------------------------------------------------------------------------------------------------------

// A mail may be sent when its time has come and its intent is on the log (design §3.1): the log is acknowledged up to
// `published`, and what it was caused by lies below that.
bool MaySend(const Child& child, const Message& message, Time now, std::int64_t published);

// How often it is tried, and how long between.
struct Retries {
  Millis first{30'000};          // before the second try; doubled for each further one…
  Millis longest{4 * 3600'000};  // …up to this
  int most = 16;                 // tries: with the above, for 28 hours
};
// After `tries` failed ones. Nothing: given up.
std::optional<Millis> Backoff(const Retries& retries, int tries);

// What came of one try, when the mail had been tried `tries` times before.
struct Tried {
  std::string message_id;
  int tries = 0;
  Cause failure = Cause::kNone;  // kNone: sent
};
// kFailedPrecondition/SETTLED when somebody else was quicker. `later` moves a time out of the reader's quiet hours.
Result<Events> Settle(const Child& child, const Tried& tried, const Retries& retries, Time now,
                      const std::function<Time(Time)>& later);

// ---- people ----------------------------------------------------------------------------------------------------

// Who asks, and where the message's reader works; reduced to what a decision needs.
struct Asker {
  std::string person, recipient, controller;
  bool leads = false;    // head or leader of `recipient`
  bool officer = false;  // disclosure officer of `controller`
};
struct Workplace {
  std::string recipient, controller;
};
enum class Sight { kNone, kFate, kAll };
// The reader sees all; who answers for the reader's service or controller, what came of it.
Sight SightOf(const Message& message, const Asker& asker, const std::optional<Workplace>& of_reader);

// By the reader, once.
Result<Events> MarkRead(const Child& child, const std::string& message_id, const std::string& person);
tl::unexpected<Error> NotAllowed();

}  // namespace stafett::notifications::domain
