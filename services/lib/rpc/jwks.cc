#include "lib/rpc/jwks.h"

#include <cjose/cjose.h>
#include <jansson.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "lib/rpc/http.h"
#include "lib/telemetry/log.h"

namespace stafett::rpc {
namespace {

using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

constexpr Millis kFetchTimeout{3'000};
constexpr std::size_t kMaxKeys = 32;  // real issuers publish two or three
constexpr std::size_t kMinRsaBits = 2048;

struct Release {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};

struct Key {
  std::shared_ptr<cjose_jwk_t> jwk;
  std::string alg;  // the only one that it may be used with; empty: any of its type
};

struct KeySet {
  std::map<std::string, Key, std::less<>> by_kid;
  std::string fingerprint;  // of the parts used, to notice a change
};

struct Algorithm {
  std::string_view name;
  cjose_jwk_kty_t type;
};
// No "none" and nothing symmetric: a token can only be made by the holder of a private key.
constexpr std::array kAlgorithms = {Algorithm{"RS256", CJOSE_JWK_KTY_RSA}, Algorithm{"PS256", CJOSE_JWK_KTY_RSA},
                                    Algorithm{"ES256", CJOSE_JWK_KTY_EC}};

const Algorithm* FindAlgorithm(std::string_view name) {
  const auto* found =
      std::find_if(kAlgorithms.begin(), kAlgorithms.end(), [&](const Algorithm& a) { return a.name == name; });
  return found == kAlgorithms.end() ? nullptr : found;
}

std::string Text(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Adds a key that may verify tokens; leaves out the others (encryption keys, types that we do not
// take).
void AddKey(const nlohmann::json& json, KeySet& keys) {
  if (!json.is_object()) return;
  const std::string kid = Text(json, "kid");
  const std::string use = Text(json, "use");
  const std::string alg = Text(json, "alg");
  if (kid.empty() || keys.by_kid.contains(kid)) return;
  if ((!use.empty() && use != "sig") || (!alg.empty() && FindAlgorithm(alg) == nullptr)) return;
  // Only the public members: an issuer that publishes more must not make us hold it.
  nlohmann::json wanted = {{"kty", Text(json, "kty")}};
  for (const char* member : {"n", "e", "crv", "x", "y"}) {
    if (json.contains(member)) wanted[member] = Text(json, member);
  }
  const std::string text = wanted.dump();
  cjose_err error{};
  std::shared_ptr<cjose_jwk_t> jwk(cjose_jwk_import(text.data(), text.size(), &error), Release());
  if (!jwk) return;
  const cjose_jwk_kty_t type = cjose_jwk_get_kty(jwk.get(), &error);
  if (type != CJOSE_JWK_KTY_RSA && type != CJOSE_JWK_KTY_EC) return;
  if (type == CJOSE_JWK_KTY_RSA && cjose_jwk_get_keysize(jwk.get(), &error) < kMinRsaBits) return;
  keys.by_kid.emplace(kid, Key{std::move(jwk), alg});
  keys.fingerprint += kid + '\n' + alg + '\n' + text + '\n';
}

Result<KeySet> ParseKeys(const std::string& document) {
  const auto json = nlohmann::json::parse(document, nullptr, /*allow_exceptions=*/false);
  const auto bad = [](const char* why) { return Fail(Code::kUnavailable, "JWKS_INVALID", why); };
  if (!json.is_object() || !json.contains("keys") || !json["keys"].is_array()) {
    return bad("not a JSON Web Key Set");
  }
  if (json["keys"].size() > kMaxKeys) return bad("too many keys");
  KeySet keys;
  for (const auto& key : json["keys"]) AddKey(key, keys);
  if (keys.by_kid.empty()) return bad("no usable key");
  return keys;
}

auto TokenInvalid(const char* why) { return Fail(Code::kUnauthenticated, "TOKEN_INVALID", why); }

auto IssuerUnavailable() {
  return Fail(Code::kUnavailable, "ISSUER_UNAVAILABLE", "the issuer's keys are not to be had just now");
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in || text.empty()) return Fail(Code::kUnavailable, "JWKS_UNREADABLE", "the file cannot be read");
  return text;
}

}  // namespace

struct Jwks::State {
  State(Fetch f, Options o) : fetch(std::move(f)), options(std::move(o)) {}

  const Fetch fetch;
  const Options options;
  std::mutex verify_mutex;  // cjose does not promise that a key may be used by two threads at once

  mutable std::mutex mutex;
  std::condition_variable wake;     // the thread: stop or wanted
  std::condition_variable fetched;  // callers: fetches has grown
  KeySet keys;                      // guarded by mutex, as is all below
  std::uint64_t generation = 0;
  std::uint64_t fetches = 0;  // ended ones
  bool loaded = false;
  bool last_ok = false;
  bool wanted = false;
  bool stopping = false;
  SteadyTime last_asked{};
  std::thread thread;

  void Run(const Beat& beat);
  void WaitFor(std::unique_lock<std::mutex>& lock, Millis pause, const Beat& beat);
  void Take(const Result<std::string>& document);
  Result<Key> Find(std::string_view kid);
};

// Until the pause is over, somebody wants news, or the end.
void Jwks::State::WaitFor(std::unique_lock<std::mutex>& lock, Millis pause, const Beat& beat) {
  for (const auto until = Deadline::In(pause); !stopping && !wanted && !until.Passed();) {
    beat();
    wake.wait_for(lock, std::min(until.Left(), options.beat_every), [this] { return stopping || wanted; });
  }
}

void Jwks::State::Run(const Beat& beat) {
  Millis retry = options.retry_first;
  std::unique_lock lock(mutex);
  while (!stopping) {
    wanted = false;
    lock.unlock();
    beat();
    const Result<std::string> document = fetch();
    lock.lock();
    Take(document);
    ++fetches;
    fetched.notify_all();
    const Millis pause = loaded ? options.refresh_every : retry;
    retry = std::min(retry * 2, options.retry_most);
    WaitFor(lock, pause, beat);
  }
}

void Jwks::State::Take(const Result<std::string>& document) {
  Result<KeySet> fresh = document.and_then([](const std::string& text) { return ParseKeys(text); });
  last_ok = fresh.has_value();
  if (!fresh) {
    // Keys that were good stay good: an issuer that is away must not stop everybody.
    Log(Severity::kWarn, "jwks.fetch_failed",
        {{"reason", Safe(fresh.error().reason)}, {"why", Safe(fresh.error().message)}});
    return;
  }
  if (fresh->fingerprint != keys.fingerprint) {
    keys = std::move(*fresh);
    ++generation;
    Log(Severity::kInfo, "jwks.loaded", {{"keys", keys.by_kid.size()}});
  }
  loaded = true;
}

Result<Key> Jwks::State::Find(std::string_view kid) {
  std::unique_lock lock(mutex);
  const auto known = [&] { return keys.by_kid.find(kid); };
  if (known() == keys.by_kid.end()) {
    const std::uint64_t before = fetches;
    bool ask = !loaded;  // the first fetch is under way
    if (loaded && !wanted && options.now() - last_asked >= options.refresh_at_most_every) {
      last_asked = options.now();
      wanted = true;
      wake.notify_all();
    }
    ask = ask || wanted;
    if (ask) {
      const bool ended =
          fetched.wait_for(lock, options.wait_for_refresh, [&] { return fetches != before || stopping; });
      if (!ended) return IssuerUnavailable();
    }
  }
  if (!loaded) return IssuerUnavailable();
  const auto found = known();
  if (found != keys.by_kid.end()) return found->second;
  if (!last_ok) return IssuerUnavailable();
  return TokenInvalid("signed with a key that its issuer does not publish");
}

Jwks::Fetch Jwks::FromUrl(const std::string& url) {
  constexpr std::string_view kFile = "file:";
  if (url.starts_with(kFile)) {
    std::string path = url.substr(kFile.size());
    if (path.starts_with("//")) path = path.substr(2);  // file:///x is /x
    return [path] { return ReadFile(path); };
  }
  return [url]() -> Result<std::string> {
    STAFETT_TRY(HttpResponse response, HttpGet(url, kFetchTimeout));
    if (response.status != 200) {
      return Fail(Code::kUnavailable, "JWKS_STATUS", "HTTP status " + std::to_string(response.status));
    }
    return response.body;
  };
}

Jwks::Jwks(Fetch fetch, Options options) : state_(std::make_unique<State>(std::move(fetch), std::move(options))) {
  state_->thread =
      std::thread([state = state_.get(), beat = BeatOf(state_->options.beats, "issuer-keys")] { state->Run(beat); });
}

Jwks::~Jwks() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  state_->fetched.notify_all();
  state_->thread.join();
}

Result<std::string> Jwks::Verify(const std::string& text) {
  cjose_err error{};
  const std::unique_ptr<cjose_jws_t, Release> jws(cjose_jws_import(text.data(), text.size(), &error));
  if (!jws) return TokenInvalid("not a signed JWT");
  cjose_header_t* header = cjose_jws_get_protected(jws.get());
  const auto get = [&](const char* name) -> std::string {
    const char* value = cjose_header_get(header, name, &error);
    return value == nullptr ? "" : value;
  };
  const std::string alg = get("alg");
  const std::string kid = get("kid");
  const Algorithm* algorithm = FindAlgorithm(alg);
  if (algorithm == nullptr) return TokenInvalid("its algorithm is not RS256, PS256 or ES256");
  if (kid.empty()) return TokenInvalid("it does not name its key (kid)");
  // RFC 7515 4.1.11: extensions that must be understood, and we understand none.
  if (json_object_get(header, "crit") != nullptr) return TokenInvalid("it asks for an extension (crit)");

  STAFETT_TRY(const Key key, state_->Find(kid));
  if ((!key.alg.empty() && key.alg != alg) || cjose_jwk_get_kty(key.jwk.get(), &error) != algorithm->type) {
    return TokenInvalid("its algorithm is not the one of its key");
  }
  std::lock_guard lock(state_->verify_mutex);
  if (!cjose_jws_verify(jws.get(), key.jwk.get(), &error)) return TokenInvalid("its signature is wrong");
  std::uint8_t* payload = nullptr;  // owned by jws
  std::size_t size = 0;
  if (!cjose_jws_get_plaintext(jws.get(), &payload, &size, &error)) return TokenInvalid("it is empty");
  return std::string(payload, payload + size);
}

bool Jwks::Loaded() const {
  std::lock_guard lock(state_->mutex);
  return state_->loaded;
}

std::uint64_t Jwks::Generation() const {
  std::lock_guard lock(state_->mutex);
  return state_->generation;
}

}  // namespace stafett::rpc
