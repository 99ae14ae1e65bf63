#include "lib/redis/connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace stafett::redis {
namespace {

constexpr std::size_t kReadChunk = 64U << 10U;
constexpr int kChunksPerTurn = 16;
constexpr std::size_t kCompactAbove = 256U << 10U;

void SetOption(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); }

int StartConnect(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // An idle connection whose peer has vanished is found out before the next command needs it.
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0 || errno == EINPROGRESS) return fd;
  ::close(fd);
  return -1;
}

// WARNING: a host name (not an address) is resolved on the loop thread, while disconnected; a slow
// name server delays the deadlines of waiting commands. Give an address, or a name that /etc/hosts
// knows.
int ConnectTo(const Options& options, unsigned attempt) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found) != 0) {
    return -1;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  std::vector<const addrinfo*> addresses;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) addresses.push_back(a);
  return StartConnect(*addresses[attempt % addresses.size()]);
}

std::string RunIdIn(std::string_view info) {
  constexpr std::string_view kKey = "run_id:";
  std::size_t at = info.find(kKey);
  if (at == std::string_view::npos) return {};
  at += kKey.size();
  return std::string(info.substr(at, info.find_first_of("\r\n", at) - at));
}

}  // namespace

Connection::Connection(const Options& options, unsigned attempt)
    : options_(options), started_(std::chrono::steady_clock::now()), fd_(ConnectTo(options, attempt)) {}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t Connection::Append(const Args& args) {
  const std::size_t before = out_.size();
  args.AppendTo(out_);
  appended_ += out_.size() - before;
  return appended_;
}

Broken Connection::OnWritable() {
  if (state_ == State::kConnecting) {
    if (Broken broken = FinishConnect()) return broken;
  }
  while (unsent() > 0) {
    const ssize_t n = ::send(fd_, out_.data() + out_begin_, unsent(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == EINTR) continue;
      return "REDIS_CONNECTION_LOST";
    }
    out_begin_ += static_cast<std::size_t>(n);
    flushed_ += static_cast<std::uint64_t>(n);
  }
  if (unsent() == 0 || out_begin_ > kCompactAbove) {
    out_.erase(0, out_begin_);
    out_begin_ = 0;
  }
  return {};
}

Broken Connection::FinishConnect() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    return "REDIS_UNAVAILABLE";
  }
  state_ = State::kHandshake;
  SendHandshake();
  return {};
}

void Connection::SendHandshake() {
  if (!options_.user.empty()) {
    Append({"AUTH", options_.user, options_.password});
    steps_.push_back(Step::kAuth);
  }
  if (!options_.client_name.empty()) {
    Append({"CLIENT", "SETNAME", options_.client_name});
    steps_.push_back(Step::kName);
  }
  Append({"INFO", "server"});
  steps_.push_back(Step::kInfo);
}

Broken Connection::OnHandshakeReply(Result<Reply> reply) {
  const Step step = steps_.front();
  steps_.pop_front();
  switch (step) {
    case Step::kAuth:
      if (!reply) return "REDIS_AUTH";
      return {};
    case Step::kName: return {};  // the name is for operators only
    case Step::kInfo:
      // Without a run id the owner can not notice another Redis, so nothing is let through.
      if (!reply) return reply.error().reason == "REDIS_AUTH" ? "REDIS_AUTH" : "REDIS_HANDSHAKE";
      run_id_ = RunIdIn(reply->string);
      if (run_id_.empty()) return "REDIS_HANDSHAKE";
      state_ = State::kReady;
      return {};
  }
  return "REDIS_HANDSHAKE";
}

Broken Connection::OnReadable(const std::function<bool(Result<Reply>)>& on_reply) {
  std::array<char, kReadChunk> chunk;
  for (int i = 0; i < kChunksPerTurn; ++i) {
    const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (n < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
      if (errno == EINTR) continue;
      return "REDIS_CONNECTION_LOST";
    }
    if (n == 0) return "REDIS_CONNECTION_LOST";
    if (!parser_.Feed(chunk.data(), static_cast<std::size_t>(n))) return "REDIS_PROTOCOL";
    if (Broken broken = HandOut(on_reply)) return broken;
    if (static_cast<std::size_t>(n) < chunk.size()) return {};
  }
  return {};
}

Broken Connection::HandOut(const std::function<bool(Result<Reply>)>& on_reply) {
  std::optional<Result<Reply>> reply;
  for (;;) {
    if (!parser_.Next(reply)) return "REDIS_PROTOCOL";
    if (!reply) return {};
    if (state_ == State::kHandshake) {
      if (Broken broken = OnHandshakeReply(std::move(*reply))) return broken;
    } else if (!on_reply(std::move(*reply))) {
      return "REDIS_PROTOCOL";  // an answer nobody asked for
    }
  }
}

}  // namespace stafett::redis
