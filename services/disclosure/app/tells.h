// What a recipient's system can tell of a delivery, out of the controllers' files.
#pragma once

#include <algorithm>
#include <vector>

#include "disclosure/domain/awaited.h"
#include "lib/tenants/tenants.h"

namespace stafett::disclosure::app {

// nullptr: no file knows the recipient any more. It was never let off.
inline domain::Tells TellsOf(const std::vector<tenants::Receipt>* receipts) {
  auto tells = [&](tenants::Receipt receipt) {
    return receipts == nullptr || std::find(receipts->begin(), receipts->end(), receipt) != receipts->end();
  };
  return {tells(tenants::Receipt::kStored), tells(tenants::Receipt::kOpened)};
}

}  // namespace stafett::disclosure::app
