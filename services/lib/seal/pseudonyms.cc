// One AES-256 block as a pseudorandom permutation of 16-byte ids. AES and not a hash, because it
// can be turned back by whoever holds the key, with nothing stored; one block and never two, so
// ECB's weakness does not arise.
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

#include "lib/base/id.h"
#include "lib/seal/sodium.h"

namespace stafett::seal {
namespace {

enum class Direction : int { kBack = 0, kForward = 1 };

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

IdBytes OneBlock(const Secret& key, std::string_view scope, const IdBytes& in, Direction direction) {
  internal::RequireKey(key);
  Secret scoped = key.Derive("pseudonym:" + std::string(scope));
  std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  IdBytes out{};
  int written = 0;
  bool done = context != nullptr &&
              EVP_CipherInit_ex(context.get(), EVP_aes_256_ecb(), nullptr, scoped.data(), nullptr,
                                static_cast<int>(direction)) == 1 &&
              EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
              EVP_CipherUpdate(context.get(), out.data(), &written, in.data(), static_cast<int>(in.size())) == 1 &&
              written == static_cast<int>(out.size());
  // A pseudonym that is not one could show the id itself, so this process must not go on.
  if (!done) std::abort();
  return out;
}

// "ch" of "ch-0h2k…"; empty if there is none.
std::string_view PrefixOf(std::string_view id) {
  auto dash = id.rfind('-');
  return dash == std::string_view::npos ? std::string_view() : id.substr(0, dash);
}

std::optional<IdBytes> BytesOf(std::string_view id) {
  std::string_view prefix = PrefixOf(id);
  if (prefix.empty()) return std::nullopt;
  return ParseId(prefix, id);
}

}  // namespace

std::string Pseudonyms::For(std::string_view scope, std::string_view id, std::string_view prefix) const {
  auto bytes = BytesOf(id);
  // Not an id of ours: nothing, rather than something that might carry its text.
  if (!bytes) return {};
  return FormatId(prefix, OneBlock(key_, scope, *bytes, Direction::kForward));
}

Result<std::string> Pseudonyms::Back(std::string_view scope, std::string_view pseudonym,
                                     std::string_view id_prefix) const {
  auto bytes = BytesOf(pseudonym);
  if (!bytes) return Fail(Code::kNotFound, "NOT_FOUND", "no such reference");
  return FormatId(id_prefix, OneBlock(key_, scope, *bytes, Direction::kBack));
}

}  // namespace stafett::seal
