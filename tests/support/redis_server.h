// A private redis-server for one test: every write on disk before it answers, own directory, free
// port. Not for use from two threads at once.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace stafett::test {

class RedisServer {
 public:
  // `extra` goes to redis-server's command line, e.g. {"--maxmemory", "3mb"}.
  explicit RedisServer(std::vector<std::string> extra = {}) : extra_(std::move(extra)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "stafett-redis-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    dir_ = pattern;
    Start();
  }
  ~RedisServer() {
    Kill9();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  int port() const { return port_; }
  const std::string& dir() const { return dir_; }

  void Kill9() { Signal(SIGKILL, true); }
  void Stop() { Signal(SIGTERM, true); }    // orderly
  void Pause() { Signal(SIGSTOP, false); }  // alive, silent
  void Resume() { Signal(SIGCONT, false); }
  // Orderly stop and start on the same port, with the same data.
  void Restart() {
    Stop();
    Start();
  }
  // Another, empty Redis on the same port: as after the loss of the disk.
  void Wipe() {
    Kill9();
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    Start();
  }
  // Starts what was stopped or killed. The first time it looks for a free port; later it keeps it.
  void Start() {
    const bool keep = port_ != 0;
    for (int attempt = 0; attempt < 50; ++attempt) {
      if (!keep) port_ = FreePort();
      Spawn();
      if (WaitUntilReady()) return;
      Kill9();
    }
    throw std::runtime_error("redis-server does not start; see " + dir_ + "/log");
  }

 private:
  static sockaddr_in Local(int port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(static_cast<std::uint16_t>(port));
    return a;
  }

  static int FreePort() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a = Local(0);
    socklen_t size = sizeof a;
    const bool ok = ::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 &&
                    ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) == 0;
    ::close(fd);
    if (!ok) throw std::runtime_error("no free port");
    return ntohs(a.sin_port);
  }

  void Spawn() {
    std::vector<std::string> args = {"redis-server",
                                     "--port",
                                     std::to_string(port_),
                                     "--bind",
                                     "127.0.0.1",
                                     "--dir",
                                     dir_,
                                     "--logfile",
                                     dir_ + "/log",
                                     "--save",
                                     "",
                                     "--appendonly",
                                     "yes",
                                     "--appendfsync",
                                     "always",
                                     "--no-appendfsync-on-rewrite",
                                     "no",
                                     "--maxmemory-policy",
                                     "noeviction"};
    args.insert(args.end(), extra_.begin(), extra_.end());
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);

    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    Guard();
  }

  // A process that kills Redis when the test is gone without having done so (crash, ctest's
  // time-out). Parent death signals would not do: they follow the starting thread, not the process.
  void Guard() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    guard_ = ::fork();
    if (guard_ < 0) throw std::runtime_error("fork");
    if (guard_ == 0) {
      ::dup2(fds[0], 0);
      ::close_range(3, ~0U, 0);
      char byte = 0;
      if (::read(0, &byte, 1) == 0) ::kill(pid_, SIGKILL);
      ::_exit(0);
    }
    ::close(fds[0]);
    guard_pipe_ = fds[1];
  }

  void Signal(int signal, bool ends) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    if (!ends) return;
    ::kill(pid_, SIGCONT);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    if (::write(guard_pipe_, "q", 1) != 1) ::kill(guard_, SIGKILL);
    ::close(guard_pipe_);
    ::waitpid(guard_, &status, 0);
  }

  bool WaitUntilReady() {
    for (int i = 0; i < 2000; ++i) {
      // Ended: most likely another process took the port. (WNOWAIT: Kill9 reaps it.)
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return false;
      }
      const std::string answer = Ping();
      if (answer.rfind("+PONG", 0) == 0 || answer.rfind("-NOAUTH", 0) == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  std::string Ping() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in a = Local(port_);
    std::string answer(64, '\0');
    ssize_t n = 0;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0 &&
        ::send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6) {
      n = ::recv(fd, answer.data(), answer.size(), 0);
    }
    ::close(fd);
    answer.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return answer;
  }

  std::vector<std::string> extra_;
  std::string dir_;
  int port_ = 0;
  pid_t pid_ = -1;
  pid_t guard_ = -1;
  int guard_pipe_ = -1;
};

}  // namespace stafett::test
