// Events of notifications between domain and protobuf, and what notifications reads of escalation's.
#pragma once

#include <optional>
#include <string>

#include "lib/gate/envelope.h"
#include "notifications/domain/types.h"

namespace stafett::notifications::adapters {

// An event message, in clear.
struct Body {
  std::string type;
  std::string bytes;
  std::string subject;  // the message's id
};
Body ToBody(const domain::Event& event);
// Nothing for a type that this version does not know.
Result<std::optional<domain::Event>> FromBody(const std::string& type, const std::string& bytes);

// Does this type change who has an escalation? And does it tell anybody something?
bool IsOfEscalation(const std::string& type);
bool TellsSomebody(const std::string& type);
Result<std::optional<domain::EscalationFact>> FactFrom(const gate::Envelope& e, std::int64_t offset);

}  // namespace stafett::notifications::adapters
