#include "lib/rpc/error_map.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/support/error_details.h>

#include <optional>
#include <string>

#include "lib/base/time.h"

namespace stafett::rpc {
namespace {

// The status travels in HTTP/2 trailers, and clients take 8 KiB of those by default.
constexpr std::size_t kMaxMessageBytes = 1024;
constexpr std::size_t kMaxValueBytes = 256;
constexpr std::size_t kMaxMetadata = 16;

grpc::StatusCode GrpcCode(Code code) {
  switch (code) {  // no default: a new Code must be thought about here
    case Code::kInvalidArgument: return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::kUnauthenticated: return grpc::StatusCode::UNAUTHENTICATED;
    case Code::kPermissionDenied: return grpc::StatusCode::PERMISSION_DENIED;
    case Code::kNotFound: return grpc::StatusCode::NOT_FOUND;
    case Code::kAborted: return grpc::StatusCode::ABORTED;
    case Code::kFailedPrecondition: return grpc::StatusCode::FAILED_PRECONDITION;
    case Code::kAlreadyExists: return grpc::StatusCode::ALREADY_EXISTS;
    case Code::kResourceExhausted: return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::kUnavailable: return grpc::StatusCode::UNAVAILABLE;
    case Code::kUnknownOutcome: return grpc::StatusCode::UNAVAILABLE;
    case Code::kDeadlineExceeded: return grpc::StatusCode::DEADLINE_EXCEEDED;
    case Code::kGone: return grpc::StatusCode::FAILED_PRECONDITION;
    case Code::kInternal: return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::INTERNAL;
}

// When trying again is right, and how soon.
std::optional<Millis> RetryAfter(Code code) {
  switch (code) {
    case Code::kAborted: return Millis(50);  // somebody else was first; read again
    case Code::kUnavailable: return Millis(1000);
    case Code::kUnknownOutcome: return Millis(1000);
    case Code::kInvalidArgument:
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
    case Code::kNotFound:
    case Code::kFailedPrecondition:
    case Code::kAlreadyExists:
    case Code::kResourceExhausted:
    case Code::kDeadlineExceeded:
    case Code::kGone:
    case Code::kInternal: return std::nullopt;
  }
  return std::nullopt;
}

std::string Message(const Error& error) {
  if (error.code == Code::kInternal) return "internal error; the service's log has the cause";
  if (error.code == Code::kUnknownOutcome) {
    return "the outcome is not known: it may or may not have happened; "
           "retry with the same request_id";
  }
  return error.message.substr(0, kMaxMessageBytes);
}

template <class Detail>
std::optional<Detail> Find(const google::rpc::Status& status) {
  Detail detail;
  for (const auto& any : status.details()) {
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

Code FromGrpcCode(grpc::StatusCode code, bool peer_said_so) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE: return Code::kInvalidArgument;
    case grpc::StatusCode::UNAUTHENTICATED: return Code::kUnauthenticated;
    case grpc::StatusCode::PERMISSION_DENIED: return Code::kPermissionDenied;
    case grpc::StatusCode::NOT_FOUND: return Code::kNotFound;
    case grpc::StatusCode::ABORTED: return Code::kAborted;
    case grpc::StatusCode::FAILED_PRECONDITION: return Code::kFailedPrecondition;
    case grpc::StatusCode::ALREADY_EXISTS: return Code::kAlreadyExists;
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return Code::kResourceExhausted;
    // Without the peer's own word nobody knows how far the call came.
    case grpc::StatusCode::UNAVAILABLE: return peer_said_so ? Code::kUnavailable : Code::kUnknownOutcome;
    case grpc::StatusCode::DEADLINE_EXCEEDED: return peer_said_so ? Code::kDeadlineExceeded : Code::kUnknownOutcome;
    case grpc::StatusCode::CANCELLED: return Code::kUnknownOutcome;
    case grpc::StatusCode::OK:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::DO_NOT_USE: return Code::kInternal;
  }
  return Code::kInternal;
}

}  // namespace

grpc::Status ToGrpc(const Error& error) {
  google::rpc::Status status;
  status.set_code(GrpcCode(error.code));
  status.set_message(Message(error));

  google::rpc::ErrorInfo info;
  info.set_domain(std::string(kErrorDomain));
  info.set_reason(error.code == Code::kUnknownOutcome ? "OUTCOME_UNKNOWN" : error.reason);
  for (const auto& [key, value] : error.metadata) {
    if (static_cast<std::size_t>(info.metadata_size()) == kMaxMetadata) break;
    (*info.mutable_metadata())[key] = value.substr(0, kMaxValueBytes);
  }
  status.add_details()->PackFrom(info);

  if (!error.field.empty()) {
    google::rpc::BadRequest bad;
    auto* violation = bad.add_field_violations();
    violation->set_field(error.field.substr(0, kMaxValueBytes));
    violation->set_description(Message(error));
    status.add_details()->PackFrom(bad);
  }
  if (const std::optional<Millis> after = RetryAfter(error.code)) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(after->count() / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int>(after->count() % 1000) * 1'000'000);
    status.add_details()->PackFrom(retry);
  }
  grpc::Status mapped;
  grpc::SetErrorDetails(status, &mapped);
  return mapped;
}

std::string_view CodeName(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK: return "OK";
    case grpc::StatusCode::CANCELLED: return "CANCELLED";
    case grpc::StatusCode::UNKNOWN: return "UNKNOWN";
    case grpc::StatusCode::INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case grpc::StatusCode::DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
    case grpc::StatusCode::NOT_FOUND: return "NOT_FOUND";
    case grpc::StatusCode::ALREADY_EXISTS: return "ALREADY_EXISTS";
    case grpc::StatusCode::PERMISSION_DENIED: return "PERMISSION_DENIED";
    case grpc::StatusCode::UNAUTHENTICATED: return "UNAUTHENTICATED";
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
    case grpc::StatusCode::FAILED_PRECONDITION: return "FAILED_PRECONDITION";
    case grpc::StatusCode::ABORTED: return "ABORTED";
    case grpc::StatusCode::OUT_OF_RANGE: return "OUT_OF_RANGE";
    case grpc::StatusCode::UNIMPLEMENTED: return "UNIMPLEMENTED";
    case grpc::StatusCode::INTERNAL: return "INTERNAL";
    case grpc::StatusCode::UNAVAILABLE: return "UNAVAILABLE";
    case grpc::StatusCode::DATA_LOSS: return "DATA_LOSS";
    case grpc::StatusCode::DO_NOT_USE: break;
  }
  return "UNKNOWN";
}

Error FromGrpc(const grpc::Status& status) {
  google::rpc::Status details;
  std::optional<google::rpc::ErrorInfo> info;
  if (details.ParseFromString(status.error_details())) info = Find<google::rpc::ErrorInfo>(details);
  Error error;
  if (!info || info->domain() != kErrorDomain) {
    // gRPC's own text may name addresses, and is nothing that we vouch for.
    error.code = FromGrpcCode(status.error_code(), false);
    error.reason = "PEER_" + std::string(CodeName(status.error_code()));
    error.message = "another service of Stafett did not answer properly";
    return error;
  }
  error.code = info->reason() == "OUTCOME_UNKNOWN" ? Code::kUnknownOutcome : FromGrpcCode(status.error_code(), true);
  error.reason = info->reason();
  error.message = status.error_message();
  for (const auto& [key, value] : info->metadata()) error.metadata[key] = value;
  if (const auto bad = Find<google::rpc::BadRequest>(details); bad && bad->field_violations_size() > 0) {
    error.field = bad->field_violations(0).field();
  }
  return error;
}

}  // namespace stafett::rpc
