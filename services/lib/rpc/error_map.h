// The one place where an Error becomes a gRPC status, and back again on the client's side.
#pragma once

#include <grpcpp/support/status.h>

#include <string_view>

#include "lib/base/error.h"

namespace stafett::rpc {

inline constexpr std::string_view kErrorDomain = "stafett.no";

// With google.rpc.Status details: ErrorInfo always, BadRequest when `field` is set, RetryInfo where
// trying again is right (UNAVAILABLE, ABORTED, unknown outcome). kUnknownOutcome → UNAVAILABLE,
// reason OUTCOME_UNKNOWN; kGone → FAILED_PRECONDITION; kInternal keeps its reason and loses its
// message.
grpc::Status ToGrpc(const Error& error);
// "OK", "NOT_FOUND", …: for metrics and logs.
std::string_view CodeName(grpc::StatusCode code);

// What a peer answered. Only for !status.ok(). A deadline that passed, or a connection lost without
// the peer's own ErrorInfo, is kUnknownOutcome: the call may have had its effect.
Error FromGrpc(const grpc::Status& status);

}  // namespace stafett::rpc
