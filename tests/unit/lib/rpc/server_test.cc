#include "lib/rpc/server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "echo_fixture.h"
#include "lib/rpc/error_map.h"
#include "lib/rpc/stop_signal.h"

namespace stafett::rpc {
namespace {

class ServerTest : public EchoFixture {
 protected:
  // grpc.health.v1.Health/Check without its proto: the answer's first byte pair is field 1, the
  // status.
  enum { kServing = 1, kNotServing = 2 };
  int HealthOf(const std::string& service) {
    std::string request;
    if (!service.empty()) {
      request = std::string("\x0a") + static_cast<char>(service.size()) + service;
    }
    const grpc::Slice slice(request);
    grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer got;
    grpc::ClientContext context;
    Event done;
    grpc::Status status;
    grpc::GenericStub stub(server_->InProcessChannel());
    stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &sent, &got, [&](grpc::Status s) {
      status = std::move(s);
      done.Happen();
    });
    EXPECT_TRUE(done.Wait());
    if (!status.ok()) return -status.error_code();
    grpc::Slice answer;
    EXPECT_TRUE(got.TrySingleSlice(&answer).ok());
    return answer.size() == 2 && answer.begin()[0] == 0x08 ? answer.begin()[1] : 0;
  }
};

TEST_F(ServerTest, HealthFollowsReadiness) {
  EXPECT_EQ(HealthOf(""), kNotServing);
  health_.Set("redis", true);
  EXPECT_EQ(HealthOf(""), kServing);
  EXPECT_EQ(HealthOf("stafett.test.v1.Echo"), kServing);
  health_.Set("kafka", false, "CONNECTING");
  EXPECT_EQ(HealthOf("stafett.test.v1.Echo"), kNotServing);
  EXPECT_EQ(HealthOf("stafett.test.v1.Nothing"), -grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServerTest, ListensOnAnyPortAndRefusesATakenOne) {
  telemetry::Metrics metrics;
  Runtime runtime{executor_, authenticator_, metrics};
  EchoService service(runtime);
  const std::vector<NamedService> services = {{v1::Echo::service_full_name(), &service}};
  telemetry::Health health;
  auto first = Server::Start({.listen = "127.0.0.1:0"}, services, health);
  ASSERT_TRUE(first) << first.error().message;
  const std::string address = "127.0.0.1:" + std::to_string((*first)->port());
  EXPECT_GT((*first)->port(), 0);

  const auto stub = v1::Echo::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  Authorize(context);
  v1::SayResponse response;
  const grpc::Status status = stub->Say(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();

  telemetry::Health other;
  const auto second = Server::Start({.listen = address}, services, other);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "GRPC_LISTEN");
}

TEST_F(ServerTest, TooLargeAMessageIsRefused) {
  v1::SayResponse response;
  const grpc::Status status = Say(std::string(300'000, 'x'), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerTest, ShutdownLetsACallInProgressEnd) {
  // Over TCP: the in-process channel of gRPC 1.51 breaks off at once, and crashes on a new call.
  stub_ = v1::Echo::NewStub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()), grpc::InsecureChannelCredentials()));
  Event began, release;
  service_.say = [&](const Call&, const v1::SayRequest&, v1::SayResponse*) -> Status {
    began.Happen();
    EXPECT_TRUE(release.Wait());
    return {};
  };
  const auto pending = Begin(Rpc::kSay);
  ASSERT_TRUE(began.Wait());
  std::thread shutdown([&] { server_->Shutdown(Millis(30'000)); });
  // New calls are refused from here on; the one in progress still gets its answer.
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;  // without a token: we would answer UNAUTHENTICATED
    v1::SayResponse response;
    return stub_->Say(&context, {}, &response).error_code() == grpc::StatusCode::UNAVAILABLE;
  }));
  release.Happen();
  EXPECT_TRUE(pending->done.Wait());
  EXPECT_TRUE(pending->status.ok()) << pending->status.error_message();
  shutdown.join();
}

TEST_F(ServerTest, ShutdownCancelsWhatDoesNotEndInTime) {
  Event began;
  std::atomic<bool> cancelled = false;
  service_.say = [&](const Call& call, const v1::SayRequest&, v1::SayResponse*) -> Status {
    began.Happen();
    cancelled = Eventually([&] { return call.Cancelled(); });
    return {};
  };
  const auto pending = Begin(Rpc::kSay);
  ASSERT_TRUE(began.Wait());
  server_->Shutdown(Millis(0));
  EXPECT_TRUE(cancelled) << "Shutdown returns only when every handler has answered";
  EXPECT_TRUE(pending->done.Wait());
  EXPECT_FALSE(pending->status.ok());
}

TEST(StopSignalTest, ASignalIsWaitedForAndNotDiedOf) {
  StopSignal stop;
  EXPECT_FALSE(stop.WaitFor(Millis(0)));
  EXPECT_FALSE(stop.Requested());
  // To this thread alone: other threads of the test process do not block it.
  pthread_kill(pthread_self(), SIGTERM);
  EXPECT_TRUE(stop.WaitFor(Millis(30'000)));
  EXPECT_TRUE(stop.Requested());
  EXPECT_EQ(stop.Wait(), SIGTERM);
}

}  // namespace
}  // namespace stafett::rpc
