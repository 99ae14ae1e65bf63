// One TCP connection to Redis, from connect through the handshake to its end. Used by the loop
// thread only. It never heals: whatever goes wrong, the owner destroys it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "lib/redis/client.h"
#include "lib/redis/resp.h"

namespace stafett::redis {

// Why a connection is no good any more; an Error reason.
using Broken = std::optional<std::string>;

class Connection {
 public:
  enum class State { kConnecting, kHandshake, kReady };

  // Starts a non-blocking connect. `attempt` picks among the host's addresses in turn.
  Connection(const Options& options, unsigned attempt);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }  // -1: the connect failed at once
  State state() const { return state_; }
  const std::string& run_id() const { return run_id_; }
  SteadyTime started() const { return started_; }

  // Puts a command in the output buffer; returns the position in the stream where it ends.
  std::uint64_t Append(const Args& args);
  // A command whose end is not above this has been handed over completely. Redis does not run half
  // a command.
  std::uint64_t flushed() const { return flushed_; }
  std::size_t unsent() const { return out_.size() - out_begin_; }
  bool WantsWrite() const { return state_ == State::kConnecting || unsent() > 0; }

  Broken OnWritable();  // finishes the connect, then writes what there is
  // Reads and hands over each reply of a user command. Returns after a bounded amount so that
  // deadlines get a turn.
  Broken OnReadable(const std::function<bool(Result<Reply>)>& on_reply);

 private:
  enum class Step { kAuth, kName, kInfo };

  Broken FinishConnect();
  void SendHandshake();
  Broken OnHandshakeReply(Result<Reply> reply);
  Broken HandOut(const std::function<bool(Result<Reply>)>& on_reply);

  const Options& options_;
  SteadyTime started_;
  int fd_ = -1;
  State state_ = State::kConnecting;
  std::deque<Step> steps_;
  std::string run_id_;
  std::string out_;
  std::size_t out_begin_ = 0;
  std::uint64_t appended_ = 0;
  std::uint64_t flushed_ = 0;
  Parser parser_;
};

}  // namespace stafett::redis
