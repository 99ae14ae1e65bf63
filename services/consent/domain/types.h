// The consent service's own world: a child's consents. Pure: no I/O, no clock, no protobuf.
// Consent here lifts confidentiality (fvl §13a nr 1, hpl §22); it is not the GDPR ground (law.md R3-01).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/policy/policy.h"

namespace stafett::consent::domain {

// For one recipient: what it may learn (R3-03: by receiving service and by category).
struct Scope {
  std::string recipient;
  std::vector<policy::Category> categories;
  bool operator==(const Scope&) const = default;
};

enum class Answer { kYes, kNo };
enum class Standing { kRequested, kGranted, kRefused, kWithdrawn, kExpired };

struct Consent {
  std::string id, purpose;
  std::string asking_recipient;  // the service that asked
  std::string language;
  std::vector<Scope> scopes;
  std::set<std::string> consenters;                              // everybody who must say yes (R3-11)
  Time until;                                                    // exclusive
  std::map<std::string, std::map<std::string, Answer>> answers;  // recipient -> consenter -> the last word
  std::set<std::string> withdrawn;                               // recipients; for good
  std::uint64_t version = 0;  // events of this consent: its etag, blind to the child's other consents

  const Scope* Find(const std::string& recipient) const;
  bool SaidYes(const std::string& consenter, const std::string& recipient) const;
  bool AnyYes(const std::string& recipient) const;
  // Every consenter has said yes to it. Silence is never consent (R3-02). Stays true after a withdrawal.
  bool Complete(const std::string& recipient) const;
  Standing StandingFor(const std::string& recipient, Time now) const;
  std::vector<std::string> Missing(const std::string& recipient) const;  // consenters who have not answered
};

// What this service keeps of cases' child-registered: who may consent, by opaque id. No names, no numbers.
struct Guardian {
  std::string person;
  bool parental_responsibility = false;
};
struct ChildRegisteredFact {
  std::vector<Guardian> guardians;
};

struct Child {
  bool registered = false;
  std::vector<Guardian> guardians;
  std::map<std::string, Consent> consents;
  const Consent* Find(const std::string& id) const {
    auto it = consents.find(id);
    return it == consents.end() ? nullptr : &it->second;
  }
};

// ---- events (proto/stafett/consent/v1/consent_events.proto) ----------------------------------------------------

struct ConsentRequested {
  std::string consent_id, purpose;
  std::vector<Scope> scopes;
  std::vector<std::string> consenters;
  Time until;
  std::string asking_recipient, language;
};
struct ConsentAnswered {
  std::string consent_id, consenter;
  std::vector<std::string> granted, refused;  // recipients
  std::string evidence;     // SIGNED_ON_PAPER, ELECTRONIC, ORAL_WITNESSED; empty only if given directly
  std::string recorded_by;  // staff who recorded it; empty if given directly
};
struct ConsentWithdrawn {
  std::string consent_id, consenter;
  std::vector<std::string> recipients;
};

using Event = std::variant<ConsentRequested, ConsentAnswered, ConsentWithdrawn>;
using Events = std::vector<Event>;

// Folds one event. Total: an event that was accepted once is always folded.
void Evolve(Child& child, const Event& event);
std::string ConsentOf(const Event& event);
// What cases said. The first words stand, as in cases: another service's registration does not change them.
void Learn(Child& child, const ChildRegisteredFact& fact);

}  // namespace stafett::consent::domain
