// Events of consent between domain and protobuf, and what consent reads of cases'.
#pragma once

#include <optional>

#include "consent/domain/types.h"
#include "lib/host/journal.h"

namespace stafett::consent::adapters {

host::Body ToBody(const domain::Event& event);
// Nothing for a type that this version does not know.
Result<std::optional<domain::Event>> FromBody(const std::string& type, const std::string& bytes);
Result<std::optional<domain::ChildRegisteredFact>> ChildFromBody(const std::string& type, const std::string& bytes);

}  // namespace stafett::consent::adapters
