// Verifies access tokens in the form of Maskinporten and attestations of persons (design §5,
// Callers).
//
//   TokenVerifier tokens({.issuer = c.issuer, .audience = c.audience}, Jwks::FromUrl(c.jwks_url));
//   Result<Claims> claims = tokens.Verify(TokenKind::kAccess, bearer);
//
// RS256, PS256 and ES256 only, so no unsigned and no symmetric token can pass. A verified token is
// kept by its SHA-256 until it expires or the issuer's keys change: the same token is presented with
// each call. Thread-safe.
//
// Reasons: TOKEN_MISSING, TOKEN_EXPIRED, TOKEN_WRONG_AUDIENCE, TOKEN_INVALID (all kUnauthenticated,
// metadata "token" = "access" | "attestation"), ISSUER_UNAVAILABLE (kUnavailable).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/rpc/jwks.h"

namespace stafett::rpc {

enum class TokenKind { kAccess, kAttestation };

// What a verified token says. Fields that it does not have are empty.
struct Claims {
  Time issued_at;
  Time expires_at;
  // access token
  std::string client_id;
  std::set<std::string, std::less<>> scopes;
  std::string organisation;  // consumer's organisation number
  std::string supplier;      // supplier's
  // attestation
  std::string subject;
  std::string role;
  std::string unit;
  std::string attested_organisation;
  std::string purpose;
  std::string acr;
};

struct TokenOptions {
  std::string issuer;
  std::string audience = "stafett";
  std::string attestation_audience = "stafett-attestation";
  std::size_t max_bytes = 8192;
  std::size_t cache_entries = 10'000;  // ~10 MB at most; the least recently used goes
  Millis skew{10'000};                 // Maskinporten's own tolerance
  std::function<Time()> now;           // empty: the system clock
};

class TokenVerifier {
 public:
  TokenVerifier(TokenOptions options, Jwks::Fetch fetch, Jwks::Options jwks = {});
  ~TokenVerifier();
  TokenVerifier(const TokenVerifier&) = delete;
  TokenVerifier& operator=(const TokenVerifier&) = delete;

  // `token` without "Bearer ". Waits for the issuer at most Jwks::Options::wait_for_refresh.
  Result<Claims> Verify(TokenKind kind, std::string_view token);
  // The issuer's keys are there; for readiness.
  bool Loaded() const;
  std::size_t CachedForTest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stafett::rpc
