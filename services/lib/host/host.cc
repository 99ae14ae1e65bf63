#include "lib/host/host.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "lib/host/parking_service.h"
#include "lib/telemetry/admin_server.h"
#include "lib/telemetry/log.h"
#include "lib/telemetry/trace.h"

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

}  // namespace

seal::Secret RequireSecret(const std::optional<std::string>& path, const char* key) {
  if (!path) throw std::runtime_error(std::string("keys.") + key + " is missing in the configuration");
  auto secret = seal::Secret::FromFile(*path);
  if (!secret) throw std::runtime_error(std::string("keys.") + key + ": " + secret.error().message);
  return *secret;
}

kafka::Connection Host::kafka() const { return KafkaConnection(config()); }

Host::Host(const config::Service& config, Follows follows) : Parts(config, LoadTenantsOrThrow(config.controllers)) {
  telemetry::InitLog(config.service, config.instance);
  store_ = std::make_unique<gate::RedisStore>(RedisOptions(config), gate::Keys::Clock(config.service),
                                              BeatsOf(health()), config.test_clock_ahead);
  auto check_stores = [this, followed = Followed(config, follows)]() -> Result<std::vector<std::string>> {
    STAFETT_TRY(auto facts, gate::AskRedis(store_->client(), Deadline::In(Millis(2000))));
    auto wrong = gate::UnsafeRedis(facts);
    for (const auto& [mark, topic] : followed) {
      auto description = kafka::DescribeTopic(kafka(), topic, Millis(5000));
      if (!description) {
        if (!wrong.empty()) return wrong;  // what is known to be unsafe is said whoever else is silent
        return tl::unexpected(std::move(description).error());
      }
      bool compacted = mark == "keys" || mark == "identity";
      auto more =
          gate::UnsafeTopic(topic, *description, compacted ? gate::TopicKind::kCompacted : gate::TopicKind::kLog,
                            this->config().partitions);
      wrong.insert(wrong.end(), more.begin(), more.end());
    }
    return wrong;
  };
  std::optional<seal::Secret> kek;
  if (follows.keys) kek = RequireSecret(config.keys.kek, "kek_file");
  auto relayed = kafka();
  relayed.beats = BeatsOf(health());
  Assemble(follows, {*store_, gate::KafkaPublisher(std::move(relayed)), gate::KafkaPublisher(kafka()),
                     gate::KafkaReader(kafka()), kek, std::move(check_stores)});

  rpc::TokenOptions tokens;
  tokens.issuer = config.tokens.issuer;
  tokens.audience = config.tokens.audience;
  rpc::Jwks::Options jwks;
  jwks.beats = BeatsOf(health());
  tokens_ = std::make_unique<rpc::TokenVerifier>(tokens, rpc::Jwks::FromUrl(config.tokens.jwks_url), jwks);
  authenticator_ = std::make_unique<rpc::Authenticator>(*tokens_);
  executor_ = std::make_unique<Executor>(static_cast<std::size_t>(config.limits.executor_threads),
                                         static_cast<std::size_t>(config.limits.executor_queue));
  runtime_ = std::make_unique<rpc::Runtime>(rpc::Runtime{*executor_, *authenticator_, metrics()});
  Observe();
}

Host::~Host() { gate().Stop(); }  // while its store is there

void Host::Observe() {
  auto gauge = [this](const char* name, const char* help, std::function<double()> value,
                      const telemetry::Labels& labels = {}) {
    observations_.push_back(metrics().Observe(name, help, std::move(value), labels));
  };
  auto total = [this](const char* name, const char* help, std::function<double()> value) {
    observations_.push_back(metrics().ObserveTotal(name, help, std::move(value)));
  };
  // One number of the gate's statistics.
  auto of = [this](auto pick) { return [this, pick] { return static_cast<double>(pick(gate().GetStats())); }; };
  using Stats = gate::Gate::Stats;

  metrics()
      .Gauge("stafett_start_time_seconds", "When this copy was started, since 1970.")
      .Set(std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  gauge("stafett_ready", "1 while /readyz answers 200.", [this] { return health().Ready() ? 1.0 : 0.0; });
  gauge("stafett_loops_stalled", "Loops of this copy that have not gone round in time: /livez names them.",
        [this] { return static_cast<double>(health().Stalled().size()); });
  gauge("stafett_gate_open", "1 when the barrier is passed and commands are taken.",
        of([](const Stats& s) { return s.open; }));
  gauge("stafett_recovery_ratio",
        "While Redis is brought to the log's end: share of the records that this copy has read, 0 to 1. 1 when it is "
        "done.",
        of([](const Stats& s) { return s.open ? 1.0 : s.recovery.share; }));
  gauge("stafett_recovery_records_per_second", "Records read a second meanwhile, of the last 5 s.",
        of([](const Stats& s) { return s.recovery.per_second; }));
  gauge("stafett_recovery_left_seconds", "Time that the rest will take at this speed; 0 when it is done or not known.",
        of([](const Stats& s) { return s.recovery.seconds_left; }));
  total("stafett_gate_conflicts_total", "Tries to commit since start that another writer was quicker than.",
        of([](const Stats& s) { return s.conflicts; }));
  total("stafett_gate_unknown_outcomes_total", "Tries to commit since start whose outcome Redis did not tell.",
        of([](const Stats& s) { return s.unknown; }));
  gauge("stafett_commands_waiting", "Commands stored and waiting for Kafka's acknowledgement.",
        of([](const Stats& s) { return s.waiting; }));

  gauge("stafett_outbox_waiting_entries", "Outbox entries sent to Kafka and not yet acknowledged.",
        of([](const Stats& s) { return s.relay.waiting; }));
  gauge("stafett_outbox_oldest_seconds", "Age of the oldest of them.",
        of([](const Stats& s) { return s.relay.oldest_seconds; }));
  total("stafett_relay_records_total", "Records of log and ledger acknowledged by Kafka since start, repeats too.",
        of([](const Stats& s) { return s.relay.records; }));
  total("stafett_relay_messages_total",
        "Messages of other topics (keys, identities, signals) acknowledged by Kafka since start, repeats too.",
        of([](const Stats& s) { return s.relay.messages; }));
  total("stafett_relay_restarts_total", "Times the producer was replaced since start.",
        of([](const Stats& s) { return s.relay.restarts; }));
  total("stafett_relay_mended_entries_total",
        "Outbox entries that Redis had garbled and that were sent as the service's own list has them, since start.",
        of([](const Stats& s) { return s.relay.mended; }));
  total("stafett_relay_withheld_entries_total", "Entries for suspended topics that were not sent, since start.",
        of([](const Stats& s) { return s.relay.withheld; }));

  gauge("stafett_partitions_held", "Partitions that this copy relays and reads.",
        of([](const Stats& s) { return s.held; }));
  gauge("stafett_partitions_halted", "Partitions that stand still: what the log and the store hold is not the same.",
        of([](const Stats& s) { return s.halted; }));
  gauge("stafett_log_view_age_seconds", "Time since this copy last saw the ends of the log.",
        of([](const Stats& s) { return s.view.age_seconds; }));
  for (const char* mark : {"log", "keys", "identity", "ledger"}) {
    std::string name = mark;
    gauge("stafett_reader_lag_records", "Records between the mark and the end of a topic, of all partitions.",
          of([name](const Stats& s) { return s.lag.contains(name) ? s.lag.at(name) : 0; }), {{"topic", name}});
  }
  gauge(
      "stafett_fence_delay_seconds",
      "How long the oldest record of the log has been seen that the service has not finished with, of all partitions.",
      of([](const Stats& s) { return s.view.fence_delay_seconds; }));
  gauge("stafett_children_set_aside", "Children whose records are kept aside, of all partitions.",
        of([](const Stats& s) { return s.view.parked_children; }));

  auto tailer = [&](std::uint64_t gate::Tailer::Stats::*field) {
    return of([field](const Stats& s) {
      std::uint64_t sum = 0;
      for (const auto& [name, stats] : s.tailers) sum += stats.*field;
      return sum;
    });
  };
  total("stafett_records_applied_total", "Records of other services taken since start.",
        tailer(&gate::Tailer::Stats::applied));
  total("stafett_records_restored_total", "Own records restored from the log since start.",
        tailer(&gate::Tailer::Stats::restored));
  total("stafett_records_dropped_total", "Repeated records dropped since start.",
        tailer(&gate::Tailer::Stats::dropped));
  total("stafett_records_parked_total", "Records set aside since start.", tailer(&gate::Tailer::Stats::parked));
}

int Host::Run(const std::vector<rpc::NamedService>& services) {
  auto admin = telemetry::AdminServer::Start(config().admin_listen, metrics(), health());
  if (!admin) {
    Log(Severity::kError, "start.failed", {{"reason", Safe(admin.error().reason)}});
    return 1;
  }
  rpc::ServerOptions server_options;
  server_options.listen = config().listen;
  server_options.max_message_bytes = config().limits.max_message_bytes;
  ParkingService parking(*this);  // before the server, which has to end first
  auto served = services;
  served.push_back({operations::v1::Parking::service_full_name(), &parking});
  auto server = rpc::Server::Start(server_options, served, health());
  if (!server) {
    Log(Severity::kError, "start.failed", {{"reason", Safe(server.error().reason)}});
    return 1;
  }
  gate().Start();
  Log(Severity::kInfo, "start.done", {{"grpc_port", (*server)->port()}, {"admin_port", (*admin)->port()}});
  stop_.Wait();
  Log(Severity::kInfo, "stop.begin", {});
  health().Set("stopping", false, "STOPPING");
  for (const auto& drain : before_drain_) drain();
  (*server)->Shutdown(Millis(5000));
  executor_->Stop();
  for (const auto& stop : before_stop_) stop();
  gate().Stop();
  Log(Severity::kInfo, "stop.done", {});
  return 0;
}

}  // namespace stafett::host
