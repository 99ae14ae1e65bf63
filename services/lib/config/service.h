// The configuration that every Stafett service has, as one struct, and the command line around it.
//
//   int main(int argc, char** argv) {
//     return config::RunCommandLine(argc, argv, "cases", [](const config::Service& service) {
//       ...; return 0;
//     });
//   }
//
// Production refuses what only development may have: file: or http: key sources and token
// endpoints, a Redis or Kafka without user, secret files that others may read, a test clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/config/reader.h"
#include "lib/config/secret.h"

namespace stafett::config {

enum class Mode { kDevelopment, kProduction };

struct Redis {
  std::string host;
  int port = 0;
  std::string user;  // empty only in development
  Secret password;
};

struct Kafka {
  std::string bootstrap;
  std::string user;  // empty only in development
  Secret password;
  std::string mechanism;  // SASL: SCRAM-SHA-256 or PLAIN
  std::string log_topic;
  std::string ledger_topic;
  std::string identity_topic;
  std::string keys_topic;
  std::string recipient_prefix;
};

struct Tokens {
  std::string issuer;
  std::string jwks_url;  // https:; in development also http: and file:PATH
  std::string audience;
};

// How this service gets a token of its own for calling its peers.
struct ServiceToken {
  std::string url;
  std::string client_id;
  Secret client_secret;
};

// Paths, not contents: lib/seal reads them and checks who else may.
struct KeyFiles {
  std::optional<std::string> kek;
  std::optional<std::string> identity;
  std::optional<std::string> alias;
};

struct Limits {
  int executor_threads = 64;
  int executor_queue = 1024;
  int max_message_bytes = 262144;
  std::int64_t outbox_limit = 100000;
  Millis check_stores_every{30'000};  // are the settings of Redis and Kafka still safe (lib/gate/barrier.h)
};

struct Service {
  std::string service;
  std::string instance;  // this copy, unlike any other; the host name if absent
  Mode mode = Mode::kDevelopment;
  std::string listen;        // gRPC, "host:port"
  std::string admin_listen;  // metrics and health
  int partitions = 0;
  Redis redis;
  Kafka kafka;
  Tokens tokens;
  std::optional<ServiceToken> service_token;
  std::map<std::string, std::string> peers;  // service → "host:port" or "ipv4:a:1,b:2"
  KeyFiles keys;
  std::string controllers;  // directory
  std::string policy;       // file
  Limits limits;
  Millis test_clock_ahead{0};  // development only: the service's time runs this much ahead
};

// Reads a service's own additional keys from the root, e.g. `root.OptionalChild("disclosure")`.
using Extra = std::function<void(Section& root)>;

// What kind of process reads it.
struct Process {
  bool serves =
      true;  // no: nobody calls it, and listen, tokens, peers, keys, controllers, policy and limits are unknown
  struct Flag {
    std::string name, help;  // "--verify"
    bool* given;
  };
  std::vector<Flag> flags = {};  // of its command line, besides those below
  struct File {
    std::string name, help;  // "--simulate"
    std::string* path;       // stays empty if it is not given
  };
  std::vector<File> files = {};
};

struct Loaded {
  Service service;
  std::string effective;  // YAML, secrets masked
};
// `expected_service` must equal the key `service`: a config given to the wrong binary is refused.
Result<Loaded> LoadService(const std::string& path, const std::string& expected_service, const Extra& extra = {},
                           bool serves = true);

// --config FILE (required), --check-config, --version, --help. Returns the process' exit code:
// main_fn's; 0 after --check-config, --version, --help; 2 for a wrong command line or
// configuration, with the reason on stderr; 1 if main_fn throws.
int RunCommandLine(int argc, char** argv, const std::string& expected_service,
                   const std::function<int(const Service&)>& main_fn, const Extra& extra = {},
                   const Process& process = {});

}  // namespace stafett::config
