#include "lib/seal/signing.h"

#include "lib/seal/sodium.h"

namespace stafett::seal {
namespace {

std::string Base64Url(const unsigned char* bytes, std::size_t size) {
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string out(sodium_base64_ENCODED_LEN(size, kVariant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes, size, kVariant);
  out.pop_back();  // libsodium writes a terminating zero
  return out;
}
std::string Base64Url(std::string_view text) { return Base64Url(internal::Bytes(text), text.size()); }

}  // namespace

SigningKey::SigningKey(const Secret& seed) {
  internal::UseSodium();
  internal::RequireKey(seed);
  static_assert(crypto_sign_SECRETKEYBYTES == 64 && crypto_sign_SEEDBYTES == 32);
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> open{};
  crypto_sign_seed_keypair(open.data(), key_.data(), seed.data());
  jwk_ = R"({"crv":"Ed25519","kty":"OKP","x":")" + Base64Url(open.data(), open.size()) + R"("})";
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), internal::Bytes(jwk_), jwk_.size());
  id_ = Base64Url(digest.data(), digest.size());
}

SigningKey::~SigningKey() { sodium_memzero(key_.data(), key_.size()); }

std::string SigningKey::Sign(std::string_view type, std::string_view payload) const {
  return SignWithHeader(R"({"alg":"EdDSA","kid":")" + id_ + R"(","typ":")" + std::string(type) + R"("})", payload);
}

std::string SigningKey::SignWithHeader(std::string_view header, std::string_view payload) const {
  auto text = Base64Url(header) + "." + Base64Url(payload);
  std::array<unsigned char, crypto_sign_BYTES> signature{};
  crypto_sign_detached(signature.data(), nullptr, internal::Bytes(text), text.size(), key_.data());
  return text + "." + Base64Url(signature.data(), signature.size());
}

}  // namespace stafett::seal
