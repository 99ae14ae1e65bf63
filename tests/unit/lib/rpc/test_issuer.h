// An issuer in memory: a key pair, its JWKS, and tokens that say what the test wants. Header only.
#pragma once

#include <cjose/cjose.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "lib/base/time.h"
#include "lib/rpc/jwks.h"

namespace stafett::rpc {

inline constexpr std::int64_t kNowSeconds = 1'790'000'000;
inline constexpr const char* kIssuer = "https://issuer.test/stafett";

class TestKey {
 public:
  enum class Type { kRsa, kWeakRsa, kEc };
  explicit TestKey(std::string kid, Type type = Type::kRsa) : kid_(std::move(kid)) {
    const std::uint8_t exponent[] = {1, 0, 1};
    cjose_err error{};
    const std::size_t bits = type == Type::kWeakRsa ? 1024 : 2048;
    jwk_.reset(type == Type::kEc ? cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error)
                                 : cjose_jwk_create_RSA_random(bits, exponent, sizeof(exponent), &error),
               [](cjose_jwk_t* key) { cjose_jwk_release(key); });
    if (!jwk_) throw std::runtime_error("no key");
  }

  const std::string& kid() const { return kid_; }

  // The public half, as an issuer publishes it.
  nlohmann::json Public() const {
    cjose_err error{};
    const std::unique_ptr<char, decltype(&std::free)> text(cjose_jwk_to_json(jwk_.get(), false, &error), &std::free);
    auto json = nlohmann::json::parse(text.get());
    json["kid"] = kid_;
    json["use"] = "sig";
    return json;
  }

  std::string Sign(const std::string& payload, const std::string& alg = "RS256") const {
    return SignWith({{"alg", alg}, {"kid", kid_}}, payload);
  }
  std::string Sign(const nlohmann::json& claims, const std::string& alg = "RS256") const {
    return Sign(claims.dump(), alg);
  }
  std::string SignWith(const nlohmann::json& header, const std::string& payload) const {
    cjose_err error{};
    cjose_header_t* head = cjose_header_new(&error);
    for (const auto& [name, value] : header.items()) {
      if (value.is_string()) {
        cjose_header_set(head, name.c_str(), value.get<std::string>().c_str(), &error);
      } else {
        cjose_header_set_raw(head, name.c_str(), value.dump().c_str(), &error);
      }
    }
    cjose_jws_t* jws =
        cjose_jws_sign(jwk_.get(), head, reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size(), &error);
    if (jws == nullptr) throw std::runtime_error("cannot sign");
    const char* text = nullptr;
    cjose_jws_export(jws, &text, &error);
    std::string compact = text;
    cjose_jws_release(jws);
    cjose_header_release(head);
    return compact;
  }

 private:
  std::string kid_;
  std::shared_ptr<cjose_jwk_t> jwk_;
};

// One RSA key for all tests of a process: making one takes a tenth of a second.
inline const TestKey& SharedKey() {
  static const auto* const key = new TestKey("key-1");
  return *key;
}

inline std::string JwksOf(const std::vector<nlohmann::json>& keys) { return nlohmann::json{{"keys", keys}}.dump(); }

inline Jwks::Fetch Publishing(const TestKey& key) {
  return [document = JwksOf({key.Public()})]() -> Result<std::string> { return document; };
}

// So long that no test machine is too slow; it ends as soon as the keys are there.
inline Jwks::Options PatientJwks() {
  Jwks::Options options;
  options.wait_for_refresh = Millis(30'000);
  return options;
}

inline nlohmann::json OrganisationClaim(const std::string& number) {
  return {{"authority", "iso6523-actorid-upis"}, {"ID", "0192:" + number}};
}

inline nlohmann::json AccessClaims(std::int64_t now = kNowSeconds) {
  return {{"iss", kIssuer},
          {"aud", "stafett"},
          {"client_id", "school-system"},
          {"scope", "stafett:cases.read stafett:cases.write"},
          {"consumer", OrganisationClaim("974760673")},
          {"iat", now},
          {"exp", now + 120}};
}

inline nlohmann::json InternalClaims(std::int64_t now = kNowSeconds) {
  auto claims = AccessClaims(now);
  claims["scope"] = "stafett:internal";
  claims.erase("consumer");
  return claims;
}

inline nlohmann::json StaffClaims(std::int64_t now = kNowSeconds) {
  return {{"iss", kIssuer},         {"aud", {"stafett-attestation"}}, {"sub", "p-teacher"},
          {"role", "TEACHER"},      {"unit", "u-school-1"},           {"organisation", "974760673"},
          {"purpose", "follow-up"}, {"acr", "idporten-loa-high"},     {"iat", now},
          {"exp", now + 120}};
}

inline nlohmann::json GuardianClaims(std::int64_t now = kNowSeconds) {
  auto claims = StaffClaims(now);
  claims["sub"] = "p-mother";
  claims["role"] = "GUARDIAN";
  claims["unit"] = "";
  claims["organisation"] = "";
  return claims;
}

}  // namespace stafett::rpc
