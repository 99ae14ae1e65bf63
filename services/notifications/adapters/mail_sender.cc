#include "notifications/adapters/mail_sender.h"

#include <algorithm>

#include "lib/telemetry/log.h"

namespace stafett::notifications::adapters {
namespace {

using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

constexpr std::array<const char*, 7> kCauses = {"", "CONNECT", "TLS", "LOGIN", "DEFERRED", "REFUSED", "NO_ADDRESS"};

}  // namespace

MailSender::MailSender(host::Host& host, GateMessageStore& store, app::App app, app::Post& post, app::Sending sending)
    : host_(host),
      store_(store),
      app_(app),
      post_(post),
      sending_(std::move(sending)),
      sent_(host.metrics().Counter("stafett_mails_sent_total", "Mails that the mail server has taken, since start.")),
      waiting_(host.metrics().Gauge("stafett_mails_waiting",
                                    "Mails without a result, of all copies: every copy shows the same.")),
      oldest_(host.metrics().Gauge("stafett_mails_oldest_seconds",
                                   "Age of the oldest of them; quiet hours are not taken off.")) {
  for (std::size_t i = 1; i < kCauses.size(); ++i) {
    failed_[i] = &host.metrics().Counter("stafett_mail_tries_failed_total", "Tries to hand a mail over that failed.",
                                         {{"cause", kCauses[i]}});
    given_up_[i] = &host.metrics().Counter("stafett_mails_given_up_total", "Mails that are not tried any more.",
                                           {{"cause", kCauses[i]}});
  }
}

MailSender::~MailSender() { Stop(); }

void MailSender::Start() {
  thread_ = std::thread([this, beat = BeatOf(host::BeatsOf(host_.health()), "mail")] { Run(beat); });
}

void MailSender::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void MailSender::Run(const Beat& beat) {
  app::Round round;
  round.stopping = [this] { return stop_.load(); };
  round.pause = [this, &beat](Millis time) {
    beat();
    if (time <= Millis(0)) return;
    if (stop_) {  // something is still to be written down
      std::this_thread::sleep_for(std::min(time, Millis(50)));
      return;
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, time, [this] { return stop_.load(); });
  };
  round.told = [this](const domain::Tried& tried, bool given_up) { Told(tried, given_up); };
  while (!stop_) {
    beat();
    // A rebuild sends nothing: before the log's end is reached, what looks unsent may have a result there.
    if (host_.gate().Open()) {
      if (auto done = app::SendDue(app_, post_, sending_, round); !done && host_.gate().Open()) {
        Log(Severity::kWarn, "mail.round_failed", {{"reason", Safe(done.error().reason)}});
      }
      Count();
    }
    round.pause(kEvery);
  }
}

void MailSender::Count() {
  const auto now = std::chrono::steady_clock::now();
  if (now - counted_ < kCountEvery) return;
  counted_ = now;
  auto backlog = store_.CountWaiting(Deadline::In(Millis(2000)));
  if (!backlog) return;
  waiting_.Set(static_cast<double>(backlog->mails));
  const auto age = backlog->oldest ? backlog->now.ms - backlog->oldest->ms : 0;
  oldest_.Set(static_cast<double>(std::max<std::int64_t>(age, 0)) / 1000.0);
}

void MailSender::Told(const domain::Tried& tried, bool given_up) {
  if (tried.failure == domain::Cause::kNone) {
    sent_.Increment();
    return;
  }
  const auto cause = static_cast<std::size_t>(tried.failure);
  failed_.at(cause)->Increment();
  if (!given_up) return;
  given_up_.at(cause)->Increment();
  Log(Severity::kError, "mail.given_up",
      {{"message", Safe(tried.message_id)}, {"cause", Safe(kCauses.at(cause))}, {"tries", tried.tries + 1}});
}

}  // namespace stafett::notifications::adapters
