#include "lib/telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "lib/telemetry/trace.h"

namespace stafett::telemetry {
namespace {

// A string from a request does not compile.
static_assert(!std::is_constructible_v<Field, Literal, std::string>);
static_assert(!std::is_constructible_v<Field, Literal, std::string_view>);
static_assert(!std::is_convertible_v<std::string, Safe>);

class LogTest : public testing::Test {
 protected:
  LogTest() { InitLog("cases", "cases-a"); }
  nlohmann::json Last() const { return nlohmann::json::parse(lines_.back()); }
  std::vector<std::string> lines_;
  LogCaptureForTest capture_{[this](const std::string& line) { lines_.push_back(line); }};
};

TEST_F(LogTest, IsOneJsonObjectWithTheStandardsFields) {
  Log(Severity::kWarn, "relay.stopped",
      {{"partition", 3},
       {"reason", "TAIL_LOST"},
       {"stream", Safe(std::string("st-1"))},
       {"ok", false},
       {"seconds", 0.25},
       {"offset", std::uint64_t{18446744073709551615U}}});
  const auto line = Last();
  EXPECT_EQ(line["severity_text"], "WARN");
  EXPECT_EQ(line["body"], "relay.stopped");
  EXPECT_EQ(line["resource"]["service.name"], "cases");
  EXPECT_EQ(line["resource"]["service.instance.id"], "cases-a");
  EXPECT_EQ(line["attributes"]["partition"], 3);
  EXPECT_EQ(line["attributes"]["reason"], "TAIL_LOST");
  EXPECT_EQ(line["attributes"]["stream"], "st-1");
  EXPECT_EQ(line["attributes"]["ok"], false);
  EXPECT_EQ(line["attributes"]["seconds"], 0.25);
  EXPECT_EQ(line["attributes"]["offset"], 18446744073709551615U);
  EXPECT_THAT(line["timestamp"].get<std::string>(), testing::MatchesRegex("....-..-..T..:..:..\\....Z"));
  EXPECT_FALSE(line.contains("trace_id"));
}

TEST_F(LogTest, CarriesTheCurrentTrace) {
  const TraceContext trace = TraceContext::New();
  const TraceScope scope(trace);
  Log(Severity::kInfo, "x");
  EXPECT_EQ(Last()["trace_id"], trace.TraceIdHex());
  EXPECT_EQ(Last()["span_id"], trace.SpanIdHex());
}

TEST_F(LogTest, EscapesWhatCouldForgeALineAndStaysJson) {
  const std::string evil = "a\n{\"body\":\"forged\"}\r\x1b[31m\x7f\"\\\xe2\x80\xa8\xff\xc3(";
  Log(Severity::kInfo, "x", {{"value", Safe(evil)}});
  const std::string& line = lines_.back();
  for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
  EXPECT_EQ(line.find("\xe2\x80\xa8"), std::string::npos);
  EXPECT_EQ(Last()["body"], "x");
  EXPECT_THAT(Last()["attributes"]["value"].get<std::string>(), testing::StartsWith("a\n{\"body\""));
}

TEST_F(LogTest, CutsLongValuesAtACharactersBorder) {
  std::string text = std::string(255, 'a') + "å" + "bbb";  // å would begin at byte 255 and end at 257
  Log(Severity::kInfo, "x", {{"value", Safe(text)}});
  EXPECT_EQ(Last()["attributes"]["value"].get<std::string>(), std::string(255, 'a') + "…");
}

TEST_F(LogTest, LeavesOutWhatIsBelowTheLeastSeverity) {
  Log(Severity::kDebug, "x");
  EXPECT_TRUE(lines_.empty());
  InitLog("cases", "cases-a", Severity::kDebug);
  Log(Severity::kDebug, "x");
  EXPECT_EQ(lines_.size(), 1U);
}

}  // namespace
}  // namespace stafett::telemetry
