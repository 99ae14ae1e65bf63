// What the use cases need of the world. The real ones: adapters/gate_consent_store.h, adapters/disclosure_fence.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "consent/domain/types.h"
#include "lib/base/time.h"
#include "lib/gate/commit.h"
#include "lib/host/references.h"
#include "lib/host/rule_file.h"
#include "lib/tenants/tenants.h"

namespace stafett::consent::app {

// A withdrawal as it stands on the log.
struct Withdrawal {
  std::string child;  // internal
  std::string consent_id;
  std::string event_id;
  std::vector<std::string> recipients;
};

class ConsentStore {
 public:
  virtual ~ConsentStore() = default;
  using Decide = std::function<Result<domain::Events>(const domain::Child& child, Time now)>;

  // Load, decide, commit once; decides again when something changed meanwhile.
  virtual Result<gate::Committed> Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                         const Decide& decide) = 0;
  struct View {
    domain::Child child;
    Time now;
  };
  virtual Result<View> Load(const std::string& child, Deadline deadline) = 0;
  // The child that a consent is about; kPermissionDenied/NOT_ALLOWED if there is no such consent.
  virtual Result<std::string> ChildOfConsent(const std::string& consent_id, Deadline deadline) = 0;
  // What an organisation's earlier command came to; kNotFound/UNKNOWN_REQUEST if it sent none.
  virtual Result<gate::Committed> Remembered(const std::string& scope, const std::string& request_id,
                                             Deadline deadline) = 0;
  // The withdrawal that a command wrote; kNotFound/UNKNOWN_REQUEST if it wrote something else.
  virtual Result<Withdrawal> WithdrawalOf(const gate::Committed& committed, Deadline deadline) = 0;
};

// Where disclosure stands: behind the fence nothing new flows under a withdrawn consent (design §4.7, promise P4).
class Fence {
 public:
  virtual ~Fence() = default;
  struct Read {
    std::string recipient;
    Time admitted;
  };
  struct Answer {
    bool passed = false;      // false also when nobody could tell: then it is not yet enforced
    std::vector<Read> reads;  // admitted before, and not finished
  };
  // Calls `done` exactly once, by `deadline` at the latest, from any thread. May wait for a token of our own, so it is
  // not for the threads of acknowledgements or of gRPC; does not wait for the answer.
  virtual void Await(const Withdrawal& withdrawal, Deadline deadline, std::function<void(const Answer&)> done) = 0;
};

struct App {
  ConsentStore& store;
  Fence& fence;
  const host::References& references;
  const tenants::Tenants& tenants;
  std::function<Result<host::RuleFile::Rules>()> rules;  // the last good ones; kFailedPrecondition: none were
};

}  // namespace stafett::consent::app
