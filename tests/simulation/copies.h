// Copies of the services, put together as their main.cc does, but that the store and the log are given and nothing runs
// by itself: whoever holds a copy lets one of its loops go round.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cases/adapters/gate_case_store.h"
#include "cases/app/operations.h"
#include "consent/adapters/gate_consent_store.h"
#include "consent/app/operations.h"
#include "disclosure/adapters/awaited_receipts.h"
#include "disclosure/adapters/gate_ledger.h"
#include "disclosure/adapters/regimes.h"
#include "disclosure/adapters/suspension.h"
#include "disclosure/app/operations.h"
#include "escalation/adapters/gate_escalation_store.h"
#include "escalation/adapters/timers.h"
#include "escalation/app/plan.h"
#include "lib/host/parts.h"
#include "lib/host/references.h"
#include "lib/policy/file.h"
#include "simulation/rim.h"
#include "support/memory_log.h"

namespace stafett::simulation {

inline constexpr int kPartitions = 2;
inline constexpr char kLog[] = "log", kLedger[] = "ledger", kKeys[] = "keys", kIdentity[] = "identity", kTo[] = "to.";

enum class Kind { kCases, kConsent, kDisclosure, kEscalation };
inline constexpr std::array kKinds = {Kind::kCases, Kind::kConsent, Kind::kDisclosure, Kind::kEscalation};
const char* NameOf(Kind kind);

// What all copies have in common: deploy/, and keys that nobody else has.
struct Files {
  Files();
  tenants::Tenants tenants;
  std::shared_ptr<const policy::LoadedRules> rules;
  seal::Secret kek, alias, identity;
};
const Files& TheFiles();

// What lies outside one copy.
struct Rims {
  gate::MemoryStore& store;
  RimStore::Hooks hooks;
  gate::MakePublisher publisher;
  gate::MakeReader reader;
};

class Copy {
 public:
  Copy(Kind kind, const std::string& name, Rims rims);
  virtual ~Copy() = default;
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  // Nothing that it does from now on reaches anybody; then it can be destroyed.
  void Crash();

  struct Loop {
    std::string name;
    std::function<void()> turn;
    bool running = false;  // a loop is one thread: it does not go round within itself
  };
  Kind kind;
  std::string name;
  RimStore store;
  host::Parts parts;
  std::vector<Loop> loops;
  bool Open() { return parts.gate().Open(); }

 protected:
  void Assembled();  // all readers are added
};

struct CasesCopy final : Copy {
  CasesCopy(const std::string& name, Rims rims);
  cases::adapters::GateCaseStore cases;
  host::SealedReferences references;
  cases::adapters::CaseApplier applier;
  cases::app::App app;
};

struct ConsentCopy final : Copy {
  ConsentCopy(const std::string& name, Rims rims, consent::app::Fence& fence);
  consent::adapters::GateConsentStore consents;
  host::SealedReferences references;
  consent::adapters::ConsentApplier applier;
  consent::app::App app;
};

struct DisclosureCopy final : Copy {
  DisclosureCopy(const std::string& name, Rims rims);
  void Activate();
  // Nobody asks here who is suspended, and nobody resumes.
  struct NoRecipients final : disclosure::app::Recipients {
    Result<std::map<std::string, std::string>> Suspended(const std::vector<std::string>&, Deadline) override {
      return std::map<std::string, std::string>();
    }
    Result<std::map<std::string, Time>> Untouched(Deadline) override { return std::map<std::string, Time>(); }
    Status Resume(const std::string&, Deadline) override { return {}; }
  };
  disclosure::adapters::Regimes regimes;
  host::SealedReferences references;
  disclosure::domain::DeliveryId delivery_id;
  disclosure::adapters::GateLedger ledger;
  disclosure::adapters::CutContents contents;
  disclosure::adapters::Router router;
  disclosure::adapters::Suspension suspension;
  disclosure::adapters::AwaitedReceipts awaited;
  NoRecipients recipients;
  disclosure::app::App app;
  bool activated = false;
};

struct EscalationCopy final : Copy {
  EscalationCopy(const std::string& name, Rims rims);
  escalation::app::FilesPlan plan;
  escalation::adapters::GateEscalationStore escalations;
  escalation::adapters::EscalationApplier applier;
  escalation::adapters::Timers timers;
};

}  // namespace stafett::simulation
