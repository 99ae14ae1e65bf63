// A token of our own for calling another of our services: OAuth2 client credentials, cached,
// renewed ahead of its end by one caller while the others go on with the old one.
#pragma once

#include <grpcpp/client_context.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::rpc {

// Thread-safe.
class ClientToken {
 public:
  // The token endpoint's JSON answer to a form; replaced in tests.
  using Ask = std::function<Result<std::string>(Millis timeout)>;
  using SteadyClock = std::function<SteadyTime()>;

  static Ask FromEndpoint(const std::string& url, const std::string& client_id, const std::string& client_secret,
                          const std::string& scope);

  explicit ClientToken(Ask ask, SteadyClock now = std::chrono::steady_clock::now);

  // Blocks only when there is no valid token, until `deadline` at most.
  // kUnavailable/TOKEN_ENDPOINT_UNAVAILABLE; kInternal/TOKEN_ENDPOINT_REFUSED (our own credentials
  // are wrong).
  Result<std::string> Get(Deadline deadline);

 private:
  // Asks without the lock, which is held before and after.
  Result<std::string> Renew(std::unique_lock<std::mutex>& lock, Deadline deadline);

  const Ask ask_;
  const SteadyClock now_;
  std::mutex mutex_;
  std::condition_variable renewed_;
  std::string token_;  // guarded by mutex_, as is all below
  SteadyTime renew_at_{};
  SteadyTime expires_at_{};
  SteadyTime retry_at_{};  // after a failed renewal that the old token survives
  bool renewing_ = false;
  std::uint64_t failures_ = 0;
  Error failure_;  // the last one
};

// Deadline, bearer token and the current trace for an outgoing call.
void Prepare(grpc::ClientContext& context, Deadline deadline, const std::string& token);

}  // namespace stafett::rpc
