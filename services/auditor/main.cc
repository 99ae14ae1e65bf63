// stafett-auditor: compares, trims, mends; with --verify: compares everything once and prints what it found.
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>

#include "auditor/adapters/auditor.h"
#include "lib/config/service.h"
#include "lib/gate/redis_store.h"
#include "lib/host/connect.h"
#include "lib/rpc/stop_signal.h"
#include "lib/telemetry/admin_server.h"
#include "lib/telemetry/health.h"
#include "lib/telemetry/log.h"

namespace {
using namespace stafett;
using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

// Its own part of the configuration.
struct Own {
  std::vector<std::string> services;
  Millis keep{0};
};

void ReadOwn(config::Section root, Own& own) {
  auto section = root.Child("auditor");
  own.services = section.Strings("services");
  // A lost tail can be mended as long as outboxes hold it (design §3.7).
  own.keep = Millis(3'600'000 * section.Integer("keep_hours", 24, 24 * 366, 24));
}

auditor::adapters::AuditorOptions OptionsOf(const config::Service& config, const Own& own) {
  return {own.services,
          config.partitions,
          {{"log", config.kafka.log_topic}, {"ledger", config.kafka.ledger_topic}},
          own.keep};
}

int PrintVerified(auditor::adapters::Auditor& auditor) {
  auto verified = auditor.Verify([] {});
  if (!verified) {
    std::cerr << "auditor: " << verified.error().message << " (" << verified.error().reason << ")\n";
    return 1;
  }
  auditor::adapters::Compared sum;
  auto line = [](const std::string& name, const auditor::adapters::Compared& c) {
    std::cout << std::setw(9) << name << std::setw(12) << c.same << std::setw(11) << c.missing << std::setw(11)
              << c.other << std::setw(11) << c.damaged << std::setw(10) << c.mended << std::setw(13) << c.unread
              << "\n";
  };
  std::cout << "partition   verified    missing  displaced    damaged   garbled  not audited\n";
  for (const auto& [p, c] : *verified) {
    line(std::to_string(p), c);
    sum += c;
  }
  line("all", sum);
  std::cout << (sum.Well() ? "Everything that outboxes hold stands in the log as it was sent.\n"
                           : "The log is not as it was sent.\n");
  return sum.Well() ? 0 : 3;
}

int Serve(const config::Service& config, const auditor::adapters::AuditorOptions& options) {
  rpc::StopSignal stop;  // before any thread
  telemetry::InitLog(config.service, config.instance);
  telemetry::Metrics metrics;
  telemetry::Health health;
  const auto beats = host::BeatsOf(health);
  gate::RedisStore store(host::RedisOptions(config), gate::Keys::Clock(config.service), beats, config.test_clock_ahead);
  gate::Shards shards(store, gate::Keys(config.service, config.partitions), config.instance);
  auto relayed = host::KafkaConnection(config);
  relayed.beats = beats;
  auditor::adapters::Auditor auditor(store, shards, options, gate::KafkaReader(host::KafkaConnection(config)),
                                     gate::KafkaPublisher(std::move(relayed)), metrics);
  metrics.Gauge("stafett_start_time_seconds", "When this copy was started, since 1970.")
      .Set(std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  auto ready =
      metrics.Observe("stafett_ready", "1 while /readyz answers 200.", [&] { return health.Ready() ? 1.0 : 0; });
  auto stalled = metrics.Observe("stafett_loops_stalled",
                                 "Loops of this copy that have not gone round in time: /livez names them.",
                                 [&] { return static_cast<double>(health.Stalled().size()); });
  auto admin = telemetry::AdminServer::Start(config.admin_listen, metrics, health);
  if (!admin) {
    Log(Severity::kError, "start.failed", {{"reason", Safe(admin.error().reason)}});
    return 1;
  }
  shards.Start(beats);
  auditor.Start(beats);
  Log(Severity::kInfo, "start.done", {{"admin_port", (*admin)->port()}});
  while (!stop.WaitFor(Millis(500))) {
    health.Set("redis", store.Connected(), store.Connected() ? "" : "REDIS_AWAY");
  }
  Log(Severity::kInfo, "stop.begin", {});
  auditor.Stop();
  shards.Stop();
  Log(Severity::kInfo, "stop.done", {});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Own own;
  bool verify = false;
  return config::RunCommandLine(
      argc, argv, "auditor",
      [&](const config::Service& config) {
        const auto options = OptionsOf(config, own);
        if (!verify) return Serve(config, options);
        telemetry::Metrics metrics;
        gate::RedisStore store(host::RedisOptions(config), gate::Keys::Clock(config.service));
        gate::Shards shards(store, gate::Keys(config.service, config.partitions), config.instance);
        auditor::adapters::Auditor auditor(store, shards, options, gate::KafkaReader(host::KafkaConnection(config)),
                                           gate::KafkaPublisher(host::KafkaConnection(config)), metrics);
        return PrintVerified(auditor);
      },
      [&own](config::Section& root) { ReadOwn(root, own); },
      {.serves = false,
       .flags = {{"--verify", "compare everything that outboxes hold with the log, print what was found; 3: it differs",
                  &verify}}});
}
