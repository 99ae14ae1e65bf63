// What the use cases need of the world. The real one is adapters/gate_case_store.h.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cases/domain/types.h"
#include "lib/base/time.h"
#include "lib/gate/commit.h"
#include "lib/host/references.h"
#include "lib/tenants/tenants.h"

namespace stafett::cases::app {

// Something waited for, as found without its child: enough to know where it is.
struct DuePlace {
  std::string date;
  std::string awaited_id;
  std::string child;  // internal
};

// An event as it was written.
struct Recorded {
  domain::Event event;
  std::string type, message, body;  // type on the log; the protobuf message of `body`
  Time recorded;
  std::string person;  // who did it; empty: the service itself
};

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
  // At most `count` of what awaits this person, or this service (its recipient id), behind a place, by date and id.
  virtual Result<std::vector<DuePlace>> Due(const std::string& of, const DuePlace& after, std::size_t count,
                                            Deadline deadline) = 0;
  // All events of one case, the oldest first. Those that this version does not know are not among them.
  virtual Result<std::vector<Recorded>> History(const std::string& child, const std::string& case_id,
                                                Deadline deadline) = 0;
};

struct App {
  CaseStore& store;
  const host::References& references;
  const tenants::Tenants& tenants;
  bool production = false;
};

}  // namespace stafett::cases::app
