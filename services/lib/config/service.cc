#include "lib/config/service.h"

#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

namespace stafett::config {
namespace {

constexpr std::int64_t kMaxPartitions = 1024;  // a typing mistake, not a real number, lies beyond

// All copies of a service share one configuration file; a pod's host name is its own.
std::string HostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// Reads user and password_file together: one without the other is a mistake.
template <class Login>
void ReadLogin(Section section, Mode mode, Login& login) {
  login.user = section.String("user", "");
  login.password = section.OptionalSecretFile("password_file").value_or(Secret());
  if (login.user.empty() && mode == Mode::kProduction && section.present()) {
    section.Refuse("user", "is required in production");
  }
  if (login.user.empty() == section.Has("password_file") && section.present()) {
    section.Refuse("password_file", "and user stand together or not at all");
  }
}

bool IsWebAddress(const std::string& url, std::string_view scheme) {
  return url.starts_with(scheme) && url.size() > scheme.size();
}

void CheckUrl(Section section, std::string_view key, const std::string& url, Mode mode, bool file_allowed) {
  if (url.empty()) return;  // already refused
  if (IsWebAddress(url, "https://")) return;
  if (mode == Mode::kProduction) return section.Refuse(key, "must begin with https:// in production");
  if (IsWebAddress(url, "http://")) return;
  if (file_allowed && IsWebAddress(url, "file:")) return;
  section.Refuse(key,
                 file_allowed ? "must begin with https://, http:// or file:" : "must begin with https:// or http://");
}

Redis ReadRedis(Section section, Mode mode) {
  Redis redis;
  redis.host = section.String("host");
  redis.port = static_cast<int>(section.Integer("port", 1, 65535));
  ReadLogin(section, mode, redis);
  return redis;
}

Kafka ReadKafka(Section section, Mode mode) {
  Kafka kafka;
  kafka.bootstrap = section.String("bootstrap");
  ReadLogin(section, mode, kafka);
  kafka.mechanism = section.String("mechanism", "SCRAM-SHA-256");
  if (kafka.mechanism != "SCRAM-SHA-256" && kafka.mechanism != "PLAIN") {
    section.Refuse("mechanism", "must be SCRAM-SHA-256 or PLAIN");
  }
  kafka.log_topic = section.String("log_topic", "stafett.log");
  kafka.ledger_topic = section.String("ledger_topic", "stafett.ledger");
  kafka.identity_topic = section.String("identity_topic", "stafett.identity");
  kafka.keys_topic = section.String("keys_topic", "stafett.keys");
  kafka.recipient_prefix = section.String("recipient_prefix", "stafett.to.");
  return kafka;
}

Tokens ReadTokens(Section section, Mode mode) {
  Tokens tokens;
  tokens.issuer = section.String("issuer");
  tokens.jwks_url = section.String("jwks_url");
  CheckUrl(section, "jwks_url", tokens.jwks_url, mode, true);
  tokens.audience = section.String("audience");
  return tokens;
}

ServiceToken ReadServiceToken(Section section, Mode mode) {
  ServiceToken token;
  token.url = section.String("url");
  CheckUrl(section, "url", token.url, mode, false);
  token.client_id = section.String("client_id");
  token.client_secret = section.SecretFile("client_secret_file");
  return token;
}

KeyFiles ReadKeys(Section section) {
  KeyFiles keys;
  keys.kek = section.OptionalFile("kek_file");
  keys.identity = section.OptionalFile("identity_key_file");
  keys.alias = section.OptionalFile("alias_key_file");
  return keys;
}

Limits ReadLimits(Section section) {
  Limits limits;
  limits.executor_threads = static_cast<int>(section.Integer("executor_threads", 1, 256, limits.executor_threads));
  limits.executor_queue = static_cast<int>(section.Integer("executor_queue", 1, 100'000, limits.executor_queue));
  // The upper end is gRPC's own habit (4 MiB): larger messages belong somewhere else.
  limits.max_message_bytes =
      static_cast<int>(section.Integer("max_message_bytes", 1024, 4'194'304, limits.max_message_bytes));
  limits.outbox_limit = section.Integer("outbox_limit", 1, 10'000'000, limits.outbox_limit);
  // Longer, and an unsafe setting would go unseen; shorter, and Kafka would be asked for nothing.
  limits.check_stores_every =
      Millis(section.Integer("check_stores_every_ms", 500, 300'000, limits.check_stores_every.count()));
  return limits;
}

bool IsHostAndPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || text.size() - colon > 6) return false;
  if (text.find_first_of(" \t,/") != std::string_view::npos) return false;
  int port = 0;
  for (const char c : text.substr(colon + 1)) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + (c - '0');
  }
  return port >= 1 && port <= 65535;
}

// One address, or several copies in gRPC's own notation: "ipv4:127.0.0.1:7001,127.0.0.1:7002".
std::string ReadTarget(Section section, const std::string& key) {
  constexpr std::string_view kSeveral = "ipv4:";
  std::string target = section.String(key);
  std::string_view rest = target;
  const bool several = rest.starts_with(kSeveral);
  if (several) rest.remove_prefix(kSeveral.size());
  while (!target.empty()) {  // empty: already refused
    const std::size_t comma = several ? rest.find(',') : std::string_view::npos;
    if (!IsHostAndPort(rest.substr(0, comma))) {
      section.Refuse(key, "must be host:port, or several as ipv4:address:port,address:port");
      return "";
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return target;
}

// What only processes have that are called.
void ReadServing(Section root, Service& s) {
  s.listen = root.Address("listen", Section::Port::kZeroAllowed);
  s.tokens = ReadTokens(root.Child("tokens"), s.mode);
  if (auto section = root.OptionalChild("service_token")) {
    s.service_token = ReadServiceToken(*section, s.mode);
  }
  if (auto peers = root.OptionalChild("peers")) {
    for (const std::string& peer : peers->Keys()) s.peers[peer] = ReadTarget(*peers, peer);
  }
  if (auto keys = root.OptionalChild("keys")) s.keys = ReadKeys(*keys);
  s.controllers = root.Directory("controllers");
  s.policy = root.File("policy");
  s.limits = ReadLimits(root.ChildOrDefaults("limits"));
}

Service ReadService(Section root, const std::string& expected_service, bool serves) {
  Service s;
  s.service = root.OneOf("service", {expected_service});
  s.instance = root.String("instance", HostName());
  if (s.instance.empty()) root.Refuse("instance", "must not be empty: copies of one name share their leases");
  s.mode = root.OneOf("mode", {"development", "production"}) == "development" ? Mode::kDevelopment : Mode::kProduction;
  s.admin_listen = root.Address("admin_listen", Section::Port::kZeroAllowed);
  s.partitions = static_cast<int>(root.Integer("partitions", 1, kMaxPartitions));
  s.redis = ReadRedis(root.Child("redis"), s.mode);
  s.kafka = ReadKafka(root.Child("kafka"), s.mode);
  if (serves) ReadServing(root, s);
  // A year: dates lie no further ahead.
  s.test_clock_ahead = Millis(1000 * root.Integer("test_clock_ahead_seconds", 0, 366 * 24 * 3600, 0));
  if (s.mode == Mode::kProduction && root.Has("test_clock_ahead_seconds")) {
    root.Refuse("test_clock_ahead_seconds", "is for tests; production knows one time only");
  }
  return s;
}

}  // namespace

Result<Loaded> LoadService(const std::string& path, const std::string& expected_service, const Extra& extra,
                           bool serves) {
  STAFETT_TRY(Document document, Document::Load(path));
  Section root = document.root();
  Loaded loaded;
  loaded.service = ReadService(root, expected_service, serves);
  if (extra) extra(root);
  if (loaded.service.mode == Mode::kProduction) document.SecretsMustBePrivate();
  STAFETT_CHECK_OK(document.Finish());
  loaded.effective = document.Effective();
  return loaded;
}

}  // namespace stafett::config
