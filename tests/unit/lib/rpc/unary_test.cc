#include "lib/rpc/unary.h"

#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <stdexcept>

#include "echo_fixture.h"
#include "lib/rpc/error_map.h"
#include "lib/telemetry/log.h"
#include "lib/telemetry/trace.h"

namespace stafett::rpc {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;
using testing::Not;

std::string ReasonOf(const grpc::Status& status) { return status.ok() ? "" : FromGrpc(status).reason; }

class UnaryTest : public EchoFixture {
 protected:
  std::string Handled(const std::string& method, const std::string& code) {
    return "stafett_rpc_handled_total{code=\"" + code + "\",method=\"stafett.test.v1.Echo/" + method + "\"} ";
  }
};

TEST_F(UnaryTest, AnswersWithCallerDeadlineAndTrace) {
  const telemetry::TraceContext sent = telemetry::TraceContext::New();
  service_.say = [&](const Call& call, const v1::SayRequest& request, v1::SayResponse* response) -> Status {
    EXPECT_EQ(call.caller().organisation, "974760673");
    EXPECT_LE(call.deadline().Left(), Millis(5000)) << "none was given: five seconds";
    EXPECT_GT(call.deadline().Left(), Millis(1000));
    EXPECT_EQ(call.trace().trace_id, sent.trace_id);
    EXPECT_NE(call.trace().span_id, sent.span_id);
    EXPECT_EQ(telemetry::TraceContext::Current().span_id, call.trace().span_id);
    EXPECT_FALSE(call.Cancelled());
    response->set_text("you said " + request.text());
    return {};
  };
  grpc::ClientContext context;
  Authorize(context);
  context.AddMetadata("traceparent", sent.Traceparent());
  v1::SayRequest request;
  request.set_text("hello");
  v1::SayResponse response;
  const grpc::Status status = stub_->Say(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.text(), "you said hello");
  EXPECT_THAT(metrics_.Text(), HasSubstr(Handled("Say", "OK") + "1"));
  EXPECT_THAT(metrics_.Text(), HasSubstr(Handled("Later", "OK") + "0")) << "zero is exported";
}

TEST_F(UnaryTest, ARefusalCarriesItsDetailsOverTheWire) {
  service_.say = [](const Call&, const v1::SayRequest&, v1::SayResponse*) -> Status {
    return Invalid("text", "must not be empty");
  };
  const grpc::Status status = Say();
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  const Error error = FromGrpc(status);
  EXPECT_EQ(error.reason, "INVALID_FIELD");
  EXPECT_EQ(error.field, "text");
  EXPECT_THAT(metrics_.Text(), HasSubstr(Handled("Say", "INVALID_ARGUMENT") + "1"));
}

TEST_F(UnaryTest, WithoutATokenNothingIsRun) {
  service_.say = [](const Call&, const v1::SayRequest&, v1::SayResponse*) -> Status {
    ADD_FAILURE() << "must not run";
    return {};
  };
  grpc::ClientContext context;
  v1::SayResponse response;
  const grpc::Status status = stub_->Say(&context, {}, &response);
  EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(status), "TOKEN_MISSING");
}

TEST_F(UnaryTest, AnExceptionIsInternalAndItsTextStaysInside) {
  std::mutex mutex;
  std::string log;
  const telemetry::LogCaptureForTest capture([&](const std::string& line) {
    std::lock_guard lock(mutex);
    log += line;
  });
  service_.say = [](const Call&, const v1::SayRequest&, v1::SayResponse*) -> Status {
    throw std::runtime_error("Kari Nordmann");
  };
  const grpc::Status status = Say();
  EXPECT_EQ(status.error_code(), StatusCode::INTERNAL);
  EXPECT_EQ(ReasonOf(status), "HANDLER_FAILED");
  EXPECT_THAT(status.error_details(), Not(HasSubstr("Kari")));
  std::lock_guard lock(mutex);
  EXPECT_THAT(log, HasSubstr("HANDLER_FAILED"));
  EXPECT_THAT(log, Not(HasSubstr("Kari")));
}

TEST_F(UnaryTest, ACallThatIsDroppedIsAnsweredAllTheSame) {
  service_.later = [](const Call&, v1::SayResponse*) {};
  const auto pending = Begin(Rpc::kLater);
  ASSERT_TRUE(pending->done.Wait());
  EXPECT_EQ(pending->status.error_code(), StatusCode::INTERNAL);
  EXPECT_EQ(ReasonOf(pending->status), "CALL_DROPPED");
}

TEST_F(UnaryTest, TheAnswerMayComeLaterFromAnotherThread) {
  Executor other(1, 1);
  service_.later = [&](const Call& call, v1::SayResponse* response) {
    EXPECT_TRUE(other.TrySubmit(
        [call, response] { call.FinishWith(Result<int>(7), [&](int n) { response->set_text(std::to_string(n)); }); }));
  };
  const auto pending = Begin(Rpc::kLater);
  ASSERT_TRUE(pending->done.Wait());
  EXPECT_TRUE(pending->status.ok());
  EXPECT_EQ(pending->response.text(), "7");
}

TEST_F(UnaryTest, OnlyTheFirstFinishCounts) {
  service_.later = [](const Call& call, v1::SayResponse*) {
    call.Finish(Fail(Code::kAborted, "VERSION_CONFLICT", "read again"));
    call.Finish({});
    call.FinishWith(Result<int>(7), [](int) { ADD_FAILURE() << "the response may be gone"; });
  };
  const auto pending = Begin(Rpc::kLater);
  ASSERT_TRUE(pending->done.Wait());
  EXPECT_EQ(ReasonOf(pending->status), "VERSION_CONFLICT");
  EXPECT_THAT(metrics_.Text(), HasSubstr(Handled("Later", "ABORTED") + "1"));
  EXPECT_THAT(metrics_.Text(), HasSubstr(Handled("Later", "OK") + "0"));
}

TEST_F(UnaryTest, ACancelledCallIsSeenAndFinishedOnce) {
  std::mutex mutex;
  std::optional<Call> held;
  Event began;
  service_.later = [&](Call call, v1::SayResponse*) {
    {
      std::lock_guard lock(mutex);
      held = std::move(call);
    }
    began.Happen();
  };
  const auto pending = Begin(Rpc::kLater);
  ASSERT_TRUE(began.Wait());
  pending->context.TryCancel();
  ASSERT_TRUE(pending->done.Wait());
  EXPECT_EQ(pending->status.error_code(), StatusCode::CANCELLED);
  std::lock_guard lock(mutex);
  EXPECT_TRUE(Eventually([&] { return held->Cancelled(); }));
  held->Finish({});
  held->Finish({});
  held.reset();
  EXPECT_THAT(metrics_.Text(), HasSubstr(Handled("Later", "OK") + "1"));
}

TEST_F(UnaryTest, TwoHandlersThatBlockDoNotStopAThird) {
  // gRPC runs two callback threads on two cores: a handler that blocked one would stop this test.
  Event release;
  std::atomic<int> blocked = 0;
  service_.say = [&](const Call&, const v1::SayRequest& request, v1::SayResponse*) -> Status {
    if (request.text() == "free") return {};
    ++blocked;
    EXPECT_TRUE(release.Wait());
    return {};
  };
  const auto first = Begin(Rpc::kSay);
  const auto second = Begin(Rpc::kSay);
  ASSERT_TRUE(Eventually([&] { return blocked == 2; }));
  v1::SayResponse response;
  EXPECT_TRUE(Say("free", &response).ok());
  release.Happen();
  EXPECT_TRUE(first->done.Wait());
  EXPECT_TRUE(second->done.Wait());
}

class NarrowTest : public UnaryTest {
 protected:
  NarrowTest() {
    service_.say = [this](const Call&, const v1::SayRequest&, v1::SayResponse*) -> Status {
      ++ran_;
      EXPECT_TRUE(release_.Wait());
      return {};
    };
  }
  ~NarrowTest() override { server_->Shutdown(Millis(30'000)); }  // before release_ goes
  Event release_;
  std::atomic<int> ran_ = 0;
};

TEST_F(NarrowTest, WhatDoesNotFitIsRefusedAtOnce) {
  // Three threads and eight places (EchoFixture): the twelfth is one too many.
  std::vector<std::unique_ptr<Pending>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(Begin(Rpc::kSay));
  ASSERT_TRUE(Eventually([&] { return ran_ == 3; }));
  for (int i = 0; i < 8; ++i) calls.push_back(Begin(Rpc::kSay));
  ASSERT_TRUE(Eventually([&] { return executor_.QueueDepth() == 8; }));
  const grpc::Status refused = Say();
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "EXECUTOR_FULL");
  release_.Happen();
  for (const auto& call : calls) {
    ASSERT_TRUE(call->done.Wait());
    EXPECT_TRUE(call->status.ok());
  }
  EXPECT_EQ(ran_, 11);
}

TEST_F(NarrowTest, ACallThatIsCancelledInTheQueueIsAnsweredOnceAndNotBegunWhenTheNewsCameInTime) {
  std::vector<std::unique_ptr<Pending>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(Begin(Rpc::kSay));
  ASSERT_TRUE(Eventually([&] { return ran_ == 3; }));
  const auto waiting = Begin(Rpc::kSay);
  ASSERT_TRUE(Eventually([&] { return executor_.QueueDepth() == 1; }));
  waiting->context.TryCancel();
  ASSERT_TRUE(waiting->done.Wait());
  EXPECT_EQ(waiting->status.error_code(), StatusCode::CANCELLED);
  release_.Happen();
  for (const auto& call : calls) EXPECT_TRUE(call->done.Wait());
  server_->Shutdown(Millis(30'000));
  // The client knows before the server does, so both are right; but never both at once.
  const bool begun = ran_ == 4;
  EXPECT_THAT(metrics_.Text(), HasSubstr(Handled("Say", "OK") + (begun ? "4" : "3")));
  EXPECT_THAT(metrics_.Text(), HasSubstr(Handled("Say", "CANCELLED") + (begun ? "0" : "1")));
}

TEST_F(UnaryTest, TooLittleTimeLeftToBegin) {
  runtime_.least_to_begin = Millis(20'000);
  service_.say = [](const Call&, const v1::SayRequest&, v1::SayResponse*) -> Status {
    ADD_FAILURE() << "must not run";
    return {};
  };
  grpc::ClientContext context;
  Authorize(context);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  v1::SayResponse response;
  const grpc::Status status = stub_->Say(&context, {}, &response);
  EXPECT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ReasonOf(status), "TOO_LATE");
}

TEST_F(UnaryTest, AVeryLongDeadlineIsCut) {
  service_.say = [](const Call& call, const v1::SayRequest&, v1::SayResponse*) -> Status {
    EXPECT_LE(call.deadline().Left(), Millis(30'000));
    return {};
  };
  grpc::ClientContext context;
  Authorize(context);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::hours(1));
  v1::SayResponse response;
  EXPECT_TRUE(stub_->Say(&context, {}, &response).ok());
}

TEST(EndpointTest, AnUnknownServiceIsADefectFoundAtStart) {
  telemetry::Metrics metrics;
  TokenVerifier tokens({}, Publishing(SharedKey()));
  const Authenticator authenticator(tokens);
  Executor executor(1, 1);
  Runtime runtime{executor, authenticator, metrics};
  EXPECT_THROW(Endpoint(runtime, "stafett.test.v1.Nothing"), std::invalid_argument);
}

}  // namespace
}  // namespace stafett::rpc
