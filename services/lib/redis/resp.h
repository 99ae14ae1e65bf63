// The Redis protocol: commands to bytes, bytes to replies. Parsing is hiredis' reader; it builds
// our Reply directly so that a reply is copied once and its size is bounded.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/redis/client.h"

struct redisReader;

namespace stafett::redis {

// A reply larger than this, or with more elements, is a defect or an attack: the connection is
// destroyed.
inline constexpr std::size_t kMaxReplyBytes = 256U << 20U;
inline constexpr std::size_t kMaxReplyElements = 4U << 20U;

// What an error reply means. Only its first word is kept: the rest may echo data.
Error ErrorOf(std::string_view resp_error);

// Reads replies out of a byte stream cut anywhere.
class Parser {
 public:
  Parser();
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // False: the bytes are not RESP or a bound is broken; this parser must not be used any more.
  bool Feed(const char* data, std::size_t size);
  // The next complete reply into `out`; nothing in it if more bytes are needed. False as for Feed.
  bool Next(std::optional<Result<Reply>>& out);

 private:
  struct Building;
  std::unique_ptr<Building> building_;
  redisReader* reader_;
  std::size_t fed_since_reply_ = 0;
};

}  // namespace stafett::redis
