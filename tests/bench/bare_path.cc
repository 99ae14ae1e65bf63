// The bare path (bare.proto): gRPC, a script in Redis, Kafka's acknowledgement. The same client libraries with the same
// settings as a service, and nothing else: no domain, no sealing, no tokens, no checks, no threads in between.
//
//   bare_path --redis PORT --redis-user U --redis-password-file F --kafka HOST:PORT --kafka-user U
//             --kafka-password-file F --topic T --partitions N
//
// Prints its port, serves until its standard input ends.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "bare.grpc.pb.h"
#include "lib/base/id.h"
#include "lib/kafka/kafka.h"
#include "lib/redis/client.h"

namespace {

using namespace stafett;
using bench::Payload;

constexpr Millis kPatience{5000};
// What the gate's script does for one event, without its guards: the record, the outbox, the remembered command.
constexpr char kScript[] = R"lua(
redis.call('RPUSH', ARGV[1], ARGV[3])
redis.call('XADD', ARGV[2], '*', 'k', ARGV[1], 'v', ARGV[3])
redis.call('HSET', ARGV[4], 'h', '1', 'p', '0', 'c', ARGV[1], 'v', '1')
redis.call('PEXPIRE', ARGV[4], 604800000)
return 1
)lua";

std::string FirstLine(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

class Bare final : public bench::Bare::CallbackService {
 public:
  Bare(redis::Client& redis, kafka::Producer& producer, std::string topic, int partitions)
      : redis_(redis), producer_(producer), topic_(std::move(topic)), partitions_(partitions), script_(kScript) {}

  // The script must be known to the server before the first call by its hash.
  bool Load() { return redis_.Call({"SCRIPT", "LOAD", script_.text()}, Deadline::In(kPatience)).has_value(); }

  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const Payload* in, Payload* out) override {
    auto* reactor = context->DefaultReactor();
    out->set_id(in->id());
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerUnaryReactor* Store(grpc::CallbackServerContext* context, const Payload* in, Payload* out) override {
    auto* reactor = context->DefaultReactor();
    ToRedis(*in, [reactor, in, out](bool ok) { End(reactor, *in, out, ok); });
    return reactor;
  }
  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context, const Payload* in, Payload* out) override {
    auto* reactor = context->DefaultReactor();
    ToKafka(*in, [reactor, in, out](bool ok) { End(reactor, *in, out, ok); });
    return reactor;
  }
  grpc::ServerUnaryReactor* Path(grpc::CallbackServerContext* context, const Payload* in, Payload* out) override {
    auto* reactor = context->DefaultReactor();
    ToRedis(*in, [this, reactor, in, out](bool stored) {
      if (!stored) return End(reactor, *in, out, false);
      ToKafka(*in, [reactor, in, out](bool ok) { End(reactor, *in, out, ok); });
    });
    return reactor;
  }

 private:
  static void End(grpc::ServerUnaryReactor* reactor, const Payload& in, Payload* out, bool ok) {
    out->set_id(in.id());
    reactor->Finish(ok ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNAVAILABLE, "the store or the broker"));
  }
  template <class Done>
  void ToRedis(const Payload& in, Done done) {
    const auto child = std::to_string(next_++ % kChildren);
    redis_.CallAsync({"EVALSHA", script_.sha1(), "0", "cases:bench:own:" + child, "cases:bench:ob", in.record(),
                      "cases:bench:cmd:" + in.id()},
                     Deadline::In(kPatience), [this, done = std::move(done)](const auto& reply) {
                       // Redis was started again: whoever finds out is refused, and the next is not.
                       if (!reply && reply.error().message == "NOSCRIPT") {
                         redis_.CallAsync({"SCRIPT", "LOAD", script_.text()}, Deadline::In(kPatience), [](auto) {});
                       }
                       done(reply.has_value());
                     });
  }
  template <class Done>
  void ToKafka(const Payload& in, Done done) {
    kafka::Message message;
    message.topic = topic_;
    message.partition = static_cast<int>(next_++ % static_cast<unsigned>(partitions_));
    message.key = in.id();
    message.value = in.record();
    auto shared = std::make_shared<Done>(std::move(done));
    if (!producer_.Send(std::move(message), [shared](const kafka::Delivery& d) { (*shared)(d.ok); })) (*shared)(false);
  }

  static constexpr unsigned kChildren = 1000;
  redis::Client& redis_;
  kafka::Producer& producer_;
  std::string topic_;
  int partitions_;
  redis::Script script_;
  std::atomic<unsigned> next_{0};
};

}  // namespace

int main(int argc, char** argv) {
  redis::Options redis_options;
  kafka::Connection connection;
  std::string redis_password, kafka_password, topic;
  int partitions = 1;
  CLI::App app("The floor under a command");
  app.add_option("--redis", redis_options.port)->required();
  app.add_option("--redis-user", redis_options.user)->required();
  app.add_option("--redis-password-file", redis_password)->required();
  app.add_option("--kafka", connection.bootstrap)->required();
  app.add_option("--kafka-user", connection.user)->required();
  app.add_option("--kafka-password-file", kafka_password)->required();
  app.add_option("--topic", topic)->required();
  app.add_option("--partitions", partitions)->required();
  CLI11_PARSE(app, argc, argv);
  redis_options.password = FirstLine(redis_password);
  connection.password = FirstLine(kafka_password);
  connection.mechanism = "PLAIN";  // services/decisions/0003
  redis::Client redis(redis_options);
  auto producer = kafka::Producer::Create(connection);
  if (!producer) {
    std::cerr << "bare_path: " << producer.error().message << "\n";
    return 1;
  }
  Bare service(redis, **producer, topic, partitions);
  if (!service.Load()) {
    std::cerr << "bare_path: Redis does not answer\n";
    return 1;
  }
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  if (!server) {
    std::cerr << "bare_path: cannot listen\n";
    return 1;
  }
  std::cout << port << std::endl;  // NOLINT(performance-avoid-endl): whoever started it waits for the line
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return 0;
}
