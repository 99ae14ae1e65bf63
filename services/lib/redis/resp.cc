#include "lib/redis/resp.h"

#include <hiredis/read.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <new>
#include <utility>

namespace stafett::redis {
namespace {

void AppendLength(char kind, std::size_t length, std::string& out) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
  out += kind;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out += "\r\n";
}

// Redis says these before it does anything (a script that has written is not stopped by them),
// so a retry with the same request id is right.
constexpr std::array<std::string_view, 9> kNothingDone = {"OOM",        "READONLY",   "LOADING",     "MISCONF", "BUSY",
                                                          "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN"};

std::string FirstWord(std::string_view text) {
  const std::string_view word = text.substr(0, text.find_first_of(" \r\n"));
  const bool plain = !word.empty() && word.size() <= 64 && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return plain ? std::string(word) : "ERR";
}

}  // namespace

Args& Args::Add(std::string_view word) {
  ++size_;
  AppendLength('$', word.size(), bytes_);
  bytes_ += word;
  bytes_ += "\r\n";
  return *this;
}

Args& Args::Add(std::int64_t number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return Add(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void Args::AppendTo(std::string& out) const {
  AppendLength('*', size_, out);
  out += bytes_;
}

Error ErrorOf(std::string_view resp_error) {
  std::string word = FirstWord(resp_error);
  if (word == "NOAUTH" || word == "WRONGPASS") {
    return {Code::kUnavailable, "REDIS_AUTH", std::move(word), {}, {}};
  }
  if (std::find(kNothingDone.begin(), kNothingDone.end(), word) != kNothingDone.end()) {
    std::string reason = "REDIS_" + word;
    return {Code::kUnavailable, std::move(reason), std::move(word), {}, {}};
  }
  return {Code::kInternal, "REDIS_ERROR", std::move(word), {}, {}};
}

// The reply under construction. hiredis holds pointers into it: the root, and elements of arrays
// that have got their final size when they were created, so that they never move.
struct Parser::Building {
  Reply root;
  std::size_t elements = 0;
  std::optional<std::string> error;
  bool error_is_nested = false;

  void Reset() {
    root = Reply{};
    elements = 0;
    error.reset();
    error_is_nested = false;
  }

  static Building& Of(const redisReadTask* task) { return *static_cast<Building*>(task->privdata); }

  static Reply& Slot(const redisReadTask* task) {
    if (task->parent == nullptr) return Of(task).root;
    return static_cast<Reply*>(task->parent->obj)->array[static_cast<std::size_t>(task->idx)];
  }

  // hiredis is C: no exception may pass through it. A null makes it report "out of memory".
  static void* OnString(const redisReadTask* task, char* text, std::size_t size) noexcept try {
    Reply& slot = Slot(task);
    slot.type = Reply::Type::kString;
    if (task->type == REDIS_REPLY_ERROR) {
      Building& self = Of(task);
      if (!self.error) {
        self.error = std::string(text, size);
        self.error_is_nested = task->parent != nullptr;
      }
    } else {
      slot.string.assign(text, size);
    }
    return &slot;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }

  static void* OnArray(const redisReadTask* task, int size) noexcept try {
    Building& self = Of(task);
    const auto count = static_cast<std::size_t>(std::max(size, 0));
    self.elements += count;
    if (self.elements > kMaxReplyElements) return nullptr;
    Reply& slot = Slot(task);
    slot.type = Reply::Type::kArray;
    slot.array.resize(count);
    return &slot;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }

  static void* OnInteger(const redisReadTask* task, long long value) noexcept {
    Reply& slot = Slot(task);
    slot.type = Reply::Type::kInteger;
    slot.integer = value;
    return &slot;
  }

  static void* OnNil(const redisReadTask* task) noexcept { return &Slot(task); }

  static void OnFree(void* /*reply*/) noexcept {}  // all of it belongs to Building
};

Parser::Parser() : building_(std::make_unique<Building>()) {
  static redisReplyObjectFunctions functions = {Building::OnString, Building::OnArray, Building::OnInteger,
                                                Building::OnNil, Building::OnFree};
  reader_ = redisReaderCreateWithFunctions(&functions);
  if (reader_ == nullptr) throw std::bad_alloc();
  reader_->privdata = building_.get();
}

Parser::~Parser() { redisReaderFree(reader_); }

bool Parser::Feed(const char* data, std::size_t size) {
  fed_since_reply_ += size;
  return fed_since_reply_ <= kMaxReplyBytes && redisReaderFeed(reader_, data, size) == REDIS_OK;
}

bool Parser::Next(std::optional<Result<Reply>>& out) {
  out.reset();
  void* reply = nullptr;
  if (redisReaderGetReply(reader_, &reply) != REDIS_OK) return false;
  if (reply == nullptr) return true;

  fed_since_reply_ = 0;
  if (building_->error) {
    Error error = ErrorOf(*building_->error);
    if (building_->error_is_nested) {
      // Part of a transaction failed: the rest was done, so "nothing was done" would be a lie.
      error.code = Code::kInternal;
      error.reason = "REDIS_ERROR";
    }
    out = tl::unexpected(std::move(error));
  } else {
    out = std::move(building_->root);
  }
  building_->Reset();
  return true;
}

}  // namespace stafett::redis
