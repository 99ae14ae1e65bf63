// The issuer's public keys, fetched and kept by a thread of its own, so that callers hardly ever
// wait: at first with retries until it succeeds, then every ten minutes, and sooner when a token
// names a key that is not known (at most every five seconds, however many such tokens arrive).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/heartbeat.h"
#include "lib/base/time.h"

namespace stafett::rpc {

class Jwks {
 public:
  using Fetch = std::function<Result<std::string>()>;  // the JWKS document; may block for seconds
  using SteadyClock = std::function<SteadyTime()>;
  struct Options {
    Millis refresh_every{600'000};
    Millis refresh_at_most_every{5'000};  // for unknown keys
    Millis retry_first{200};              // until the first success; doubles up to retry_most
    Millis retry_most{5'000};
    Millis wait_for_refresh{250};  // how long a caller with an unknown key waits for news
    SteadyClock now = std::chrono::steady_clock::now;
    Millis beat_every{1'000};  // while the thread waits
    Beats beats;
  };

  // http:, https: or file: (which production's configuration refuses).
  static Fetch FromUrl(const std::string& url);

  explicit Jwks(Fetch fetch) : Jwks(std::move(fetch), Options()) {}
  Jwks(Fetch fetch, Options options);
  ~Jwks();
  Jwks(const Jwks&) = delete;
  Jwks& operator=(const Jwks&) = delete;

  // Verifies a compact JWS (RS256, PS256 or ES256, with a kid) and returns its payload.
  // kUnauthenticated/TOKEN_INVALID; kUnavailable/ISSUER_UNAVAILABLE while it cannot be told,
  // because the keys are not there yet or an unknown key could not be asked for.
  Result<std::string> Verify(const std::string& jws);

  bool Loaded() const;
  // Grows whenever the set of keys changes: what was verified under an older one must be verified
  // again.
  std::uint64_t Generation() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stafett::rpc
