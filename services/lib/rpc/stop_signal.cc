#include "lib/rpc/stop_signal.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace stafett::rpc {

StopSignal::StopSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a peer that went away is an error of that one write
}

int StopSignal::Wait() {
  while (got_ == 0) sigwait(&signals_, &got_);
  return got_;
}

bool StopSignal::WaitFor(Millis at_most) {
  const Deadline deadline = Deadline::In(at_most);
  while (got_ == 0) {
    const auto left = std::max(deadline.Left(), Millis(0)).count();
    timespec wait{};
    wait.tv_sec = static_cast<time_t>(left / 1000);
    wait.tv_nsec = static_cast<long>(left % 1000) * 1'000'000;
    const int signal = sigtimedwait(&signals_, nullptr, &wait);
    if (signal > 0) got_ = signal;
    if (signal < 0 && errno == EAGAIN) break;  // EINTR: a debugger; wait on
  }
  return got_ != 0;
}

}  // namespace stafett::rpc
