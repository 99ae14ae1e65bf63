// A Redis that does what a test tells it: answers late, never, wrongly, in slices, or hangs up.
// One thread serves all connections; AUTH, CLIENT and INFO are answered by itself.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace stafett::redis::test {

inline std::string Bulk(const std::string& s) { return "$" + std::to_string(s.size()) + "\r\n" + s + "\r\n"; }

class RespServer {
 public:
  using Args = std::vector<std::string>;
  struct Conn {
    int id = 0;  // 1 for the first accepted connection, and so on
    int fd = -1;
    std::string in;
    bool close = false;
    bool slice = false;                 // send byte by byte
    std::vector<std::string> withheld;  // for tests
    void Send(const std::string& bytes) const {
      const std::size_t step = slice ? 1 : bytes.size();
      for (std::size_t i = 0; i < bytes.size(); i += step) {
        if (::send(fd, bytes.data() + i, step, MSG_NOSIGNAL) < 0) return;
        if (slice) std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    }
  };
  // Called for each user command, on the server's thread.
  using Handler = std::function<void(Conn&, const Args&)>;

  explicit RespServer(Handler handler, int port = 0) : handler_(std::move(handler)) {
    listen_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(listen_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::bind(listen_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || ::listen(listen_, 16) != 0) {
      throw std::runtime_error("bind");
    }
    socklen_t size = sizeof a;
    ::getsockname(listen_, reinterpret_cast<sockaddr*>(&a), &size);
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~RespServer() {
    stop_ = true;
    thread_.join();
    for (auto& [fd, conn] : conns_) ::close(fd);
    ::close(listen_);
  }
  RespServer(const RespServer&) = delete;
  RespServer& operator=(const RespServer&) = delete;

  int port() const { return port_; }
  int accepted() const { return accepted_; }
  void set_password(std::string p) {
    const std::lock_guard lock(mutex_);
    password_ = std::move(p);
  }
  void set_run_id(std::string r) {
    const std::lock_guard lock(mutex_);
    run_id_ = std::move(r);
  }
  std::vector<Args> handshake() const {
    const std::lock_guard lock(mutex_);
    return handshake_;
  }
  void slice_handshake() { slice_ = true; }
  void set_mute(bool mute) { mute_ = mute; }  // no answer to the handshake
  void HangUpAll() { hang_up_ = true; }

 private:
  void Run() {
    while (!stop_) {
      std::vector<pollfd> fds{{listen_, POLLIN, 0}};
      for (auto& [fd, conn] : conns_) fds.push_back({fd, POLLIN, 0});
      ::poll(fds.data(), fds.size(), 5);
      if (hang_up_.exchange(false)) {
        for (auto& [fd, conn] : conns_) ::close(fd);
        conns_.clear();
        continue;
      }
      for (const pollfd& p : fds) {
        if (p.revents == 0) continue;
        if (p.fd == listen_) {
          Accept();
        } else {
          Read(p.fd);
        }
      }
    }
  }
  void Accept() {
    const int fd = ::accept4(listen_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    Conn conn;
    conn.id = ++accepted_;
    conn.fd = fd;
    conn.slice = slice_;
    conns_.emplace(fd, std::move(conn));
  }
  void Read(int fd) {
    Conn& conn = conns_.at(fd);
    std::string buffer(65536, '\0');
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) {
      conn.close = true;
    } else {
      conn.in.append(buffer, 0, static_cast<std::size_t>(n));
      while (!conn.close) {
        const std::optional<Args> args = Take(conn.in);
        if (!args) break;
        Serve(conn, *args);
      }
    }
    if (conn.close) {
      ::close(fd);
      conns_.erase(fd);
    }
  }
  void Serve(Conn& conn, const Args& args) {
    const std::string& name = args.at(0);
    if (name != "AUTH" && name != "CLIENT" && name != "INFO") return handler_(conn, args);
    std::string reply = "+OK\r\n";
    {
      const std::lock_guard lock(mutex_);
      handshake_.push_back(args);
      if (name == "AUTH" && args.back() != password_) reply = "-WRONGPASS invalid\r\n";
      if (name == "INFO") reply = Bulk("# Server\r\nrun_id:" + run_id_ + "\r\ntcp_port:1\r\n");
    }
    if (!mute_) conn.Send(reply);
  }
  static std::optional<Args> Take(std::string& in) {
    std::size_t at = 0;
    const auto number = [&](char kind) -> std::optional<std::size_t> {
      const std::size_t end = in.find("\r\n", at);
      if (end == std::string::npos || in[at] != kind) return std::nullopt;
      const std::size_t value = std::stoul(in.substr(at + 1, end - at - 1));
      at = end + 2;
      return value;
    };
    if (in.empty()) return std::nullopt;
    const auto count = number('*');
    if (!count) return std::nullopt;
    Args args;
    for (std::size_t i = 0; i < *count; ++i) {
      const auto size = number('$');
      if (!size || in.size() < at + *size + 2) return std::nullopt;
      args.push_back(in.substr(at, *size));
      at += *size + 2;
    }
    in.erase(0, at);
    return args;
  }

  Handler handler_;
  int listen_ = -1;
  int port_ = 0;
  std::map<int, Conn> conns_;
  std::atomic<int> accepted_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> hang_up_{false};
  std::atomic<bool> slice_{false};
  std::atomic<bool> mute_{false};
  mutable std::mutex mutex_;
  std::string password_;          // guarded by mutex_
  std::string run_id_ = "run-1";  // guarded by mutex_
  std::vector<Args> handshake_;   // guarded by mutex_
  std::thread thread_;
};

}  // namespace stafett::redis::test
