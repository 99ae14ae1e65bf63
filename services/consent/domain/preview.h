// What a consent would let each recipient have, by the same rules and the same function that the router decides with.
#pragma once

#include <string>
#include <vector>

#include "consent/domain/types.h"

namespace stafett::consent::domain {

// A service by id and kind.
struct Party {
  std::string id;
  policy::Agency agency = policy::Agency::kUnknown;
};

struct PreviewScope {
  Party recipient;
  std::vector<policy::Category> categories;
};

struct PreviewLine {
  std::string recipient;
  std::vector<policy::Category> allowed, refused;  // in the order asked
  bool snapshot = false;                           // the state of the case comes at once (design §4.8)
};

// Content may come from the asking service and from every other one that the consent names.
std::vector<PreviewLine> Preview(const policy::RuleSet& rules, const Party& asking, const std::string& purpose,
                                 const std::vector<PreviewScope>& scopes, Time now);

}  // namespace stafett::consent::domain
