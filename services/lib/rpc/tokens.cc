#include "lib/rpc/tokens.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <list>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <utility>

namespace stafett::rpc {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxClaimBytes = 128;
constexpr std::size_t kMaxScopes = 64;
constexpr std::string_view kOrganisationAuthority = "iso6523-actorid-upis";
constexpr std::string_view kOrganisationPrefix = "0192:";  // Brønnøysundregistrene in ISO 6523
constexpr std::size_t kOrganisationDigits = 9;
constexpr std::size_t kNationalNumberDigits = 11;

tl::unexpected<Error> Refuse(TokenKind kind, std::string_view reason, const std::string& why) {
  auto refused = Fail(Code::kUnauthenticated, reason, why);
  refused.value().metadata["token"] = kind == TokenKind::kAccess ? "access" : "attestation";
  return refused;
}

Time SystemNow() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<Millis>(now).count()};
}

std::string Digest(TokenKind kind, std::string_view token) {
  const std::string text = (kind == TokenKind::kAccess ? "a" : "p") + std::string(token);
  std::string digest(32, '\0');
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(), nullptr);
  return digest;
}

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Claims end up in events and answers, so they are short and without control characters and spaces.
bool IsWord(std::string_view text) {
  return !text.empty() && text.size() <= kMaxClaimBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// The claim's text; "" when absent; nothing when it is there and no word.
std::optional<std::string> Word(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || found->is_null()) return "";
  if (!found->is_string()) return std::nullopt;
  auto text = found->get<std::string>();
  if (!text.empty() && !IsWord(text)) return std::nullopt;
  return text;
}

std::optional<Time> Seconds(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e11) return std::nullopt;
  return Time{static_cast<std::int64_t>(seconds * 1000)};
}

bool IsFor(const json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return *found == audience;
  return found->is_array() && std::find(found->begin(), found->end(), json(audience)) != found->end();
}

// {"authority":"iso6523-actorid-upis","ID":"0192:974760673"} → "974760673"; "" when absent.
std::optional<std::string> Organisation(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || found->is_null()) return "";
  if (!found->is_object() || Word(*found, "authority") != kOrganisationAuthority) return std::nullopt;
  const std::optional<std::string> id = Word(*found, "ID");
  if (!id || !id->starts_with(kOrganisationPrefix)) return std::nullopt;
  std::string number = id->substr(kOrganisationPrefix.size());
  if (number.size() != kOrganisationDigits || !AllDigits(number)) return std::nullopt;
  return number;
}

bool ReadScopes(const json& claims, Claims& out) {
  const auto found = claims.find("scope");
  if (found == claims.end()) return true;
  if (!found->is_string()) return false;
  const auto text = found->get<std::string>();
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find(' ', from), text.size());
    if (to > from) out.scopes.insert(text.substr(from, to - from));
    from = to + 1;
  }
  return out.scopes.size() <= kMaxScopes && std::all_of(out.scopes.begin(), out.scopes.end(), IsWord);
}

bool ReadAccess(const json& claims, Claims& out) {
  auto client_id = Word(claims, "client_id");
  auto organisation = Organisation(claims, "consumer");
  auto supplier = Organisation(claims, "supplier");
  if (!client_id || client_id->empty() || !organisation || !supplier) return false;
  out.client_id = std::move(*client_id);
  out.organisation = std::move(*organisation);
  out.supplier = std::move(*supplier);
  return ReadScopes(claims, out);
}

bool ReadAttestation(const json& claims, Claims& out) {
  const std::array<std::pair<const char*, std::string*>, 6> wanted = {{{"sub", &out.subject},
                                                                       {"role", &out.role},
                                                                       {"unit", &out.unit},
                                                                       {"organisation", &out.attested_organisation},
                                                                       {"purpose", &out.purpose},
                                                                       {"acr", &out.acr}}};
  for (const auto& [name, into] : wanted) {
    auto word = Word(claims, name);
    if (!word) return false;
    *into = std::move(*word);
  }
  // A national number as person id would travel into events: refused at the door (promise P8).
  const bool national = out.subject.size() == kNationalNumberDigits && AllDigits(out.subject);
  return !out.subject.empty() && !out.role.empty() && !out.purpose.empty() && !national;
}

}  // namespace

struct TokenVerifier::State {
  State(TokenOptions o, Jwks::Fetch fetch, Jwks::Options jwks_options)
      : options(std::move(o)), jwks(std::move(fetch), std::move(jwks_options)) {
    if (!options.now) options.now = SystemNow;
  }

  struct Entry {
    std::string digest;
    std::uint64_t generation = 0;
    Claims claims;
  };

  TokenOptions options;
  Jwks jwks;
  std::mutex mutex;
  std::list<Entry> recent;  // the latest used first; guarded by mutex, as is the next
  std::unordered_map<std::string, std::list<Entry>::iterator> by_digest;

  std::optional<Claims> Cached(const std::string& digest) {
    const std::uint64_t generation = jwks.Generation();
    std::lock_guard lock(mutex);
    const auto found = by_digest.find(digest);
    if (found == by_digest.end()) return std::nullopt;
    if (found->second->generation != generation) {
      recent.erase(found->second);
      by_digest.erase(found);
      return std::nullopt;
    }
    recent.splice(recent.begin(), recent, found->second);
    return found->second->claims;
  }

  void Keep(const std::string& digest, std::uint64_t generation, const Claims& claims) {
    std::lock_guard lock(mutex);
    if (by_digest.contains(digest)) return;  // another thread verified it meanwhile
    recent.push_front({digest, generation, claims});
    by_digest[digest] = recent.begin();
    if (recent.size() > options.cache_entries) {
      by_digest.erase(recent.back().digest);
      recent.pop_back();
    }
  }

  void Forget(const std::string& digest) {
    std::lock_guard lock(mutex);
    const auto found = by_digest.find(digest);
    if (found == by_digest.end()) return;
    recent.erase(found->second);
    by_digest.erase(found);
  }

  Result<Claims> Read(TokenKind kind, const std::string& payload) const;
  bool Expired(const Claims& claims) const { return claims.expires_at.ms + options.skew.count() <= options.now().ms; }
};

Result<Claims> TokenVerifier::State::Read(TokenKind kind, const std::string& payload) const {
  const json claims = json::parse(payload, nullptr, /*allow_exceptions=*/false);
  const auto invalid = [&](const char* why) { return Refuse(kind, "TOKEN_INVALID", why); };
  if (!claims.is_object()) return invalid("its claims are not a JSON object");
  const auto issuer = claims.find("iss");
  if (issuer == claims.end() || !issuer->is_string() || *issuer != options.issuer) {
    return invalid("it is of another issuer");
  }
  const std::string& audience = kind == TokenKind::kAccess ? options.audience : options.attestation_audience;
  if (!IsFor(claims, audience)) {
    return Refuse(kind, "TOKEN_WRONG_AUDIENCE", "it was made for another service");
  }
  Claims out;
  const std::optional<Time> expires = Seconds(claims, "exp");
  const std::optional<Time> issued = Seconds(claims, "iat");
  if (!expires || !issued) return invalid("it needs exp and iat");
  out.expires_at = *expires;
  out.issued_at = *issued;
  const std::int64_t latest = options.now().ms + options.skew.count();
  if (issued->ms > latest) return invalid("it was issued in the future");
  if (claims.contains("nbf")) {
    const std::optional<Time> not_before = Seconds(claims, "nbf");
    if (!not_before || not_before->ms > latest) return invalid("it is not valid yet");
  }
  if (Expired(out)) return Refuse(kind, "TOKEN_EXPIRED", "it has expired");
  const bool read = kind == TokenKind::kAccess ? ReadAccess(claims, out) : ReadAttestation(claims, out);
  if (!read) return invalid("a claim is missing or not of the right form");
  return out;
}

TokenVerifier::TokenVerifier(TokenOptions options, Jwks::Fetch fetch, Jwks::Options jwks)
    : state_(std::make_unique<State>(std::move(options), std::move(fetch), std::move(jwks))) {}

TokenVerifier::~TokenVerifier() = default;

Result<Claims> TokenVerifier::Verify(TokenKind kind, std::string_view token) {
  if (token.empty()) return Refuse(kind, "TOKEN_MISSING", "no token was sent");
  if (token.size() > state_->options.max_bytes) return Refuse(kind, "TOKEN_INVALID", "it is too large");
  const std::string digest = Digest(kind, token);
  if (std::optional<Claims> cached = state_->Cached(digest)) {
    if (!state_->Expired(*cached)) return *std::move(cached);
    state_->Forget(digest);
    return Refuse(kind, "TOKEN_EXPIRED", "it has expired");
  }
  // Read before verifying: if the keys change in between, the entry counts as old, never as new.
  const std::uint64_t generation = state_->jwks.Generation();
  const Result<std::string> payload = state_->jwks.Verify(std::string(token));
  if (!payload) {
    if (payload.error().code != Code::kUnauthenticated) return tl::unexpected(payload.error());
    return Refuse(kind, payload.error().reason, payload.error().message);
  }
  STAFETT_TRY(Claims claims, state_->Read(kind, *payload));
  state_->Keep(digest, generation, claims);
  return claims;
}

bool TokenVerifier::Loaded() const { return state_->jwks.Loaded(); }

std::size_t TokenVerifier::CachedForTest() const {
  std::lock_guard lock(state_->mutex);
  return state_->recent.size();
}

}  // namespace stafett::rpc
