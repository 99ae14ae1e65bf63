// The loop thread of a Client: takes commands from any thread, writes them in order, gives answers
// in order, keeps deadlines, and reconnects. Everything but the inbox belongs to the loop thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/redis/client.h"
#include "lib/redis/connection.h"

namespace stafett::redis {

class Client::Loop {
 public:
  explicit Loop(Options options);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void Post(Args args, Deadline deadline, Callback done, std::uint64_t only_on);
  bool OnThisThread() const { return std::this_thread::get_id() == thread_.get_id(); }
  bool connected() const { return connected_.load(std::memory_order_acquire); }
  std::string RunId() const;
  std::uint64_t server() const { return server_.load(std::memory_order_acquire); }

 private:
  using Timers = std::multiset<SteadyTime>;
  struct Command {
    Args args;
    SteadyTime deadline;
    SteadyTime patience;  // to be sent by then
    Callback done;
    std::uint64_t only_on = 0;
    std::uint64_t end = 0;  // where it ends in the connection's output; 0 while waiting
    Timers::iterator timer;
  };
  struct Posted {
    Args args;
    Deadline deadline;
    Callback done;
    std::uint64_t only_on = 0;
    std::optional<Error> refused;
  };

  void Run();
  int WaitMs() const;
  void TakeInbox();
  void OnSocket(std::uint32_t events);
  bool OnReply(Result<Reply> reply);
  void Connect();
  void OnReady();
  void Drop(const std::string& reason);
  void Expire();
  void ExpireWaiting(SteadyTime now);
  void WriteWaiting();
  void Watch();
  void Wake();
  void Finish(Command command, Result<Reply> result);
  void FinishAll(std::deque<Command> commands, std::uint64_t flushed, const std::string& reason);
  void Close();

  const Options options_;
  int epoll_ = -1;
  int wake_ = -1;

  mutable std::mutex mutex_;
  std::vector<Posted> inbox_;  // guarded by mutex_
  bool stop_ = false;          // guarded by mutex_
  bool closed_ = false;        // guarded by mutex_; the loop takes no more
  std::string run_id_;         // guarded by mutex_
  std::size_t pending_ = 0;    // guarded by mutex_; accepted and not yet answered
  std::atomic<bool> connected_{false};
  std::atomic<std::uint64_t> server_{0};  // see Client::Server; written by the loop thread only

  std::optional<Connection> connection_;
  std::uint32_t watched_ = 0;
  std::deque<Command> waiting_;  // not yet in a connection's output
  std::deque<Command> sent_;     // in it, answers come in this order
  Timers timers_;
  unsigned attempts_ = 0;  // connects since the last handshake that went well
  unsigned connects_ = 0;
  SteadyTime next_connect_;
  std::string last_failure_ = "REDIS_UNAVAILABLE";
  std::minstd_rand random_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace stafett::redis
