// Secret: where key bytes live, how they are read, derived and wiped.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "lib/seal/owner.h"
#include "lib/seal/sodium.h"

namespace stafett::seal {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kHexDigits = 2 * kKeyBytes;
// The digits, a line end, and one byte more to notice that there is too much.
constexpr std::size_t kFileLimit = kHexDigits + 3;

// BLAKE2b's own personalisation parameter keeps derived keys apart from KeyedHash: else
// KeyedHash(key, context), which is stored and shown, would print the key that Derive(context)
// returns.
constexpr unsigned char kDerivePersonal[crypto_generichash_blake2b_PERSONALBYTES] = {
    's', 't', 'a', 'f', 'e', 't', 't', '.', 'd', 'e', 'r', 'i', 'v', 'e', '1', 0};
constexpr unsigned char kNoSalt[crypto_generichash_blake2b_SALTBYTES] = {};

Error Unusable(std::string message) {
  return Error{Code::kInvalidArgument, "SECRET_UNUSABLE", std::move(message), {}, {}};
}

// Closes on every path out of FromFile.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

namespace internal {

void UseSodium() {
  static const bool ready = [] {
    if (sodium_init() < 0) {
      std::fputs("lib/seal: libsodium cannot start\n", stderr);
      std::abort();
    }
    return true;
  }();
  static_cast<void>(ready);
}

void RequireKey(const Secret& key) {
  if (key.Valid()) return;
  std::fputs("lib/seal: use of a key that was never set\n", stderr);
  std::abort();
}

std::string Hex(const unsigned char* bytes, std::size_t size) {
  std::string out(2 * size + 1, '\0');  // libsodium writes a terminating zero
  sodium_bin2hex(out.data(), out.size(), bytes, size);
  out.pop_back();
  return out;
}

}  // namespace internal

Secret Secret::Random() {
  internal::UseSodium();
  Secret out;
  randombytes_buf(out.bytes_.data(), out.bytes_.size());
  out.valid_ = true;
  return out;
}

Result<Secret> Secret::FromHex(std::string_view hex64) {
  internal::UseSodium();
  if (hex64.size() != kHexDigits) return tl::unexpected(Unusable("a key is 64 hex digits"));
  Secret out;
  std::size_t written = 0;
  int rc = sodium_hex2bin(out.bytes_.data(), out.bytes_.size(), hex64.data(), hex64.size(), nullptr, &written, nullptr);
  if (rc != 0 || written != kKeyBytes) return tl::unexpected(Unusable("a key is 64 hex digits"));
  // All zero is a place-holder that somebody forgot to fill in.
  if (sodium_is_zero(out.bytes_.data(), out.bytes_.size()) == 1) {
    return tl::unexpected(Unusable("the key is all zero"));
  }
  out.valid_ = true;
  return out;
}

Result<Secret> Secret::FromFile(const std::string& path) {
  internal::UseSodium();
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return tl::unexpected(Unusable("cannot open the key file " + path));
  // fstat on the open file, not stat on the name: what is checked is what is read.
  struct stat info {};
  if (::fstat(file.fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    return tl::unexpected(Unusable("the key file is not a regular file: " + path));
  }
  if (!internal::OnlyWeMayRead(info, ::geteuid(), ::getegid())) {
    return tl::unexpected(Unusable(
        "the key file must belong to this user with mode 0600 or 0400, or to root and this group with 0440: " + path));
  }
  std::array<char, kFileLimit> text{};
  std::size_t size = 0;
  while (size < text.size()) {
    ssize_t got = ::read(file.fd, text.data() + size, text.size() - size);
    if (got < 0) {
      sodium_memzero(text.data(), text.size());
      return tl::unexpected(Unusable("cannot read the key file " + path));
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  std::string_view digits(text.data(), size);
  if (digits.ends_with('\n')) digits.remove_suffix(1);
  if (digits.ends_with('\r')) digits.remove_suffix(1);
  auto out = FromHex(digits);
  sodium_memzero(text.data(), text.size());
  if (!out) out.error().message += ": " + path;
  return out;
}

Secret::~Secret() { sodium_memzero(bytes_.data(), bytes_.size()); }

Secret Secret::Derive(std::string_view context) const {
  internal::UseSodium();
  internal::RequireKey(*this);
  Secret out;
  crypto_generichash_blake2b_salt_personal(out.bytes_.data(), out.bytes_.size(), internal::Bytes(context),
                                           context.size(), bytes_.data(), bytes_.size(), kNoSalt, kDerivePersonal);
  out.valid_ = true;
  return out;
}

}  // namespace stafett::seal
