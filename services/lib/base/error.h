// The one way a Stafett function says no: a Result holding a value or an Error.
// lib/rpc/error_map.cc is the only place that turns an Error into a gRPC status.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace stafett {

// What kind of no. Mapped one to one at the rim; the switch there has no default.
enum class Code {
  kInvalidArgument,     // the caller's input is wrong; `field` names it
  kUnauthenticated,     // no token, or a token that does not verify
  kPermissionDenied,    // also for "does not exist" where existence is itself secret
  kNotFound,            // only to callers who may know what exists
  kAborted,             // version conflict: read again, decide again
  kFailedPrecondition,  // the state does not allow it
  kAlreadyExists,       // a request_id used again with other content
  kResourceExhausted,   // a bound was reached; nothing was done
  kUnavailable,         // a dependency is away; nothing was done; retry the same request_id
  kUnknownOutcome,      // sent, no reply: it may or may not have happened; retry the SAME request_id
  kDeadlineExceeded,    // too little time was left to begin; nothing was done
  kGone,                // it was there, and is not to be had any more (withdrawn, superseded, key destroyed)
  kInternal,            // a defect; details are in the log, not in the message
};

struct Error {
  Code code = Code::kInternal;
  std::string reason;                           // UPPER_SNAKE, stable, goes to the caller as ErrorInfo.reason
  std::string message;                          // English, safe to show: never a name, number or text from a case
  std::string field;                            // for kInvalidArgument: path of the field
  std::map<std::string, std::string> metadata;  // dynamic parts of the message, machine readable
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

inline tl::unexpected<Error> Fail(Code code, std::string_view reason, std::string message) {
  return tl::unexpected<Error>(Error{code, std::string(reason), std::move(message), {}, {}});
}
inline tl::unexpected<Error> Invalid(std::string_view field, std::string message) {
  return tl::unexpected<Error>(
      Error{Code::kInvalidArgument, "INVALID_FIELD", std::move(message), std::string(field), {}});
}

}  // namespace stafett

// Evaluates a Result expression; on failure returns its error from the calling function.
#define STAFETT_CONCAT2(a, b) a##b
#define STAFETT_CONCAT(a, b) STAFETT_CONCAT2(a, b)
#define STAFETT_TRY(lhs, expr) STAFETT_TRY_IMPL(STAFETT_CONCAT(try_, __LINE__), lhs, expr)
#define STAFETT_TRY_IMPL(tmp, lhs, expr)                     \
  auto tmp = (expr);                                         \
  if (!tmp) return ::tl::unexpected(std::move(tmp).error()); \
  lhs = std::move(tmp).value()
#define STAFETT_CHECK_OK(expr)                                           \
  do {                                                                   \
    auto check_ok = (expr);                                              \
    if (!check_ok) return ::tl::unexpected(std::move(check_ok).error()); \
  } while (false)
