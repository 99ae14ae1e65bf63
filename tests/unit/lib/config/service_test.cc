#include "lib/config/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace stafett::config {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kWhole = R"(service: cases
instance: cases-a
mode: development
listen: 127.0.0.1:0
admin_listen: 127.0.0.1:0
partitions: 6
redis: {host: 127.0.0.1, port: 6379, user: cases, password_file: redis.pw}
kafka: {bootstrap: "127.0.0.1:9092", user: svc-cases, password_file: kafka.pw}
tokens: {issuer: "http://127.0.0.1:8/i", jwks_url: "http://127.0.0.1:8/i/jwks", audience: stafett}
service_token: {url: "http://127.0.0.1:8/t", client_id: svc-cases, client_secret_file: client.secret}
peers: {disclosure: "127.0.0.1:7000"}
keys: {kek_file: kek.key}
controllers: controllers
policy: policy.yaml
)";

class ServiceConfig : public testing::Test {
 protected:
  ServiceConfig() {
    char name[] = "/tmp/stafett-config-XXXXXX";
    directory_ = ::mkdtemp(name);
    fs::create_directory(directory_ / "controllers");
    Write("policy.yaml", "rules: []\n");
    Write("redis.pw", "redis-secret\n");
    Write("kafka.pw", "kafka-secret");
    Write("client.secret", "client-secret\n");
    Write("kek.key", "00\n");
  }
  ~ServiceConfig() override { fs::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
    fs::permissions(directory_ / name, fs::perms::owner_read | fs::perms::owner_write);
    return (directory_ / name).string();
  }
  // kWhole with one line's beginning replaced by `line` (added if no line begins so).
  std::string With(const std::string& key, const std::string& line) {
    std::string out;
    bool done = false;
    std::istringstream in(kWhole);
    for (std::string each; std::getline(in, each);) {
      const bool hit = each.starts_with(key + ":");
      done = done || hit;
      if (!hit) out += each + "\n";
      if (hit && !line.empty()) out += line + "\n";
    }
    return done ? out : out + line + "\n";
  }
  Result<Loaded> Load(const std::string& text, const Extra& extra = {}) {
    return LoadService(Write("cases.yaml", text), "cases", extra);
  }
  std::string Refusal(const std::string& text) {
    const Result<Loaded> loaded = Load(text);
    return loaded ? "" : loaded.error().message;
  }

  fs::path directory_;
};

TEST_F(ServiceConfig, CopiesThatShareAFileAreNamedByTheirHosts) {
  char host[256] = {};
  ASSERT_EQ(::gethostname(host, sizeof host - 1), 0);
  const Result<Loaded> loaded = Load(With("instance", ""));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->service.instance, host);
  EXPECT_THAT(Refusal(With("instance", "instance: \"\"")), HasSubstr("instance"));
}

TEST_F(ServiceConfig, ReadsAWholeFileWithDefaultsSecretsAndPaths) {
  const Result<Loaded> loaded = Load(kWhole);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Service& s = loaded->service;
  EXPECT_EQ(s.instance, "cases-a");
  EXPECT_EQ(s.mode, Mode::kDevelopment);
  EXPECT_EQ(s.partitions, 6);
  EXPECT_EQ(s.redis.password.Reveal(), "redis-secret");
  EXPECT_EQ(s.kafka.password.Reveal(), "kafka-secret");
  EXPECT_EQ(s.kafka.log_topic, "stafett.log");
  EXPECT_EQ(s.kafka.recipient_prefix, "stafett.to.");
  ASSERT_TRUE(s.service_token);
  EXPECT_EQ(s.service_token->client_secret.Reveal(), "client-secret");
  EXPECT_EQ(s.peers.at("disclosure"), "127.0.0.1:7000");
  EXPECT_EQ(s.keys.kek, (directory_ / "kek.key").string());
  EXPECT_FALSE(s.keys.identity);
  EXPECT_EQ(s.controllers, (directory_ / "controllers").string());
  EXPECT_EQ(s.limits.executor_threads, 64);
  EXPECT_EQ(s.limits.outbox_limit, 100000);
  EXPECT_EQ(s.limits.check_stores_every.count(), 30'000);
}

TEST_F(ServiceConfig, TheEffectiveValuesShowDefaultsAndMaskSecrets) {
  const Result<Loaded> loaded = Load(kWhole);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->effective, HasSubstr("executor_queue: 1024"));
  EXPECT_THAT(loaded->effective, HasSubstr("ledger_topic: stafett.ledger"));
  EXPECT_THAT(loaded->effective, HasSubstr("password: \"***\""));
  EXPECT_THAT(loaded->effective, Not(HasSubstr("-secret\n")));
  EXPECT_THAT(loaded->effective, Not(HasSubstr("redis-secret")));
}

TEST_F(ServiceConfig, OnlyDevelopmentHasATestClock) {
  EXPECT_EQ(Load(kWhole)->service.test_clock_ahead, Millis(0));
  const Result<Loaded> loaded = Load(With("test_clock_ahead_seconds", "test_clock_ahead_seconds: 86400"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->service.test_clock_ahead, Millis(86'400'000));
  EXPECT_THAT(Refusal(With("test_clock_ahead_seconds", "test_clock_ahead_seconds: -1")), HasSubstr("out of range"));
  std::string production = With("mode", "mode: production") + "test_clock_ahead_seconds: 0\n";
  EXPECT_THAT(Refusal(production), HasSubstr("test_clock_ahead_seconds is for tests"));
}

TEST_F(ServiceConfig, RefusesMistakesByName) {
  EXPECT_THAT(Refusal(With("partitons", "partitons: 6")),
              HasSubstr("cases.yaml:15: unknown key partitons; did you mean \"partitions\"?"));
  EXPECT_THAT(Refusal(With("partitions", "")), HasSubstr("missing key partitions"));
  EXPECT_THAT(Refusal(With("partitions", "partitions: 0")), HasSubstr("partitions is out of range"));
  EXPECT_THAT(Refusal(With("service", "service: consent")), HasSubstr("service must be one of: cases"));
  EXPECT_THAT(Refusal(With("mode", "mode: fast")), HasSubstr("mode must be one of"));
  EXPECT_THAT(Refusal(With("redis", "redis: {host: a, port: 1, user: cases}")),
              HasSubstr("redis.password_file and user stand together"));
  EXPECT_THAT(Refusal(With("redis", "redis: {host: a, port: 1, user: u, password_file: none}")),
              HasSubstr("redis.password_file is no file"));
  EXPECT_THAT(Refusal(With("controllers", "controllers: nowhere")), HasSubstr("controllers is no directory"));
  EXPECT_THAT(Refusal(With("limits", "limits: {executor_threads: 0}")),
              HasSubstr("limits.executor_threads is out of range"));
}

TEST_F(ServiceConfig, APeerIsOneAddressOrSeveralInGrpcsNotation) {
  auto loaded = Load(With("peers", "peers: {disclosure: 'ipv4:127.0.0.1:7001,127.0.0.1:7002'}"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->service.peers.at("disclosure"), "ipv4:127.0.0.1:7001,127.0.0.1:7002");
  for (const char* wrong : {"disclosure", ":7000", "a:0", "a:65536", "a:x", "a:7000,b:7000", "ipv4:", "ipv4:a:1,",
                            "ipv4:a:1,b", "http://a:1"}) {
    EXPECT_THAT(Refusal(With("peers", std::string("peers: {disclosure: '") + wrong + "'}")),
                HasSubstr("peers.disclosure must be host:port"))
        << wrong;
  }
}

TEST_F(ServiceConfig, AnEmptySecretIsRefused) {
  Write("redis.pw", "\n");
  EXPECT_THAT(Refusal(kWhole), HasSubstr("redis.password_file is empty"));
}

TEST_F(ServiceConfig, DevelopmentMayReadKeysFromAFileAndProductionMayNot) {
  EXPECT_EQ(Refusal(With("tokens", "tokens: {issuer: i, jwks_url: 'file:jwks.json', audience: stafett}")), "");
  const std::string refused = Refusal(With("mode", "mode: production"));
  EXPECT_THAT(refused, HasSubstr("tokens.jwks_url must begin with https://"));
  EXPECT_THAT(refused, HasSubstr("service_token.url must begin with https://"));
}

TEST_F(ServiceConfig, ProductionRefusesAnonymousStoresAndOpenSecrets) {
  std::string text = With("mode", "mode: production");
  fs::permissions(directory_ / "kafka.pw", fs::perms::others_read, fs::perm_options::add);
  const std::string refused = Refusal(text);
  EXPECT_THAT(refused, HasSubstr("kafka.password_file: everybody may read"));
  EXPECT_THAT(refused, Not(HasSubstr("redis.password_file: everybody")));
  text.replace(text.find("redis: {"), text.find('\n', text.find("redis: {")) - text.find("redis: {"),
               "redis: {host: a, port: 1}");
  EXPECT_THAT(Refusal(text), HasSubstr("redis.user is required in production"));
}

TEST_F(ServiceConfig, AServiceMayReadKeysOfItsOwn) {
  std::int64_t seconds = 0;
  const Extra extra = [&](Section& root) { seconds = root.Child("escalation").Integer("seconds", 1, 60); };
  ASSERT_TRUE(Load(std::string(kWhole) + "escalation: {seconds: 5}\n", extra));
  EXPECT_EQ(seconds, 5);
  EXPECT_THAT(Refusal(std::string(kWhole) + "escalation: {seconds: 5}\n"), HasSubstr("unknown key escalation"));
}

// --- the command line ---

struct Outcome {
  int code = 0;
  bool served = false;
  std::string out, err;
};

Outcome Command(std::vector<std::string> arguments, int main_result = 0, bool main_throws = false) {
  std::vector<char*> argv;
  for (std::string& each : arguments) argv.push_back(each.data());
  Outcome run;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  run.code = RunCommandLine(static_cast<int>(argv.size()), argv.data(), "cases", [&](const Service&) {
    run.served = true;
    if (main_throws) throw std::invalid_argument("metric x: wrong");
    return main_result;
  });
  run.out = testing::internal::GetCapturedStdout();
  run.err = testing::internal::GetCapturedStderr();
  return run;
}

TEST_F(ServiceConfig, CheckConfigPrintsAndDoesNotServe) {
  const Outcome run = Command({"cases", "--config", Write("c.yaml", kWhole), "--check-config"});
  EXPECT_EQ(run.code, 0);
  EXPECT_FALSE(run.served);
  EXPECT_THAT(run.out, HasSubstr("instance: cases-a"));
}

TEST_F(ServiceConfig, AWrongFileOrCommandLineIsExitCode2WithTheReason) {
  const Outcome wrong = Command({"cases", "--config", Write("c.yaml", With("mode", ""))});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_FALSE(wrong.served);
  EXPECT_THAT(wrong.err, HasSubstr("missing key mode"));
  EXPECT_EQ(Command({"cases"}).code, 2);
  EXPECT_EQ(Command({"cases", "--confg", "x"}).code, 2);
}

TEST_F(ServiceConfig, VersionNeedsNoConfig) {
  const Outcome run = Command({"cases", "--version"});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("cases 0."));
}

TEST_F(ServiceConfig, TheExitCodeIsTheServices) {
  const std::string file = Write("c.yaml", kWhole);
  EXPECT_EQ(Command({"cases", "--config", file}, 3).code, 3);
  const Outcome threw = Command({"cases", "--config", file}, 0, true);
  EXPECT_EQ(threw.code, 1);
  EXPECT_THAT(threw.err, HasSubstr("metric x: wrong"));
}

}  // namespace
}  // namespace stafett::config
