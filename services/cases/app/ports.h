// What the use cases need of the world. The real one is adapters/gate_case_store.h.
#pragma once

#include <functional>
#include <string>

#include "cases/domain/types.h"
#include "lib/base/time.h"
#include "lib/gate/commit.h"
#include "lib/host/references.h"
#include "lib/tenants/tenants.h"

namespace stafett::cases::app {

class CaseStore {
 public:
  virtual ~CaseStore() = default;
  using Decide = std::function<Result<domain::Events>(const domain::Child& child, Time now)>;

  // Load, decide, commit once; decides again when something changed meanwhile.
  virtual Result<gate::Committed> Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                         const Decide& decide) = 0;
  // Finds the child with this national number or makes a new one; writes the events either way, so that nobody can
  // tell the difference. committed.child is the internal reference.
  virtual Result<gate::Committed> Register(const gate::Command& command, const std::string& national_number,
                                           Deadline deadline, const domain::ChildRegistered& registered) = 0;
  struct View {
    domain::Child child;
    Time now;
  };
  virtual Result<View> Load(const std::string& child, Deadline deadline) = 0;
  // The child that a case or a measure is about; kPermissionDenied/NOT_ALLOWED if there is none of this id.
  virtual Result<std::string> ChildOfCase(const std::string& case_id, Deadline deadline) = 0;
};

struct App {
  CaseStore& store;
  const host::References& references;
  const tenants::Tenants& tenants;
  bool production = false;
};

}  // namespace stafett::cases::app
