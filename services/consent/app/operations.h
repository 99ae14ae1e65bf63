// The use cases, one file each. They find what is named, decide (domain/decide.h) and commit once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "consent/app/ports.h"
#include "consent/domain/decide.h"
#include "consent/domain/preview.h"
#include "lib/host/who.h"

namespace stafett::consent::app {

// What every operation on a consent is called with.
struct OnConsent {
  const host::Who& who;
  const gate::Command& command;
  Deadline deadline;
  std::string consent_id;
  std::string etag;
};

// `child`: the service's private reference. `until`: ISO date or empty.
struct Asking {
  std::string child, purpose, until, language;
  std::vector<domain::Scope> scopes;
  std::vector<std::string> consenters;
};
Result<gate::Committed> RequestConsent(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                                       const Asking& asking);
// The consent that a RequestConsent makes: derived from the command, so that a retry names the same one.
std::string ConsentIdOf(const gate::Command& command, const std::string& child);

// A yes or a no of one consenter.
struct Word {
  std::string consenter;
  std::vector<std::string> recipients;
  std::string evidence;
};
Result<gate::Committed> Grant(App& app, const OnConsent& on, const Word& word);
Result<gate::Committed> Refuse(App& app, const OnConsent& on, const Word& word);
Result<gate::Committed> Withdraw(App& app, const OnConsent& on, const std::string& consenter,
                                 const std::vector<std::string>& recipients);
// Asks disclosure whether a withdrawal is enforced. `done` is called exactly once, from any thread.
void AwaitEnforced(App& app, const gate::Committed& committed, Deadline deadline,
                   std::function<void(const Fence::Answer&)> done);

// A consent as this person may see it.
struct Reading {
  domain::Consent c;
  domain::Shown shown;
  std::string child;  // internal
  Time now;
};
Result<Reading> ReadConsent(App& app, const host::Who& who, const std::string& consent_id, Deadline deadline);
// The consents of a child that this person may see; empty also when there are none or the child is unknown.
Result<std::vector<Reading>> ListConsents(App& app, const host::Who& who, const std::string& child, Deadline deadline);
// A Withdraw of this organisation, sent earlier, and its consent.
struct WithdrawalReading {
  gate::Committed committed;
  Reading reading;
};
Result<WithdrawalReading> ReadWithdrawal(App& app, const host::Who& who, const std::string& request_id,
                                         Deadline deadline);
Result<std::vector<domain::PreviewLine>> Preview(App& app, const host::Who& who, const std::string& child,
                                                 const std::string& purpose, const std::vector<domain::Scope>& scopes,
                                                 Deadline deadline);

// Shared by the files of this folder: finds the child, builds the Change, commits.
using DecideOnConsent = std::function<Result<domain::Events>(const domain::Child&, const domain::Change&)>;
Result<gate::Committed> ChangeConsent(App& app, const OnConsent& on, const DecideOnConsent& decide);
domain::Person ToPerson(const host::Who& who);
// Whose reference to a child it is: a service's, or one parent's own (design §5: opaque per viewer).
std::string ViewerOf(const host::Who& who);
// Every recipient stands in a controller's file.
Status CheckKnown(const App& app, const std::vector<domain::Scope>& scopes);

}  // namespace stafett::consent::app
