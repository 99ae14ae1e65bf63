// SIGTERM and SIGINT as something to wait for. Constructed first in main, before any thread:
// threads inherit the blocked mask, and so the signal can only arrive here. Also ignores SIGPIPE.
#pragma once

#include <csignal>

#include "lib/base/time.h"

namespace stafett::rpc {

class StopSignal {
 public:
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  int Wait();                    // the signal that came
  bool WaitFor(Millis at_most);  // true: it came. For start-up loops: `while (!stop.WaitFor(200ms)) ...`
  bool Requested() const { return got_ != 0; }

 private:
  sigset_t signals_;
  int got_ = 0;
};

}  // namespace stafett::rpc
