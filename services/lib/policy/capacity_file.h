// Reads who must consent (deploy/policy/consent.yaml), strictly: see file.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/policy/capacity.h"

namespace stafett::policy {

// Refused too: a domain and age that no row without a condition answers, and a row that an earlier one without a
// condition hides wholly.
Result<std::vector<CapacityRow>> LoadCapacity(std::string_view text, std::string source_name);
Result<std::vector<CapacityRow>> LoadCapacityFile(const std::string& path);

}  // namespace stafett::policy
