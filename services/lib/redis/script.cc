#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "lib/redis/client.h"

namespace stafett::redis {
namespace {

// SHA-1 because Redis names scripts so; nothing rests on its strength.
std::string Sha1Hex(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("SHA-1 is not available");
  }
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4U];
    hex += kDigits[digest[i] & 15U];
  }
  return hex;
}

bool NotLoaded(const Result<Reply>& reply) {
  return !reply && reply.error().reason == "REDIS_ERROR" && reply.error().message == "NOSCRIPT";
}

}  // namespace

Script::Script(std::string text) : text_(std::move(text)), sha1_(Sha1Hex(text_)) {}

Args Script::Begin(std::initializer_list<std::string_view> keys) const {
  Args command{"EVALSHA", sha1_};
  command.Add(static_cast<std::int64_t>(keys.size()));
  for (auto key : keys) command.Add(key);
  return command;
}

Result<Reply> Script::Run(Client& client, const Args& command, Deadline deadline, std::uint64_t only_on) const {
  Result<Reply> reply = client.Call(command, deadline, only_on);
  if (!NotLoaded(reply)) return reply;

  Result<Reply> loaded = client.Call({"SCRIPT", "LOAD", text_}, deadline, only_on);
  if (!loaded) {
    Error error = std::move(loaded).error();
    // The load may or may not have happened, but the script has not run.
    if (error.code == Code::kUnknownOutcome) error.code = Code::kUnavailable;
    return tl::unexpected(std::move(error));
  }
  reply = client.Call(command, deadline, only_on);
  if (NotLoaded(reply)) {
    return Fail(Code::kUnavailable, "REDIS_NOSCRIPT", "script unloaded again at once");
  }
  return reply;
}

}  // namespace stafett::redis
