// A pipelined Redis client: one connection, one loop thread, own deadlines.
//
// Threading: Call/CallAsync may be used from any thread. Completions run on the loop thread and
// must not block. The rules that keep one child's answer from reaching another (hiredis answers in
// order and knows no request ids):
//   * any timeout, error or protocol surprise destroys the connection; every pending command then
//   ends as
//     kUnknownOutcome (it was sent) or kUnavailable (it was not);
//   * commands are argv only, never formatted strings.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/heartbeat.h"
#include "lib/base/time.h"

namespace stafett::redis {

// A reply by value. Arrays nest. Nil is a value, not an error; a RESP error reply is an Error
// (kInternal, reason REDIS_ERROR, message = Redis' own first word, e.g. "NOSCRIPT", never the rest:
// it may echo data).
struct Reply {
  enum class Type { kNil, kInteger, kString, kArray };
  Type type = Type::kNil;
  std::int64_t integer = 0;
  std::string string;  // bulk or status
  std::vector<Reply> array;
  bool IsNil() const { return type == Type::kNil; }
};

// The words of a command, kept as they go over the wire (RESP: lengths and bytes only, so no word can be read as
// protocol), in one block: a command of thousands of words is handed on without one allocation for each.
class Args {
 public:
  Args() = default;
  Args(std::initializer_list<std::string_view> words) {
    for (auto word : words) Add(word);
  }
  Args& Add(std::string_view word);
  Args& Add(std::int64_t number);
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void AppendTo(std::string& out) const;  // the whole command

 private:
  std::size_t size_ = 0;
  std::string bytes_;
};
using Callback = std::function<void(Result<Reply>)>;

struct Options {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string user;  // empty: no AUTH
  std::string password;
  std::string client_name;
  Millis connect_timeout{2000};
  // How long a command waits to be sent at most, whatever its deadline: with Redis away a caller is told so while it
  // still listens, and a restart of Redis is not noticed by callers.
  Millis patience{2000};
  std::size_t max_pending = 10'000;  // beyond: kResourceExhausted at once, nothing sent
  // Runs on the loop thread after AUTH on every new connection, before user commands are let
  // through. Receives the reply of INFO server (run_id) so that the owner can notice another Redis;
  // must not block.
  std::function<void(const std::string& run_id)> on_connected;
  Beat beat;  // of the loop thread
};

class Client {
 public:
  explicit Client(Options options);
  ~Client();  // fails what is pending, joins the loop thread
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends one command; blocks until reply or deadline. A passed deadline destroys the connection:
  // kUnknownOutcome if the command had been written. kUnavailable if it could not be sent in time (Options::patience).
  // `only_on`, if not 0: only over a connection to that server (Server()). Another one by the time it would be written:
  // kUnavailable/REDIS_OTHER_SERVER, and it was not sent. So what was decided on one server's data never reaches
  // another.
  Result<Reply> Call(Args args, Deadline deadline, std::uint64_t only_on = 0);
  void CallAsync(Args args, Deadline deadline, Callback done, std::uint64_t only_on = 0);

  bool Connected() const;
  std::string RunId() const;  // of the server last connected to, empty before
  // How many different servers this client has met: grows by one whenever a connect finds another run id than the
  // connect before, before any command is let through. 0 before the first.
  std::uint64_t Server() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

// A Lua script, called by hash and loaded when the server does not know it (NOSCRIPT: the script
// did not run).
class Script {
 public:
  explicit Script(std::string text);
  const std::string& text() const { return text_; }
  const std::string& sha1() const { return sha1_; }
  // A command that runs it, with its keys; its arguments are still to be added.
  Args Begin(std::initializer_list<std::string_view> keys = {}) const;
  // `command`: of Begin. Loads the script if the server does not know it.
  Result<Reply> Run(Client& client, const Args& command, Deadline deadline, std::uint64_t only_on = 0) const;

 private:
  std::string text_;
  std::string sha1_;
};

}  // namespace stafett::redis
