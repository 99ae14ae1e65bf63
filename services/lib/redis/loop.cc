#include "lib/redis/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace stafett::redis {
namespace {

constexpr Millis kFirstBackoff{10};
constexpr Millis kMaxBackoff{1000};
constexpr Millis kMaxWait{1000};  // with nothing to do it still beats
// Commands beyond this stay in our queue, where a passed deadline costs no connection.
constexpr std::size_t kMaxUnsent = 256U << 10U;

SteadyTime Now() { return std::chrono::steady_clock::now(); }

Error MakeError(Code code, const std::string& reason, std::string message) {
  return {code, reason, std::move(message), {}, {}};
}

}  // namespace

Client::Loop::Loop(Options options)
    : options_(std::move(options)), next_connect_(Now()), random_(std::random_device{}()) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_;
  if (epoll_ < 0 || wake_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    const int error = errno;
    if (epoll_ >= 0) ::close(epoll_);
    if (wake_ >= 0) ::close(wake_);
    throw std::system_error(error, std::generic_category(), "redis loop");
  }
  // Under the lock, so that OnThisThread is right from the thread's first step.
  const std::lock_guard lock(mutex_);
  thread_ = std::thread([this] { Run(); });
}

Client::Loop::~Loop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  Wake();
  thread_.join();
  ::close(wake_);
  ::close(epoll_);
}

std::string Client::Loop::RunId() const {
  const std::lock_guard lock(mutex_);
  return run_id_;
}

void Client::Loop::Post(Args args, Deadline deadline, Callback done, std::uint64_t only_on) {
  Posted post{std::move(args), deadline, std::move(done), only_on, std::nullopt};
  bool closed = false;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (post.args.empty()) {
      post.refused = MakeError(Code::kInvalidArgument, "REDIS_NO_COMMAND", "no command");
    } else if (pending_ >= options_.max_pending) {
      post.refused = MakeError(Code::kResourceExhausted, "REDIS_QUEUE_FULL", "redis queue full");
    } else if (!closed_) {
      ++pending_;
    }
    closed = closed_;
    wake = inbox_.empty();
    if (!closed) inbox_.push_back(std::move(post));
  }
  // Refusals take the same way: a completion never runs on the caller's thread, which may hold a
  // lock.
  if (closed) {
    post.done(tl::unexpected(MakeError(Code::kUnavailable, "REDIS_CLOSED", "redis client closed")));
  } else if (wake) {
    Wake();
  }
}

void Client::Loop::Wake() {
  const std::uint64_t one = 1;
  while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Client::Loop::Run() {
  { const std::lock_guard lock(mutex_); }  // waits until thread_ is set
  std::array<epoll_event, 2> events{};
  for (;;) {
    if (options_.beat) options_.beat();
    const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), WaitMs());
    std::uint32_t on_socket = 0;
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd != wake_) {
        on_socket = event.events;
        continue;
      }
      std::uint64_t count = 0;
      while (::read(wake_, &count, sizeof count) < 0 && errno == EINTR) {
      }
    }
    {
      const std::lock_guard lock(mutex_);
      if (stop_) break;
    }
    TakeInbox();
    // Answers before deadlines: after a stall of this process the answer may already lie in the
    // socket.
    if (on_socket != 0 && connection_) OnSocket(on_socket);
    Expire();
    if (!connection_ && Now() >= next_connect_) Connect();
    if (connection_) WriteWaiting();
    Watch();
  }
  Close();
}

int Client::Loop::WaitMs() const {
  SteadyTime until = Now() + kMaxWait;
  if (!timers_.empty()) until = std::min(until, *timers_.begin());
  if (!connection_) {
    until = std::min(until, next_connect_);
  } else if (connection_->state() != Connection::State::kReady) {
    until = std::min(until, connection_->started() + options_.connect_timeout);
  }
  const auto left = std::chrono::ceil<Millis>(until - Now());
  return static_cast<int>(std::max<Millis::rep>(left.count(), 0));
}

void Client::Loop::TakeInbox() {
  std::vector<Posted> posts;
  {
    const std::lock_guard lock(mutex_);
    posts.swap(inbox_);
  }
  for (Posted& post : posts) {
    if (post.refused) {
      post.done(tl::unexpected(std::move(*post.refused)));
      continue;
    }
    const auto patience = std::min(post.deadline.at, Now() + options_.patience);
    Command command{std::move(post.args), post.deadline.at, patience, std::move(post.done), post.only_on, 0, {}};
    command.timer = timers_.insert(command.patience);
    waiting_.push_back(std::move(command));
  }
}

void Client::Loop::Connect() {
  connection_.emplace(options_, connects_++);
  ++attempts_;
  watched_ = 0;
  if (connection_->fd() < 0) Drop("REDIS_UNAVAILABLE");
}

void Client::Loop::OnSocket(std::uint32_t events) {
  if (connection_->state() == Connection::State::kConnecting) {
    if (Broken broken = connection_->OnWritable()) return Drop(*broken);
  }
  // Reading comes before writing: answers that arrived before a hang-up still count. An error or
  // hang-up is passed on as readable; the read then says what is wrong.
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) {
    const bool was_ready = connection_->state() == Connection::State::kReady;
    Broken broken = connection_->OnReadable([this](auto reply) { return OnReply(std::move(reply)); });
    if (broken) return Drop(*broken);
    if (!was_ready && connection_->state() == Connection::State::kReady) OnReady();
  }
  if ((events & EPOLLOUT) != 0) {
    if (Broken broken = connection_->OnWritable()) return Drop(*broken);
  }
}

void Client::Loop::OnReady() {
  attempts_ = 0;
  last_failure_ = "REDIS_UNAVAILABLE";
  {
    const std::lock_guard lock(mutex_);
    if (run_id_ != connection_->run_id()) server_.fetch_add(1, std::memory_order_acq_rel);
    run_id_ = connection_->run_id();
  }
  connected_.store(true, std::memory_order_release);
  if (options_.on_connected) options_.on_connected(connection_->run_id());
}

bool Client::Loop::OnReply(Result<Reply> reply) {
  if (sent_.empty() || sent_.front().end > connection_->flushed()) return false;
  Command command = std::move(sent_.front());
  sent_.pop_front();
  Finish(std::move(command), std::move(reply));
  return true;
}

void Client::Loop::Drop(const std::string& reason) {
  const bool was_ready = connection_->state() == Connection::State::kReady;
  const std::uint64_t flushed = connection_->flushed();
  connection_.reset();  // closes the socket, which also leaves epoll
  watched_ = 0;
  connected_.store(false, std::memory_order_release);

  const unsigned doublings = std::min(attempts_ == 0 ? 0U : attempts_ - 1, 7U);
  const auto most = std::min(kFirstBackoff * (1 << doublings), kMaxBackoff);
  std::uniform_int_distribution<Millis::rep> jitter(most.count() / 2, most.count());
  next_connect_ = Now() + Millis(jitter(random_));
  if (!was_ready) {
    last_failure_ = reason;
    return;  // nothing was written; what waits goes on waiting as long as it may
  }
  std::deque<Command> pending = std::exchange(sent_, {});
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(pending));
  waiting_.clear();
  FinishAll(std::move(pending), flushed, reason);
}

void Client::Loop::FinishAll(std::deque<Command> commands, std::uint64_t flushed, const std::string& reason) {
  for (Command& command : commands) {
    const bool written = command.end != 0 && command.end <= flushed;
    Finish(std::move(command),
           tl::unexpected(written ? MakeError(Code::kUnknownOutcome, reason, "sent to redis, no answer")
                                  : MakeError(Code::kUnavailable, reason, "redis lost, command not sent")));
  }
}

void Client::Loop::Expire() {
  const SteadyTime now = Now();
  if (connection_ && connection_->state() != Connection::State::kReady &&
      now >= connection_->started() + options_.connect_timeout) {
    Drop("REDIS_UNAVAILABLE");
  }
  if (timers_.empty() || *timers_.begin() > now) return;

  ExpireWaiting(now);
  const bool late = std::any_of(sent_.begin(), sent_.end(), [now](const Command& c) { return c.deadline <= now; });
  // Its answer may still come, and would be taken for the next command's: never use this connection
  // again.
  if (late) Drop("REDIS_TIMEOUT");
}

void Client::Loop::ExpireWaiting(SteadyTime now) {
  std::deque<Command> expired;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->patience > now) {
      ++it;
      continue;
    }
    expired.push_back(std::move(*it));
    it = waiting_.erase(it);
  }
  const bool ready = connection_ && connection_->state() == Connection::State::kReady;
  FinishAll(std::move(expired), 0, ready ? "REDIS_TIMEOUT" : last_failure_);
}

void Client::Loop::WriteWaiting() {
  if (connection_->state() != Connection::State::kReady) return;
  while (!waiting_.empty()) {
    while (!waiting_.empty() && connection_->unsent() < kMaxUnsent) {
      Command command = std::move(waiting_.front());
      waiting_.pop_front();
      if (command.only_on != 0 && command.only_on != server()) {
        Finish(std::move(command), tl::unexpected(MakeError(Code::kUnavailable, "REDIS_OTHER_SERVER",
                                                            "redis is another server than before; not sent")));
        continue;
      }
      command.end = connection_->Append(command.args);
      command.args = {};
      timers_.erase(command.timer);
      command.timer = timers_.insert(command.deadline);
      sent_.push_back(std::move(command));
    }
    if (Broken broken = connection_->OnWritable()) return Drop(*broken);
    if (connection_->unsent() > 0) return;  // the socket is full; epoll tells when it is not
  }
}

void Client::Loop::Watch() {
  if (!connection_) return;
  const std::uint32_t wanted = EPOLLIN | EPOLLRDHUP | (connection_->WantsWrite() ? EPOLLOUT : 0U);
  if (wanted == watched_) return;
  epoll_event event{};
  event.events = wanted;
  event.data.fd = connection_->fd();
  const int op = watched_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_, op, connection_->fd(), &event) != 0) return Drop("REDIS_UNAVAILABLE");
  watched_ = wanted;
}

void Client::Loop::Finish(Command command, Result<Reply> result) {
  timers_.erase(command.timer);
  {
    const std::lock_guard lock(mutex_);
    --pending_;
  }
  command.done(std::move(result));
}

void Client::Loop::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;  // from here on Post answers by itself
  }
  TakeInbox();
  const std::uint64_t flushed = connection_ ? connection_->flushed() : 0;
  connection_.reset();
  connected_.store(false, std::memory_order_release);
  std::deque<Command> pending = std::exchange(sent_, {});
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(pending));
  waiting_.clear();
  FinishAll(std::move(pending), flushed, "REDIS_CLOSED");
}

}  // namespace stafett::redis
