// What the use cases need of the world. The real one: adapters/gate_escalation_store.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "escalation/domain/decide.h"
#include "lib/base/time.h"
#include "lib/gate/commit.h"

namespace stafett::escalation::app {

// An open escalation, as found without its child: enough to know whose it might be.
struct Open {
  std::string id;
  std::string child;       // internal
  std::string awaited_of;  // the service that left it undone
  std::string owner;
  AwaitedKind kind = AwaitedKind::kNone;
  Time raised;
};

class EscalationStore {
 public:
  virtual ~EscalationStore() = default;
  using Decide = std::function<Result<domain::Events>(const domain::State& state)>;

  // Load, decide, commit once; decides again when something changed meanwhile.
  virtual Result<gate::Committed> Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                         const Decide& decide) = 0;
  virtual Result<domain::State> Load(const std::string& child, Deadline deadline) = 0;
  // The child that an escalation is about; kPermissionDenied/NOT_ALLOWED if there is no such escalation.
  virtual Result<std::string> ChildOf(const std::string& escalation_id, Deadline deadline) = 0;
  virtual Result<std::vector<Open>> AllOpen(Deadline deadline) = 0;
};

struct App {
  EscalationStore& store;
  const domain::Plan& plan;
};

}  // namespace stafett::escalation::app
