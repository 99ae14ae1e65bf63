// Internal to lib/policy: one row of a rule file, from YAML, with all that can be said against it by itself.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "lib/policy/file.h"

namespace stafett::policy::internal {

// From when until when an act holds; a row's own dates may only narrow it.
struct Validity {
  Time from;
  std::optional<Time> to;
};
using Laws = std::map<std::string, Validity>;

Rule ReadRow(yaml::Reader& reader, const YAML::Node& row, const Laws& laws);

bool Subset(AgencySet part, AgencySet of);
bool Allows(Effect effect);  // without a person

}  // namespace stafett::policy::internal
