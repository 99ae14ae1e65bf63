// Events of escalation between domain and protobuf.
#pragma once

#include <optional>
#include <string>

#include "escalation/domain/types.h"
#include "lib/base/error.h"

namespace stafett::escalation::adapters {

struct Body {
  std::string type, bytes;
};
Body ToBody(const domain::Event& event);
// Nothing for a type that this version does not know.
Result<std::optional<domain::Event>> FromBody(const std::string& type, const std::string& bytes);

}  // namespace stafett::escalation::adapters
