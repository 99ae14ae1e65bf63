#include "lib/telemetry/trace.h"

#include <gtest/gtest.h>

namespace stafett::telemetry {
namespace {

constexpr const char* kExample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Trace, ParsesAndFormatsTheStandardsExample) {
  const auto trace = TraceContext::Parse(kExample);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->TraceIdHex(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(trace->SpanIdHex(), "b7ad6b7169203331");
  EXPECT_TRUE(trace->sampled);
  EXPECT_EQ(trace->Traceparent(), kExample);
}

TEST(Trace, KeepsTheSampledFlag) {
  std::string text = kExample;
  text.back() = '0';
  const auto trace = TraceContext::Parse(text);
  ASSERT_TRUE(trace);
  EXPECT_FALSE(trace->sampled);
  EXPECT_EQ(trace->Child().Traceparent().substr(53), "00");
}

TEST(Trace, RefusesWhatTheStandardRefuses) {
  const std::string good = kExample;
  const auto with = [&](std::size_t at, const std::string& text) {
    return std::string(good).replace(at, text.size(), text);
  };
  EXPECT_FALSE(TraceContext::Parse(""));
  EXPECT_FALSE(TraceContext::Parse(good.substr(0, 54)));
  EXPECT_FALSE(TraceContext::Parse(good + "-00")) << "version 00 has no more fields";
  EXPECT_FALSE(TraceContext::Parse(with(0, "ff")));
  EXPECT_FALSE(TraceContext::Parse(with(3, "0A"))) << "upper case";
  EXPECT_FALSE(TraceContext::Parse(with(3, "0g")));
  EXPECT_FALSE(TraceContext::Parse(with(2, "_")));
  EXPECT_FALSE(TraceContext::Parse(with(3, std::string(32, '0'))));
  EXPECT_FALSE(TraceContext::Parse(with(36, std::string(16, '0'))));
}

TEST(Trace, ReadsTheKnownPartOfLaterVersions) {
  std::string later = kExample;
  later.replace(0, 2, "01");
  EXPECT_TRUE(TraceContext::Parse(later));
  EXPECT_TRUE(TraceContext::Parse(later + "-more"));
  EXPECT_FALSE(TraceContext::Parse(later + "more"));
}

TEST(Trace, NewOnesAndChildrenDiffer) {
  const TraceContext a = TraceContext::New();
  const TraceContext b = TraceContext::New();
  EXPECT_TRUE(a.valid());
  EXPECT_NE(a.trace_id, b.trace_id);
  EXPECT_EQ(a.Child().trace_id, a.trace_id);
  EXPECT_NE(a.Child().span_id, a.span_id);
  EXPECT_TRUE(TraceContext::Parse(a.Traceparent()));
}

TEST(Trace, ScopesNestAndEnd) {
  EXPECT_FALSE(TraceContext::Current().valid());
  const TraceContext outer = TraceContext::New();
  {
    const TraceScope scope(outer);
    {
      const TraceScope inner(outer.Child());
      EXPECT_NE(TraceContext::Current().span_id, outer.span_id);
    }
    EXPECT_EQ(TraceContext::Current().span_id, outer.span_id);
  }
  EXPECT_FALSE(TraceContext::Current().valid());
}

}  // namespace
}  // namespace stafett::telemetry
