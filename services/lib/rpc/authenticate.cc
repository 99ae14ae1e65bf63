#include "lib/rpc/authenticate.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace stafett::rpc {
namespace {

constexpr std::string_view kStrongEnough = "idporten-loa-high";
constexpr std::string_view kScheme = "bearer ";

bool IsBearer(std::string_view header) {
  if (header.size() < kScheme.size()) return false;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i]) return false;
  }
  return true;
}

// The one value of a header; notes it when there are two.
std::string_view Header(const grpc::ServerContextBase& context, const char* name, bool& ambiguous) {
  const auto [first, last] = context.client_metadata().equal_range(name);
  if (first == last) return {};
  if (std::next(first) != last) ambiguous = true;
  return {first->second.data(), first->second.size()};
}

Result<Person> PersonOf(const Claims& claims, const Caller& caller) {
  if (claims.acr != kStrongEnough) {
    return Fail(Code::kUnauthenticated, "ATTESTATION_TOO_WEAK", "the person must have logged in at idporten-loa-high");
  }
  Person person;
  person.id = claims.subject;
  person.role = claims.role;
  person.unit = claims.unit;
  person.organisation = claims.attested_organisation;
  person.purpose = claims.purpose;
  person.loa = claims.acr;
  person.issued_at = claims.issued_at;
  // Staff act within the organisation that calls; guardians belong to none, whoever's portal they
  // use.
  const bool fits = person.IsGuardian() ? person.organisation.empty() : person.organisation == caller.organisation;
  if (caller.internal || !fits) {
    return Fail(Code::kUnauthenticated, "ATTESTATION_MISMATCH",
                "the attestation does not belong to the calling organisation");
  }
  return person;
}

Result<Caller> CallerOf(Claims claims) {
  Caller caller;
  caller.internal = claims.scopes.contains(kInternalScope);
  // One of ours speaks for no organisation, and everybody else must speak for one.
  if (caller.internal != claims.organisation.empty()) {
    auto refused = Fail(Code::kUnauthenticated, "TOKEN_INVALID", "it needs a consumer organisation");
    refused.value().metadata["token"] = "access";
    return refused;
  }
  caller.organisation = std::move(claims.organisation);
  caller.scopes = std::move(claims.scopes);
  caller.client_id = std::move(claims.client_id);
  caller.supplier = std::move(claims.supplier);
  return caller;
}

}  // namespace

Credentials CredentialsOf(const grpc::ServerContextBase& context) {
  Credentials credentials;
  const std::string_view authorization = Header(context, "authorization", credentials.ambiguous);
  if (IsBearer(authorization)) credentials.bearer = authorization.substr(kScheme.size());
  credentials.attestation = Header(context, "stafett-attestation", credentials.ambiguous);
  return credentials;
}

Result<Caller> Authenticator::Authenticate(const Credentials& credentials) const {
  if (credentials.ambiguous) {
    return Fail(Code::kUnauthenticated, "TOKEN_INVALID", "authorization or stafett-attestation stands twice");
  }
  STAFETT_TRY(Claims claims, tokens_.Verify(TokenKind::kAccess, credentials.bearer));
  const Time expires_at = claims.expires_at;
  STAFETT_TRY(Caller caller, CallerOf(std::move(claims)));
  caller.expires_at = expires_at;
  if (!credentials.attestation.empty()) {
    STAFETT_TRY(Claims attested, tokens_.Verify(TokenKind::kAttestation, credentials.attestation));
    STAFETT_TRY(caller.person, PersonOf(attested, caller));
    caller.expires_at = std::min(expires_at, attested.expires_at);
  }
  return caller;
}

}  // namespace stafett::rpc
