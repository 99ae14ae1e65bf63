// What two stories of one child differ in: the same log, decided by two sets of rules. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "disclosure/domain/view.h"

namespace stafett::disclosure::domain {

struct Told {
  std::string rule;
  policy::CategorySet fields;  // none: a retraction
};
// A delivery that is in one of the two alone, or with other fields in the other.
struct Change {
  std::string delivery_id, recipient, item_type;
  DeliveryKind kind = DeliveryKind::kEvent;
  std::optional<Told> before, after;
};
// In the order of delivery ids. Another rule with the same fields is no change: nobody sees more or less.
std::vector<Change> Changes(const View& before, const View& after);

}  // namespace stafett::disclosure::domain
