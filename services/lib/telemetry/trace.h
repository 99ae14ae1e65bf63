// W3C Trace Context (traceparent, version 00): parsed from a call or a Kafka header, carried on the
// current thread, passed on. Nothing is exported; the ids tie log lines of several services
// together.
//
//   TraceScope scope(TraceContext::Parse(header).value_or(TraceContext::New()).Child());
//   Log(...);                                    // carries trace_id and span_id
//   headers.push_back({"traceparent", TraceContext::Current().Traceparent()});
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stafett::telemetry {

struct TraceContext {
  std::array<std::uint8_t, 16> trace_id{};  // all zero: no trace
  std::array<std::uint8_t, 8> span_id{};
  bool sampled = true;

  bool valid() const;
  // Nothing for a wrong form, upper case, all-zero ids, or version ff; higher versions by their
  // first 55 characters, as the standard asks.
  static std::optional<TraceContext> Parse(std::string_view traceparent);
  static TraceContext New();
  TraceContext Child() const;  // same trace, new span
  std::string Traceparent() const;
  std::string TraceIdHex() const;
  std::string SpanIdHex() const;

  // Of this thread; !valid() outside any TraceScope.
  static const TraceContext& Current();
};

// Makes a trace current on this thread until the end of the scope; scopes nest.
class TraceScope {
 public:
  explicit TraceScope(const TraceContext& trace);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  TraceContext before_;
};

}  // namespace stafett::telemetry
