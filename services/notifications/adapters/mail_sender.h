// The loop that sends mails: a thread of its own, while the gate is open. Measures what waits and what came of it.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/host/host.h"
#include "notifications/adapters/gate_message_store.h"
#include "notifications/app/operations.h"

namespace stafett::notifications::adapters {

class MailSender {
 public:
  MailSender(host::Host& host, GateMessageStore& store, app::App app, app::Post& post, app::Sending sending);
  ~MailSender();
  void Start();
  void Stop();  // the mail that is being handed over is finished and written down first

 private:
  static constexpr Millis kEvery{250};
  static constexpr Millis kCountEvery{2'000};
  void Run(const Beat& beat);
  void Count();
  void Told(const domain::Tried& tried, bool given_up);

  host::Host& host_;
  GateMessageStore& store_;
  app::App app_;
  app::Post& post_;
  const app::Sending sending_;
  prometheus::Counter& sent_;
  std::array<prometheus::Counter*, 7> failed_{}, given_up_{};  // by domain::Cause; nothing for kNone
  prometheus::Gauge& waiting_;
  prometheus::Gauge& oldest_;
  SteadyTime counted_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::notifications::adapters
