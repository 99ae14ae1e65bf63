// How many entries one page of a list holds.
#pragma once

#include <algorithm>

#include "lib/base/error.h"

namespace stafett::host {

// 0 asks for the usual size; more than `most` gets `most` (AIP-158). kInvalidArgument for less than 0.
inline Result<int> PageSize(int requested, int usual, int most) {
  if (requested < 0) return Invalid("page_size", "page_size: must not be negative");
  return requested == 0 ? usual : std::min(requested, most);
}

}  // namespace stafett::host
