// How long a record that cannot be handled is waited for before its child is set aside (design §3.6): the records
// behind it wait, too.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/base/time.h"

namespace stafett::gate {

// One partition's; one thread. Counts the time between tries, not the time in which nothing could be tried: a store
// that was away for a minute is no reason to give a child up.
class Patience {
 public:
  // The record at `offset` was tried in vain, at `now`: was that for `limit`?
  bool Over(std::int64_t offset, SteadyTime now, Millis limit) {
    spent_ =
        offset == offset_ ? spent_ + std::min<SteadyTime::duration>(now - tried_, kAtMost) : SteadyTime::duration{};
    offset_ = offset;
    tried_ = now;
    return spent_ >= limit;
  }

 private:
  static constexpr Millis kAtMost{500};  // between two tries
  std::int64_t offset_ = -1;
  SteadyTime tried_;
  SteadyTime::duration spent_{};
};

}  // namespace stafett::gate
