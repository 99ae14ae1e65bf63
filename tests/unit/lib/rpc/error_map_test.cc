#include "lib/rpc/error_map.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace stafett::rpc {
namespace {

using grpc::StatusCode;

template <class Detail>
std::optional<Detail> DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  Detail detail;
  for (const auto& any : details.details()) {
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

struct Row {
  Code code;
  StatusCode mapped;
  bool retry;
};

const std::vector<Row>& Rows() {
  static const auto* const rows =
      new std::vector<Row>{{Code::kInvalidArgument, StatusCode::INVALID_ARGUMENT, false},
                           {Code::kUnauthenticated, StatusCode::UNAUTHENTICATED, false},
                           {Code::kPermissionDenied, StatusCode::PERMISSION_DENIED, false},
                           {Code::kNotFound, StatusCode::NOT_FOUND, false},
                           {Code::kAborted, StatusCode::ABORTED, true},
                           {Code::kFailedPrecondition, StatusCode::FAILED_PRECONDITION, false},
                           {Code::kAlreadyExists, StatusCode::ALREADY_EXISTS, false},
                           {Code::kResourceExhausted, StatusCode::RESOURCE_EXHAUSTED, false},
                           {Code::kUnavailable, StatusCode::UNAVAILABLE, true},
                           {Code::kUnknownOutcome, StatusCode::UNAVAILABLE, true},
                           {Code::kDeadlineExceeded, StatusCode::DEADLINE_EXCEEDED, false},
                           {Code::kGone, StatusCode::FAILED_PRECONDITION, false},
                           {Code::kInternal, StatusCode::INTERNAL, false}};
  return *rows;
}

TEST(ErrorMap, EveryCodeHasItsStatusItsReasonAndItsAdvice) {
  for (const Row& row : Rows()) {
    Error error{row.code, "A_REASON", "a message", "", {{"key", "value"}}};
    const grpc::Status status = ToGrpc(error);
    EXPECT_EQ(status.error_code(), row.mapped);
    const auto info = DetailOf<google::rpc::ErrorInfo>(status);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->domain(), "stafett.no");
    EXPECT_EQ(info->reason(), row.code == Code::kUnknownOutcome ? "OUTCOME_UNKNOWN" : "A_REASON");
    EXPECT_EQ(info->metadata().at("key"), "value");
    EXPECT_EQ(DetailOf<google::rpc::RetryInfo>(status).has_value(), row.retry) << CodeName(row.mapped);
    EXPECT_FALSE(DetailOf<google::rpc::BadRequest>(status));
  }
}

TEST(ErrorMap, AnInvalidFieldIsNamed) {
  const grpc::Status status = ToGrpc(Invalid("note.sections[1].text", "must not be empty").value());
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_TRUE(bad);
  ASSERT_EQ(bad->field_violations_size(), 1);
  EXPECT_EQ(bad->field_violations(0).field(), "note.sections[1].text");
  EXPECT_EQ(bad->field_violations(0).description(), "must not be empty");
}

TEST(ErrorMap, ADefectsMessageStaysInside) {
  const grpc::Status status = ToGrpc(Fail(Code::kInternal, "SEAL_BROKEN", "key k-1 of child ch-2").value());
  EXPECT_EQ(status.error_message().find("ch-2"), std::string::npos);
  EXPECT_EQ(status.error_details().find("ch-2"), std::string::npos);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status)->reason(), "SEAL_BROKEN");
}

TEST(ErrorMap, AnUnknownOutcomeAsksForTheSameRequestId) {
  const grpc::Status status = ToGrpc(Fail(Code::kUnknownOutcome, "X", "redis timed out").value());
  EXPECT_NE(status.error_message().find("retry with the same request_id"), std::string::npos);
}

TEST(ErrorMap, StaysWellBelowWhatTrailersMayHold) {
  Error error{Code::kInvalidArgument, "R", std::string(100'000, 'x'), std::string(100'000, 'f'), {}};
  for (int i = 0; i < 100; ++i) error.metadata["key" + std::to_string(i)] = std::string(10'000, 'v');
  EXPECT_LT(ToGrpc(error).error_details().size(), 8000U);
}

TEST(ErrorMap, APeersErrorComesBackAsItWas) {
  for (const Row& row : Rows()) {
    const Error sent{row.code, "A_REASON", "a message", "a.field", {{"key", "value"}}};
    const Error got = FromGrpc(ToGrpc(sent));
    // Gone has no status of its own; its reason tells.
    EXPECT_EQ(got.code, row.code == Code::kGone ? Code::kFailedPrecondition : row.code);
    EXPECT_EQ(got.field, "a.field");
    EXPECT_EQ(got.metadata.at("key"), "value");
  }
}

TEST(ErrorMap, WithoutThePeersOwnWordTheOutcomeIsUnknown) {
  for (const StatusCode code : {StatusCode::UNAVAILABLE, StatusCode::DEADLINE_EXCEEDED, StatusCode::CANCELLED}) {
    const Error error = FromGrpc(grpc::Status(code, "10.1.2.3:99: Connection reset"));
    EXPECT_EQ(error.code, Code::kUnknownOutcome);
    EXPECT_EQ(error.reason, "PEER_" + std::string(CodeName(code)));
    EXPECT_EQ(error.message.find("10.1"), std::string::npos);
  }
  EXPECT_EQ(FromGrpc(grpc::Status(StatusCode::UNIMPLEMENTED, "")).code, Code::kInternal);
}

}  // namespace
}  // namespace stafett::rpc
