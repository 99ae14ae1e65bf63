#include "lib/host/host.h"

#include <stdexcept>
#include <utility>

#include "lib/telemetry/admin_server.h"
#include "lib/telemetry/log.h"

namespace stafett::host {
namespace {

using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

tenants::Tenants LoadTenantsOrThrow(const std::string& directory) {
  auto loaded = tenants::LoadTenants(directory);
  if (!loaded) throw std::runtime_error(loaded.error().message);
  return std::move(*loaded);
}

redis::Options RedisOptions(const config::Service& c) {
  redis::Options o;
  o.host = c.redis.host;
  o.port = c.redis.port;
  o.user = c.redis.user;
  o.password = c.redis.password.Reveal();
  o.client_name = c.instance;
  return o;
}

}  // namespace

seal::Secret RequireSecret(const std::optional<std::string>& path, const char* key) {
  if (!path) throw std::runtime_error(std::string("keys.") + key + " is missing in the configuration");
  auto secret = seal::Secret::FromFile(*path);
  if (!secret) throw std::runtime_error(std::string("keys.") + key + ": " + secret.error().message);
  return *secret;
}

Beats BeatsOf(telemetry::Health& health) {
  return
      [&health](const std::string& loop) -> Beat { return [beat = health.AddLoop(loop, kLoopLimit)] { beat.Beat(); }; };
}

kafka::Connection Host::kafka() const {
  kafka::Connection c;
  c.bootstrap = config_.kafka.bootstrap;
  c.user = config_.kafka.user;
  c.password = config_.kafka.password.Reveal();
  c.mechanism = config_.kafka.mechanism;
  c.client_id = config_.instance;
  return c;
}

Host::Host(const config::Service& config, Follows follows)
    : config_(config), tenants_(LoadTenantsOrThrow(config.controllers)) {
  telemetry::InitLog(config_.service, config_.instance);
  gate::Keys keys(config_.service, config_.partitions);
  store_ =
      std::make_unique<gate::RedisStore>(RedisOptions(config_), gate::Keys::Clock(config_.service), BeatsOf(health_));
  keys_ = std::make_unique<KeyRing>(*store_, keys, RequireSecret(config_.keys.kek, "kek_file"));

  const auto& k = config_.kafka;
  gate::GateOptions o;
  o.service = config_.service;
  o.instance = config_.instance;
  o.partitions = config_.partitions;
  o.outbox_limit = config_.limits.outbox_limit;
  o.log_topic = k.log_topic;
  o.ordered_topics = {k.log_topic};
  o.followed = {{"log", k.log_topic}};
  if (follows.keys) o.followed["keys"] = k.keys_topic;
  if (follows.identity) o.followed["identity"] = k.identity_topic;
  if (follows.ledger) {
    o.followed["ledger"] = k.ledger_topic;
    o.ordered_topics.insert(k.ledger_topic);
  }
  o.check_stores = [this, followed = o.followed]() -> Result<std::vector<std::string>> {
    STAFETT_TRY(auto facts, gate::AskRedis(store_->client(), Deadline::In(Millis(2000))));
    auto wrong = gate::UnsafeRedis(facts);
    for (const auto& [mark, topic] : followed) {
      STAFETT_TRY(auto description, kafka::DescribeTopic(kafka(), topic, Millis(5000)));
      bool compacted = mark == "keys" || mark == "identity";
      auto more = gate::UnsafeTopic(topic, description, compacted ? gate::TopicKind::kCompacted : gate::TopicKind::kLog,
                                    config_.partitions);
      wrong.insert(wrong.end(), more.begin(), more.end());
    }
    return wrong;
  };
  o.tell = [this](const std::string& name, bool ok, const std::string& reason) {
    auto before = health_.Failing();
    health_.Set(name, ok, reason);
    bool failed = false;
    for (const auto& check : before) failed = failed || (check.name == name && check.reason == reason);
    if (!ok && !failed) Log(Severity::kWarn, "gate.not_ready", {{"check", Safe(name)}, {"reason", Safe(reason)}});
    if (ok && !before.empty()) Log(Severity::kInfo, "gate.ready", {{"check", Safe(name)}});
  };
  o.beats = BeatsOf(health_);
  auto relayed = kafka();
  relayed.beats = BeatsOf(health_);
  health_.Set("gate", false, "STARTING");
  gate_ = std::make_unique<gate::Gate>(*store_, std::move(o), gate::KafkaPublisher(std::move(relayed)),
                                       gate::KafkaReader(kafka()),
                                       [this](const std::string& child, std::string_view body, std::string_view bound) {
                                         return keys_->Seal(child, body, bound);
                                       });
  if (follows.keys) {
    gate_->AddCompacted(k.keys_topic, "keys", [this](int p, const kafka::Record& r) {
      if (r.tombstone) keys_->Forget(r.key);
      return KeyRing::FromRecord(gate_->keys(), p, r);
    });
  }

  rpc::TokenOptions tokens;
  tokens.issuer = config_.tokens.issuer;
  tokens.audience = config_.tokens.audience;
  rpc::Jwks::Options jwks;
  jwks.beats = BeatsOf(health_);
  tokens_ = std::make_unique<rpc::TokenVerifier>(tokens, rpc::Jwks::FromUrl(config_.tokens.jwks_url), jwks);
  authenticator_ = std::make_unique<rpc::Authenticator>(*tokens_);
  executor_ = std::make_unique<Executor>(static_cast<std::size_t>(config_.limits.executor_threads),
                                         static_cast<std::size_t>(config_.limits.executor_queue));
  runtime_ = std::make_unique<rpc::Runtime>(rpc::Runtime{*executor_, *authenticator_, metrics_});
  Observe();
}

Host::~Host() = default;

void Host::Observe() {
  auto add = [this](const char* name, const char* help, std::function<double()> value,
                    const telemetry::Labels& labels = {}) {
    observations_.push_back(metrics_.Observe(name, help, std::move(value), labels));
  };
  auto number = [](auto n) { return static_cast<double>(n); };
  add("stafett_gate_open", "1 when the barrier is passed and commands are taken.",
      [this, number] { return number(gate_->Open()); });
  add("stafett_outbox_waiting_entries", "Outbox entries sent to Kafka and not yet acknowledged.",
      [this, number] { return number(gate_->GetStats().relay.waiting); });
  add("stafett_outbox_oldest_seconds", "Age of the oldest of them.",
      [this] { return gate_->GetStats().relay.oldest_seconds; });
  add("stafett_relay_restarts", "Times the producer was replaced since start.",
      [this, number] { return number(gate_->GetStats().relay.restarts); });
  add("stafett_relay_withheld_entries", "Entries for suspended topics that were not sent, since start.",
      [this, number] { return number(gate_->GetStats().relay.withheld); });
  add("stafett_partitions_held", "Partitions that this copy relays and reads.",
      [this, number] { return number(gate_->GetStats().held); });
  add("stafett_partitions_halted", "Partitions that stand still because the log lost acknowledged records.",
      [this, number] { return number(gate_->GetStats().halted); });
  add("stafett_commands_waiting", "Commands stored and waiting for Kafka's acknowledgement.",
      [this, number] { return number(gate_->GetStats().waiting); });
  for (const char* mark : {"log", "keys", "identity", "ledger"}) {
    std::string name = mark;
    add("stafett_reader_lag_records", "Records between the mark and the end of a topic.",
        [this, number, name] {
          auto lag = gate_->GetStats().lag;
          return number(lag.contains(name) ? lag[name] : 0);
        },
        {{"topic", name}});
  }
  auto tailer = [this](std::uint64_t gate::Tailer::Stats::*field) {
    return [this, field] {
      double sum = 0;
      for (const auto& [name, stats] : gate_->GetStats().tailers) sum += static_cast<double>(stats.*field);
      return sum;
    };
  };
  add("stafett_records_applied", "Records of other services taken since start.", tailer(&gate::Tailer::Stats::applied));
  add("stafett_records_restored", "Own records restored from the log since start.",
      tailer(&gate::Tailer::Stats::restored));
  add("stafett_records_dropped", "Repeated records dropped since start.", tailer(&gate::Tailer::Stats::dropped));
  add("stafett_records_parked", "Records set aside since start.", tailer(&gate::Tailer::Stats::parked));
}

int Host::Run(const std::vector<rpc::NamedService>& services) {
  auto admin = telemetry::AdminServer::Start(config_.admin_listen, metrics_, health_);
  if (!admin) {
    Log(Severity::kError, "start.failed", {{"reason", Safe(admin.error().reason)}});
    return 1;
  }
  rpc::ServerOptions server_options;
  server_options.listen = config_.listen;
  server_options.max_message_bytes = config_.limits.max_message_bytes;
  auto server = rpc::Server::Start(server_options, services, health_);
  if (!server) {
    Log(Severity::kError, "start.failed", {{"reason", Safe(server.error().reason)}});
    return 1;
  }
  gate_->Start();
  Log(Severity::kInfo, "start.done", {{"grpc_port", (*server)->port()}, {"admin_port", (*admin)->port()}});
  stop_.Wait();
  Log(Severity::kInfo, "stop.begin", {});
  health_.Set("stopping", false, "STOPPING");
  (*server)->Shutdown(Millis(5000));
  executor_->Stop();
  gate_->Stop();
  Log(Severity::kInfo, "stop.done", {});
  return 0;
}

}  // namespace stafett::host
