// The use cases, one file each. They find what is named, decide (domain/decide.h) and commit once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "escalation/app/ports.h"
#include "lib/host/who.h"

namespace stafett::escalation::app {

struct OnEscalation {
  const host::Who& who;
  const gate::Command& command;
  Deadline deadline;
  std::string escalation_id;
};
Result<gate::Committed> Acknowledge(App& app, const OnEscalation& on);
Result<gate::Committed> TakeOver(App& app, const OnEscalation& on);
Result<gate::Committed> Resolve(App& app, const OnEscalation& on);

struct Reading {
  domain::Escalation x;
  bool seen = false;  // may this person know what it is about?
};
Result<Reading> ReadEscalation(App& app, const host::Who& who, const std::string& escalation_id, Deadline deadline);

struct Page {
  std::vector<domain::Escalation> seen;  // the longest awaited first
  std::map<std::string, int> hidden;     // owner -> how many that this person may not see
  std::string next;                      // empty: the last page
};
Result<Page> ListEscalations(App& app, const host::Who& who, int size, const std::string& after, Deadline deadline);

// Shared by the files of this folder. A guardian is nobody here.
domain::Person ToPerson(const host::Who& who);
Result<gate::Committed> ChangeEscalation(App& app, const OnEscalation& on, const EscalationStore::Decide& decide);

}  // namespace stafett::escalation::app
