// What two rule sets differ in, row by row, under the keys of the rule file (deploy/policy/README.md). Groups stand as
// their members, days as moments of UTC. Floors, laws and notes are in no rule set. Pure.
#pragma once

#include <string>
#include <vector>

#include "lib/policy/policy.h"

namespace stafett::policy {

struct Difference {
  enum class Kind { kAdded, kRemoved, kChanged };
  struct Part {
    std::string key, before, after;  // "categories", "PLAN|EDUC", "EDUC"; empty: the key is not there
    bool operator==(const Part&) const = default;
  };
  Kind kind = Kind::kChanged;
  std::string row;          // its id; where that stands twice in either, its first day too
  std::vector<Part> parts;  // of a row that is added or removed: all of it
};
struct Differences {
  std::vector<Difference> rows;  // in the order of the file before, then of the one after
  bool reordered = false;        // what stands in both stands in another order
  bool Any() const { return reordered || !rows.empty(); }
};
Differences Compare(const RuleSet& before, const RuleSet& after);

}  // namespace stafett::policy
