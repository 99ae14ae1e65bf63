// The client against a server that says what the test wants. TLS that holds is tested with a real server
// (tests/e2e/test_notifications.py); here, that nothing goes out without it.
#include "lib/smtp/client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace stafett::smtp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// One connection at a time; `answers`: command -> its answer instead of a yes; "" hangs up, "-" never answers.
using Answers = std::map<std::string, std::string>;

class FakeServer {
 public:
  explicit FakeServer(std::map<std::string, std::string> answers) : answers_(std::move(answers)) {
    listen_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (::bind(listen_, reinterpret_cast<sockaddr*>(&a), size) != 0 || ::listen(listen_, 4) != 0) {
      throw std::runtime_error("bind");
    }
    ::getsockname(listen_, reinterpret_cast<sockaddr*>(&a), &size);
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~FakeServer() {
    stop_ = true;
    thread_.join();
    ::close(listen_);
  }
  int port() const { return port_; }
  std::string Heard() const {
    std::lock_guard lock(mutex_);
    return heard_;
  }
  int connections() const { return connections_; }

 private:
  static bool Wait(int fd) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, 20) > 0;
  }
  void Run() {
    while (!stop_) {
      if (!Wait(listen_)) continue;
      const int fd = ::accept4(listen_, nullptr, nullptr, SOCK_CLOEXEC);
      ++connections_;
      if (Say(fd, "greeting", "220 fake ready")) Serve(fd);
      ::close(fd);
    }
  }
  bool Say(int fd, const std::string& to, const std::string& yes) {
    auto it = answers_.find(to);
    const auto& text = it == answers_.end() ? yes : it->second;
    if (text.empty()) return false;
    if (text == "-") return true;
    const auto line = text + "\r\n";
    return ::send(fd, line.data(), line.size(), MSG_NOSIGNAL) > 0;
  }
  void Serve(int fd) {
    std::string in;
    bool data = false;
    while (!stop_) {
      if (!Wait(fd)) continue;
      char buffer[4096];
      const auto n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      in.append(buffer, static_cast<std::size_t>(n));
      std::lock_guard lock(mutex_);
      for (auto end = in.find("\r\n"); end != std::string::npos; end = in.find("\r\n")) {
        const auto line = in.substr(0, end);
        in.erase(0, end + 2);
        heard_ += line + "\n";
        if (data && line != ".") continue;
        const auto command = data ? "." : line.substr(0, line.find_first_of(" :"));
        const bool answered = command == "EHLO"   ? Say(fd, command, "250 fake")
                              : command == "DATA" ? Say(fd, command, "354 go on")
                                                  : Say(fd, command, "250 yes");
        if (!answered) return;
        data = command == "DATA" && !answers_.contains("DATA");
      }
    }
  }

  std::map<std::string, std::string> answers_;
  int listen_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::string heard_;
  std::atomic<int> connections_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

Mail AMail() {
  return {"from@x.example.no", "to@x.example.no", "m-1@x.example.no", "nb", "Hei", ".\nHei\n.\n", Time{1'000}};
}
Server InClear(int port) {
  Server server;
  server.host = "127.0.0.1";
  server.port = port;
  server.starttls = false;
  server.hello = "x.example.no";
  server.timeout = Millis(5'000);
  return server;
}
Outcome SendTo(const FakeServer& fake, Server server) {
  (void)fake;
  return *Client(std::move(server)).Send(AMail());
}

TEST(Client, Hands_a_mail_over_and_uses_its_connection_again) {
  FakeServer fake{Answers{}};
  Client client(InClear(fake.port()));
  EXPECT_EQ(*client.Send(AMail()), Outcome::kSent);
  EXPECT_EQ(*client.Send(AMail()), Outcome::kSent);
  EXPECT_EQ(fake.connections(), 1);
  EXPECT_THAT(fake.Heard(), HasSubstr("EHLO x.example.no\n"));
  EXPECT_THAT(fake.Heard(), HasSubstr("MAIL FROM:<from@x.example.no>"));
  EXPECT_THAT(fake.Heard(), HasSubstr("RCPT TO:<to@x.example.no>"));
  EXPECT_THAT(fake.Heard(), HasSubstr("\n..\nHei\n..\n.\n"));  // a line of one dot does not end it
}

struct Case {
  std::map<std::string, std::string> answers;
  Outcome outcome;
};

TEST(Client, What_the_server_says_of_the_mail_is_later_or_never) {
  for (const auto& [answers, outcome] : std::vector<Case>{
           {{{"MAIL", "451 later"}}, Outcome::kLater},
           {{{"MAIL", "550 never"}}, Outcome::kNever},
           {{{"RCPT", "450 later"}}, Outcome::kLater},
           {{{"RCPT", "550 no such user"}}, Outcome::kNever},
           {{{"DATA", "451 later"}}, Outcome::kLater},
           {{{"DATA", "554 never"}}, Outcome::kNever},
           {{{".", "452 full"}}, Outcome::kLater},
           {{{".", "550 never"}}, Outcome::kNever},
           {{{"MAIL", "530 log in first"}}, Outcome::kNoLogin},
       }) {
    SCOPED_TRACE(answers.begin()->first + " " + answers.begin()->second);
    FakeServer fake{answers};
    EXPECT_EQ(SendTo(fake, InClear(fake.port())), outcome);
  }
}

TEST(Client, What_the_server_says_of_itself_is_no_word_about_the_mail) {
  for (const auto& answers : std::vector<std::map<std::string, std::string>>{{{"greeting", "554 no service"}},
                                                                             {{"greeting", "421 busy"}},
                                                                             {{"greeting", ""}},
                                                                             {{"MAIL", ""}},
                                                                             {{".", ""}}}) {
    SCOPED_TRACE(answers.begin()->first + " " + answers.begin()->second);
    FakeServer fake{answers};
    EXPECT_EQ(SendTo(fake, InClear(fake.port())), Outcome::kNoAnswer);
  }
}

TEST(Client, Waits_no_longer_than_it_may) {
  for (const char* silent : {"greeting", "MAIL", "."}) {
    FakeServer fake{Answers{{silent, "-"}}};
    auto server = InClear(fake.port());
    server.timeout = Millis(200);
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(SendTo(fake, server), Outcome::kNoAnswer) << silent;
    EXPECT_LT(std::chrono::steady_clock::now() - before, Millis(4'000)) << silent;
  }
}

TEST(Client, Nobody_there_is_an_outcome) {
  int port = 0;
  {
    FakeServer fake{Answers{{"greeting", ""}}};
    port = fake.port();
  }
  EXPECT_EQ(*Client(InClear(port)).Send(AMail()), Outcome::kNoAnswer);
}

TEST(Client, Without_tls_nothing_of_the_mail_goes_out) {
  FakeServer fake{Answers{}};
  auto server = InClear(fake.port());
  server.starttls = true;
  EXPECT_EQ(SendTo(fake, server), Outcome::kNoTrust);
  EXPECT_THAT(fake.Heard(), Not(HasSubstr("MAIL")));
}

TEST(Client, A_server_that_offers_tls_and_then_speaks_clear_gets_nothing) {
  FakeServer fake{Answers{{"EHLO", "250-fake\r\n250 STARTTLS"}, {"STARTTLS", "220 go on, in clear"}}};
  auto server = InClear(fake.port());
  server.starttls = true;
  server.timeout = Millis(500);
  EXPECT_NE(SendTo(fake, server), Outcome::kSent);
  EXPECT_THAT(fake.Heard(), Not(HasSubstr("MAIL")));
}

TEST(Client, A_login_that_is_not_taken_is_told_apart) {
  FakeServer fake{Answers{{"EHLO", "250-fake\r\n250 AUTH PLAIN"}, {"AUTH", "535 no"}}};
  auto server = InClear(fake.port());
  server.user = "stafett";
  server.password = "not-the-one";
  EXPECT_EQ(SendTo(fake, server), Outcome::kNoLogin);
}

TEST(Client, What_is_no_mail_is_an_error_and_reaches_nobody) {
  FakeServer fake{Answers{}};
  auto mail = AMail();
  mail.to = "a@x.example.no\r\nBcc: b@x.example.no";
  auto sent = Client(InClear(fake.port())).Send(mail);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason, "BAD_MAIL");
  EXPECT_EQ(fake.connections(), 0);
}

}  // namespace
}  // namespace stafett::smtp
