#include "lib/rpc/client_token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace stafett::rpc {
namespace {

// A token endpoint that counts, and a clock that is set by hand.
struct Endpoint {
  std::atomic<int> asked = 0;
  std::atomic<bool> down = false;
  std::atomic<std::int64_t> now_ms = 1'000'000;
  ClientToken::Ask Ask() {
    return [this](Millis) -> Result<std::string> {
      const int n = ++asked;
      if (down) return Fail(Code::kUnavailable, "TOKEN_ENDPOINT_UNAVAILABLE", "down");
      return R"({"access_token":"t)" + std::to_string(n) + R"(","expires_in":100})";
    };
  }
  ClientToken::SteadyClock Clock() {
    return [this] { return SteadyTime(Millis(now_ms)); };
  }
};

Deadline Soon() { return Deadline::In(Millis(30'000)); }

TEST(ClientTokenTest, AsksOnceAndRenewsAheadOfTheEnd) {
  Endpoint endpoint;
  ClientToken token(endpoint.Ask(), endpoint.Clock());
  EXPECT_EQ(token.Get(Soon()).value(), "t1");
  endpoint.now_ms += 79'000;
  EXPECT_EQ(token.Get(Soon()).value(), "t1");
  endpoint.now_ms += 1'000;
  EXPECT_EQ(token.Get(Soon()).value(), "t2");
  EXPECT_EQ(endpoint.asked, 2);
}

TEST(ClientTokenTest, AnOldTokenOutlivesAFailedRenewalUntilItEnds) {
  Endpoint endpoint;
  ClientToken token(endpoint.Ask(), endpoint.Clock());
  ASSERT_TRUE(token.Get(Soon()));
  endpoint.down = true;
  endpoint.now_ms += 80'000;
  EXPECT_EQ(token.Get(Soon()).value(), "t1");
  EXPECT_EQ(token.Get(Soon()).value(), "t1");
  EXPECT_EQ(endpoint.asked, 2) << "not at every call";
  endpoint.now_ms += 10'000;
  EXPECT_EQ(token.Get(Soon()).error().reason, "TOKEN_ENDPOINT_UNAVAILABLE");
  endpoint.down = false;
  EXPECT_EQ(token.Get(Soon()).value(), "t4");
}

TEST(ClientTokenTest, AnswersThatAreNoTokens) {
  for (const char* body : {"", "[]", "{}", R"({"access_token":7})"}) {
    ClientToken token([body](Millis) -> Result<std::string> { return std::string(body); });
    EXPECT_EQ(token.Get(Soon()).error().reason, "TOKEN_ENDPOINT_UNAVAILABLE") << body;
  }
}

TEST(ClientTokenTest, OneAsksForAllThatWait) {
  std::promise<void> asked, answer;
  std::atomic<int> count = 0;
  ClientToken token([&](Millis) -> Result<std::string> {
    ++count;
    asked.set_value();
    answer.get_future().wait();
    return std::string(R"({"access_token":"t","expires_in":100})");
  });
  auto first = std::async(std::launch::async, [&] { return token.Get(Soon()).value(); });
  asked.get_future().wait();
  auto second = std::async(std::launch::async, [&] { return token.Get(Soon()).value(); });
  EXPECT_EQ(token.Get(Deadline::In(Millis(0))).error().reason, "TOKEN_ENDPOINT_UNAVAILABLE")
      << "nobody waits longer than its own deadline";
  answer.set_value();
  EXPECT_EQ(first.get(), "t");
  EXPECT_EQ(second.get(), "t");
  EXPECT_EQ(count, 1);
}

TEST(ClientTokenTest, AnEndpointThatIsNotThere) {
  // Port 1 on loopback: refused at once.
  ClientToken token(ClientToken::FromEndpoint("http://127.0.0.1:1/token", "c", "s", "x"));
  EXPECT_EQ(token.Get(Soon()).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace stafett::rpc
