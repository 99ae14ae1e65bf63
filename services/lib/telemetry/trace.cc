#include "lib/telemetry/trace.h"

#include <algorithm>
#include <random>

namespace stafett::telemetry {
namespace {

constexpr std::size_t kLength = 55;  // "00-<32>-<16>-<2>"
thread_local TraceContext current;

std::mt19937_64& Generator() {
  // Trace ids must differ, not be unguessable, so no system call for each.
  thread_local std::mt19937_64 generator = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return generator;
}

template <std::size_t N>
void FillRandom(std::array<std::uint8_t, N>& bytes) {
  static_assert(N % 8 == 0);
  do {
    for (std::size_t i = 0; i < N; i += 8) {
      std::uint64_t word = Generator()();
      for (std::size_t j = 0; j < 8; ++j, word >>= 8) bytes[i + j] = static_cast<std::uint8_t>(word);
    }
  } while (std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; }));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;  // upper case is not allowed by the standard
}

bool FromHex(std::string_view hex, std::uint8_t* bytes) {
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = HexDigit(hex[i]);
    const int low = HexDigit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i / 2] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

template <std::size_t N>
std::string ToHex(const std::array<std::uint8_t, N>& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * N);
  for (const std::uint8_t b : bytes) {
    hex += kDigits[b >> 4];
    hex += kDigits[b & 15];
  }
  return hex;
}

template <std::size_t N>
bool AllZero(const std::array<std::uint8_t, N>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

}  // namespace

bool TraceContext::valid() const { return !AllZero(trace_id) && !AllZero(span_id); }

std::optional<TraceContext> TraceContext::Parse(std::string_view text) {
  if (text.size() < kLength) return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  std::uint8_t version = 0;
  std::uint8_t flags = 0;
  TraceContext trace;
  if (!FromHex(text.substr(0, 2), &version) || !FromHex(text.substr(3, 32), trace.trace_id.data()) ||
      !FromHex(text.substr(36, 16), trace.span_id.data()) || !FromHex(text.substr(53, 2), &flags)) {
    return std::nullopt;
  }
  if (version == 0xff) return std::nullopt;
  if (version == 0 && text.size() != kLength) return std::nullopt;
  if (text.size() > kLength && text[kLength] != '-') return std::nullopt;
  trace.sampled = (flags & 1) != 0;
  if (!trace.valid()) return std::nullopt;
  return trace;
}

TraceContext TraceContext::New() {
  TraceContext trace;
  FillRandom(trace.trace_id);
  FillRandom(trace.span_id);
  return trace;
}

TraceContext TraceContext::Child() const {
  TraceContext child = *this;
  FillRandom(child.span_id);
  return child;
}

std::string TraceContext::Traceparent() const {
  return "00-" + TraceIdHex() + "-" + SpanIdHex() + (sampled ? "-01" : "-00");
}

std::string TraceContext::TraceIdHex() const { return ToHex(trace_id); }
std::string TraceContext::SpanIdHex() const { return ToHex(span_id); }

const TraceContext& TraceContext::Current() { return current; }

TraceScope::TraceScope(const TraceContext& trace) : before_(current) { current = trace; }
TraceScope::~TraceScope() { current = before_; }

}  // namespace stafett::telemetry
