// Hands mails over to one mail server: SMTP with STARTTLS, the server's certificate verified.
//
// A mail counts as sent when the server has said yes to all of it. A connection that breaks between the last byte and
// that yes leaves it open: it is told as failed, and a second try carries the same Message-ID.
#pragma once

#include <memory>
#include <string>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/smtp/message.h"

namespace stafett::smtp {

struct Server {
  std::string host;
  int port = 0;
  bool starttls = true;  // false: in clear; for development only, whoever configures it sees to that
  std::string ca_file;   // certificates of those who may vouch for the server; empty: the system's
  std::string user;      // empty: no login
  std::string password;
  std::string hello;       // what we call ourselves; not the machine's name
  Millis timeout{15'000};  // for all of one mail
};

enum class Outcome {
  kSent,
  kNoAnswer,  // nobody there, or too slow, or gone in the middle
  kNoTrust,   // no TLS, or a certificate that does not prove who it is
  kNoLogin,   // our login is not taken, or one is wanted
  kLater,     // 4xx
  kNever,     // 5xx
};

// One thread. Keeps its connection for the next mail, unless something was wrong with it.
class Client {
 public:
  explicit Client(Server server);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The Error is for a mail that is none (BAD_MAIL); everything that a network can do is an Outcome.
  Result<Outcome> Send(const Mail& mail);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stafett::smtp
