// Content boxes and wrapped keys: both XChaCha20-Poly1305, so that a random nonce is safe to use
// for ever.
#include <array>

#include "lib/base/id.h"
#include "lib/seal/sodium.h"

namespace stafett::seal {
namespace {

constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
static_assert(kNonceBytes == 24 && kKeyBytes == 32);

// First byte of a wrapped key, so that another way of wrapping can be told apart later.
constexpr char kWrapVersion = 1;
constexpr std::size_t kWrappedBytes = 1 + kNonceBytes + kKeyBytes + kTagBytes;

// One answer for every way of not verifying: which one it was helps only an attacker.
tl::unexpected<Error> Broken() { return Fail(Code::kInternal, "SEAL_BROKEN", "sealed content does not verify"); }

std::string FreshNonce() {
  std::string nonce(kNonceBytes, '\0');
  randombytes_buf(nonce.data(), nonce.size());
  return nonce;
}

// Lengths are written out so that ("ab", "c") and ("a", "bc") authenticate differently.
std::string WrapBinding(std::string_view key_id, std::string_view child) {
  return "stafett.wrap1|" + std::to_string(key_id.size()) + ":" + std::string(key_id) + std::to_string(child.size()) +
         ":" + std::string(child);
}

}  // namespace

DataKey NewDataKey() { return DataKey{NewId("k"), Secret::Random()}; }

Box Seal(const DataKey& key, std::string_view plaintext, std::string_view bound) {
  internal::UseSodium();
  internal::RequireKey(key.key);
  Box box{kXChaCha20Poly1305, key.id, FreshNonce(), std::string(plaintext.size() + kTagBytes, '\0')};
  unsigned long long written = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(internal::MutableBytes(box.ciphertext), &written,
                                             internal::Bytes(plaintext), plaintext.size(), internal::Bytes(bound),
                                             bound.size(), nullptr, internal::Bytes(box.nonce), key.key.data());
  box.ciphertext.resize(static_cast<std::size_t>(written));
  return box;
}

Result<std::string> Open(const DataKey& key, const Box& box, std::string_view bound) {
  internal::UseSodium();
  if (box.alg != kXChaCha20Poly1305) {
    return Fail(Code::kInvalidArgument, "SEAL_UNKNOWN_ALG", "sealed with an unknown algorithm");
  }
  if (!key.key.Valid() || box.key_id != key.id || box.nonce.size() != kNonceBytes ||
      box.ciphertext.size() < kTagBytes) {
    return Broken();
  }
  std::string plaintext(box.ciphertext.size() - kTagBytes, '\0');
  unsigned long long written = 0;
  int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
      internal::MutableBytes(plaintext), &written, nullptr, internal::Bytes(box.ciphertext), box.ciphertext.size(),
      internal::Bytes(bound), bound.size(), internal::Bytes(box.nonce), key.key.data());
  if (rc != 0) return Broken();
  return plaintext;
}

std::string Wrap(const Secret& kek, const DataKey& key, std::string_view child) {
  internal::UseSodium();
  internal::RequireKey(kek);
  internal::RequireKey(key.key);
  std::string binding = WrapBinding(key.id, child);
  std::string out(1, kWrapVersion);
  out += FreshNonce();
  out.resize(kWrappedBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(internal::MutableBytes(out) + 1 + kNonceBytes, nullptr, key.key.data(),
                                             kKeyBytes, internal::Bytes(binding), binding.size(), nullptr,
                                             internal::MutableBytes(out) + 1, kek.data());
  return out;
}

Result<DataKey> Unwrap(const Secret& kek, std::string_view key_id, std::string_view child, std::string_view wrapped) {
  internal::UseSodium();
  if (!wrapped.empty() && wrapped.front() != kWrapVersion) {
    return Fail(Code::kInvalidArgument, "SEAL_UNKNOWN_ALG", "key wrapped with an unknown algorithm");
  }
  if (!kek.Valid() || wrapped.size() != kWrappedBytes) return Broken();
  std::string binding = WrapBinding(key_id, child);
  const unsigned char* nonce = internal::Bytes(wrapped) + 1;
  std::array<unsigned char, kKeyBytes> bytes{};
  int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(bytes.data(), nullptr, nullptr, nonce + kNonceBytes,
                                                      kKeyBytes + kTagBytes, internal::Bytes(binding), binding.size(),
                                                      nonce, kek.data());
  if (rc != 0) return Broken();
  // Through hex, because only Secret itself may call its bytes valid; both texts are wiped here.
  std::string hex = internal::Hex(bytes.data(), bytes.size());
  sodium_memzero(bytes.data(), bytes.size());
  auto secret = Secret::FromHex(hex);
  sodium_memzero(hex.data(), hex.size());
  if (!secret) return Broken();
  return DataKey{std::string(key_id), *secret};
}

}  // namespace stafett::seal
