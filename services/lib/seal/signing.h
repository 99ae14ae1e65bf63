// What Stafett signs so that others can hold it to it: JWS (RFC 7515) with Ed25519 (RFC 8032, RFC 8037).
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "lib/seal/seal.h"

namespace stafett::seal {

// A key pair made of a secret of its own (Secret::Derive): the same secret, the same pair, in every copy. Thread-safe.
class SigningKey {
 public:
  explicit SigningKey(const Secret& seed);
  ~SigningKey();
  SigningKey(const SigningKey&) = default;
  SigningKey& operator=(const SigningKey&) = default;
  // The public key as a JWK (RFC 8037 §2), its members in the order of RFC 7638; and its thumbprint by that, which is
  // also the "kid" of what it signs.
  const std::string& Jwk() const { return jwk_; }
  const std::string& Id() const { return id_; }
  // A compact JWS of `payload`; `type` is its "typ", which keeps one kind of signed document from passing as another
  // (RFC 8725 §3.11).
  std::string Sign(std::string_view type, std::string_view payload) const;
  // The same with a protected header that the caller wrote.
  std::string SignWithHeader(std::string_view header, std::string_view payload) const;

 private:
  std::array<unsigned char, 64> key_{};
  std::string jwk_, id_;
};

}  // namespace stafett::seal
