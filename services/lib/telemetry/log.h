// Log lines as JSON objects on stderr, one per line, with the current trace.
//
//   Log(Severity::kWarn, "relay.stopped", {{"partition", 3}, {"reason", Safe(error.reason)}});
//   {"timestamp":"2026-11-21T10:00:00.123Z","severity_text":"WARN","body":"relay.stopped",
//    "resource":{"service.name":"cases","service.instance.id":"cases-a"},
//    "trace_id":"…","span_id":"…","attributes":{"partition":3,"reason":"TAIL_LOST"}}
//
// No name, number or text from a case may reach a log line (promise P8). So there is no printf and
// no string parameter: event names, keys and plain texts are compile-time literals, and a runtime
// string must be wrapped in Safe, by which its author vouches that it is an id, an enum's name, a
// reason or an address of our own, never a field of a request. Values are cut at 256 bytes; control
// characters and broken UTF-8 are escaped, so that one call is one line.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace stafett::telemetry {

enum class Severity { kDebug, kInfo, kWarn, kError };

// A text known at compile time.
class Literal {
 public:
  consteval Literal(const char* text) : text_(text) {}  // NOLINT(google-explicit-constructor)
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// A runtime text that is safe to log: an opaque id, an enum's name, an Error's reason or message
// (which are safe by their own contract), a library's error name, a path or address from our
// configuration. WARNING: never a field of a request, a claim of a person, or an exception's what()
// of unknown origin.
class Safe {
 public:
  explicit Safe(std::string text) : text_(std::move(text)) {}
  explicit Safe(std::string_view text) : text_(text) {}
  explicit Safe(const char* text) : text_(text) {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

template <class T>
concept Whole = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

class Field {
 public:
  using Value = std::variant<std::int64_t, std::uint64_t, double, bool, std::string>;

  Field(Literal key, Literal value) : key_(key.text()), value_(std::string(value.text())) {}
  Field(Literal key, const Safe& value) : key_(key.text()), value_(value.text()) {}
  template <std::same_as<bool> B>
  Field(Literal key, B value) : key_(key.text()), value_(value) {}
  template <std::floating_point F>
  Field(Literal key, F value) : key_(key.text()), value_(static_cast<double>(value)) {}
  template <Whole W>
  Field(Literal key, W value) : key_(key.text()) {
    if constexpr (std::is_signed_v<W>) {
      value_ = static_cast<std::int64_t>(value);
    } else {
      value_ = static_cast<std::uint64_t>(value);
    }
  }

  std::string_view key() const { return key_; }
  const Value& value() const { return value_; }

 private:
  std::string_view key_;
  Value value_;
};

// Thread-safe, never throws, may be called before InitLog (service.name is then "unset").
void Log(Severity severity, Literal event, std::initializer_list<Field> fields = {}) noexcept;

// Once, at the start of main.
void InitLog(const std::string& service, const std::string& instance, Severity least = Severity::kInfo);

// Sends lines to `sink` instead of stderr while it lives; for tests, one at a time.
class LogCaptureForTest {
 public:
  explicit LogCaptureForTest(std::function<void(const std::string& line)> sink);
  ~LogCaptureForTest();
  LogCaptureForTest(const LogCaptureForTest&) = delete;
  LogCaptureForTest& operator=(const LogCaptureForTest&) = delete;
};

}  // namespace stafett::telemetry
