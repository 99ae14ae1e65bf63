// Events of cases between domain and protobuf, and what cases reads of consent's.
#pragma once

#include <optional>

#include "cases/domain/types.h"
#include "lib/host/journal.h"

namespace stafett::cases::adapters {

host::Body ToBody(const domain::Event& event);
// Nothing for a type that this version does not know.
Result<std::optional<domain::Event>> FromBody(const std::string& type, const std::string& bytes);
// The full name of the message that carries events of this type; empty for a type that this version does not know.
std::string MessageOf(const std::string& type);
Result<std::optional<domain::ConsentFact>> ConsentFromBody(const std::string& type, const std::string& bytes);

}  // namespace stafett::cases::adapters
