// The echo service behind Endpoint::Serve, with real tokens, in process. Header only.
#pragma once

#include <echo.grpc.pb.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lib/rpc/server.h"
#include "lib/rpc/stream.h"
#include "lib/rpc/unary.h"
#include "test_issuer.h"

namespace stafett::rpc {

namespace v1 = ::stafett::test::v1;

class EchoService : public v1::Echo::CallbackService {
 public:
  using Now = std::function<Status(const Call&, const v1::SayRequest&, v1::SayResponse*)>;
  using Afterwards = std::function<void(Call, v1::SayResponse*)>;
  explicit EchoService(Runtime& runtime) : endpoint_(runtime, v1::Echo::service_full_name()) {}

  grpc::ServerUnaryReactor* Say(grpc::CallbackServerContext* context, const v1::SayRequest* request,
                                v1::SayResponse* response) override {
    return endpoint_.Serve(__func__, context,
                           [=, this](const Call& call) -> Status { return say(call, *request, response); });
  }
  grpc::ServerUnaryReactor* Later(grpc::CallbackServerContext* context, const v1::SayRequest*,
                                  v1::SayResponse* response) override {
    return endpoint_.Serve(__func__, context, [=, this](Call call) { later(std::move(call), response); });
  }

  grpc::ServerWriteReactor<v1::SayResponse>* Watch(grpc::CallbackServerContext* context,
                                                   const v1::SayRequest* request) override {
    return streams->Serve<v1::SayResponse>(
        "Watch", context, [this, request = *request](const Asked& asked) { return watch(asked, request); });
  }

  Streams* streams = nullptr;  // for Watch
  std::function<Result<Portion<v1::SayResponse>>(const Asked&, const v1::SayRequest&)> watch;
  Now say = [](const Call&, const v1::SayRequest& request, v1::SayResponse* response) -> Status {
    response->set_text(request.text());
    return {};
  };
  Afterwards later = [](const Call& call, v1::SayResponse*) { call.Finish({}); };

 private:
  Endpoint endpoint_;
};

// A thing that happens once and is waited for, though not for ever. It may end while another thread
// is still in Happen: that thread holds what it needs.
class Event {
 public:
  void Happen() {
    const std::shared_ptr<State> state = state_;
    std::lock_guard lock(state->mutex);
    state->happened = true;
    state->changed.notify_all();
  }
  bool Wait() const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, std::chrono::seconds(30), [this] { return state_->happened; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool happened = false;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

// One call in the background.
struct Pending {
  grpc::ClientContext context;
  v1::SayRequest request;
  v1::SayResponse response;
  grpc::Status status;
  Event done;
};

class EchoFixture : public testing::Test {
 protected:
  explicit EchoFixture(std::size_t threads = 3, std::size_t queue = 8) : executor_(threads, queue), service_(runtime_) {
    auto started = Server::Start({.listen = "127.0.0.1:0"}, {{v1::Echo::service_full_name(), &service_}}, health_);
    EXPECT_TRUE(started) << started.error().message;
    server_ = *std::move(started);
    stub_ = v1::Echo::NewStub(server_->InProcessChannel());
  }
  ~EchoFixture() override {
    server_->Shutdown(Millis(30'000));
    executor_.Stop();
  }

  static TokenOptions Options() {
    TokenOptions options;
    options.issuer = kIssuer;
    options.now = [] { return Time{kNowSeconds * 1000}; };
    return options;
  }
  static void Authorize(grpc::ClientContext& context) {
    context.AddMetadata("authorization", "Bearer " + SharedKey().Sign(AccessClaims()));
  }
  grpc::Status Say(const std::string& text, v1::SayResponse* response) {
    grpc::ClientContext context;
    Authorize(context);
    v1::SayRequest request;
    request.set_text(text);
    return stub_->Say(&context, request, response);
  }
  grpc::Status Say() {
    v1::SayResponse ignored;
    return Say("x", &ignored);
  }
  enum class Rpc { kSay, kLater };
  std::unique_ptr<Pending> Begin(Rpc rpc) {
    auto pending = std::make_unique<Pending>();
    Authorize(pending->context);
    auto finished = [p = pending.get()](grpc::Status status) {
      p->status = std::move(status);
      p->done.Happen();
    };
    if (rpc == Rpc::kSay) {
      stub_->async()->Say(&pending->context, &pending->request, &pending->response, finished);
    } else {
      stub_->async()->Later(&pending->context, &pending->request, &pending->response, finished);
    }
    return pending;
  }
  // Waits until a thread has made it true.
  template <class Condition>
  static bool Eventually(Condition condition) {
    const Deadline deadline = Deadline::In(Millis(30'000));
    while (!condition() && !deadline.Passed()) std::this_thread::yield();
    return condition();
  }

  telemetry::Metrics metrics_;
  telemetry::Health health_;
  TokenVerifier tokens_{Options(), Publishing(SharedKey()), PatientJwks()};
  Authenticator authenticator_{tokens_};
  Executor executor_;
  Runtime runtime_{executor_, authenticator_, metrics_};
  EchoService service_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::Echo::Stub> stub_;
};

}  // namespace stafett::rpc
