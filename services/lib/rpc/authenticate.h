// From the metadata of a call to a Caller. Two tokens at most:
//   authorization: Bearer <access token>   which organisation's system calls, with which scopes
//   stafett-attestation: <attestation>     for which person; without it a system only fetches and
//                                          confirms
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "lib/base/error.h"
#include "lib/rpc/caller.h"
#include "lib/rpc/tokens.h"

namespace stafett::rpc {

// Copied out of a call, so that verification need not run on gRPC's thread.
struct Credentials {
  std::string bearer;       // empty: none
  std::string attestation;  // empty: none
  bool ambiguous = false;   // a header stands twice: refused, nobody can tell which one counts
};
Credentials CredentialsOf(const grpc::ServerContextBase& context);

// Thread-safe. `tokens` must outlive it.
class Authenticator {
 public:
  explicit Authenticator(TokenVerifier& tokens) : tokens_(tokens) {}
  // kUnauthenticated with TokenVerifier's reasons, or
  //   ATTESTATION_TOO_WEAK   acr is not idporten-loa-high
  //   ATTESTATION_MISMATCH   staff of another organisation than the caller's; a guardian with an
  //                          organisation; any attestation with a service's own token
  // May wait briefly for the issuer: not for gRPC's threads.
  Result<Caller> Authenticate(const Credentials& credentials) const;

 private:
  TokenVerifier& tokens_;
};

}  // namespace stafett::rpc
