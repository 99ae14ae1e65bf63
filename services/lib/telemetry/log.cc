#include "lib/telemetry/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>

#include "lib/telemetry/json_text.h"
#include "lib/telemetry/trace.h"

namespace stafett::telemetry {
namespace {

// The one global of this library: a log line must be possible from anywhere, also while objects
// end. Never destroyed, so that threads which outlive main's objects can still log.
struct Output {
  Output() : logger("stafett", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::trace);
    logger.flush_on(spdlog::level::trace);
  }
  spdlog::logger logger;
  std::atomic<Severity> least{Severity::kInfo};
  std::mutex mutex;
  std::string service = "unset";  // guarded by mutex, as are the next two
  std::string instance = "unset";
  std::function<void(const std::string&)> capture;
};

Output& TheOutput() {
  static Output* const output = new Output();
  return *output;
}

std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kDebug: return "DEBUG";
    case Severity::kInfo: return "INFO";
    case Severity::kWarn: return "WARN";
    case Severity::kError: return "ERROR";
  }
  return "ERROR";
}

spdlog::level::level_enum Level(Severity severity) {
  switch (severity) {
    case Severity::kDebug: return spdlog::level::debug;
    case Severity::kInfo: return spdlog::level::info;
    case Severity::kWarn: return spdlog::level::warn;
    case Severity::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

void AppendNow(std::string& line) {
  const auto now = std::chrono::system_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char date[24];
  std::strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
  char text[40];
  std::snprintf(text, sizeof(text), "%s.%03dZ", date, static_cast<int>(ms));
  line += text;
}

void AppendValue(std::string& line, const Field::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    AppendJsonText(line, *text);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    line += *flag ? "true" : "false";
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    line += std::to_string(*whole);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&value)) {
    line += std::to_string(*natural);
  } else {
    const double number = std::get<double>(value);
    char digits[32];
    std::snprintf(digits, sizeof(digits), "%.6g", number);
    line += std::isfinite(number) ? digits : "null";  // JSON has no NaN
  }
}

std::string Line(Severity severity, std::string_view event, std::initializer_list<Field> fields,
                 const std::string& service, const std::string& instance) {
  std::string line = R"({"timestamp":")";
  AppendNow(line);
  line += R"(","severity_text":")";
  line += Name(severity);
  line += R"(","body":)";
  AppendJsonText(line, event);
  line += R"(,"resource":{"service.name":)";
  AppendJsonText(line, service);
  line += R"(,"service.instance.id":)";
  AppendJsonText(line, instance);
  line += '}';
  if (const TraceContext& trace = TraceContext::Current(); trace.valid()) {
    line += R"(,"trace_id":")" + trace.TraceIdHex() + R"(","span_id":")" + trace.SpanIdHex() + '"';
  }
  if (fields.size() > 0) {
    line += R"(,"attributes":{)";
    bool first = true;
    for (const Field& field : fields) {
      if (!first) line += ',';
      first = false;
      AppendJsonText(line, field.key());
      line += ':';
      AppendValue(line, field.value());
    }
    line += '}';
  }
  line += '}';
  return line;
}

}  // namespace

void Log(Severity severity, Literal event, std::initializer_list<Field> fields) noexcept {
  try {
    Output& output = TheOutput();
    if (severity < output.least.load(std::memory_order_relaxed)) return;
    std::lock_guard lock(output.mutex);
    const std::string line = Line(severity, event.text(), fields, output.service, output.instance);
    if (output.capture) {
      output.capture(line);
    } else {
      output.logger.log(Level(severity), spdlog::string_view_t(line.data(), line.size()));
    }
  } catch (...) {
    // Out of memory or stderr gone: there is nobody left to tell, and logging must not end the
    // service.
    return;
  }
}

void InitLog(const std::string& service, const std::string& instance, Severity least) {
  Output& output = TheOutput();
  std::lock_guard lock(output.mutex);
  output.service = service;
  output.instance = instance;
  output.least = least;
}

LogCaptureForTest::LogCaptureForTest(std::function<void(const std::string& line)> sink) {
  std::lock_guard lock(TheOutput().mutex);
  TheOutput().capture = std::move(sink);
}

LogCaptureForTest::~LogCaptureForTest() {
  std::lock_guard lock(TheOutput().mutex);
  TheOutput().capture = nullptr;
}

}  // namespace stafett::telemetry
