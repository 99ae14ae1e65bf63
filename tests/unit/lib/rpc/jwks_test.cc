#include "lib/rpc/jwks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "test_issuer.h"

namespace stafett::rpc {
namespace {

// What the issuer publishes just now, and how often it was asked.
struct Issuer {
  std::mutex mutex;
  Result<std::string> answer = Fail(Code::kUnavailable, "HTTP_FAILED", "down");
  std::atomic<int> asked = 0;
  std::atomic<std::int64_t> now_ms = 1'000'000;

  void Publish(Result<std::string> next) {
    std::lock_guard lock(mutex);
    answer = std::move(next);
  }
  Jwks::Fetch Fetch() {
    return [this] {
      ++asked;
      std::lock_guard lock(mutex);
      return answer;
    };
  }
  Jwks::Options Options() {
    Jwks::Options options = PatientJwks();
    options.now = [this] { return SteadyTime(Millis(now_ms)); };
    options.retry_first = Millis(1);
    return options;
  }
};

std::string ReasonOf(const Result<std::string>& result) { return result ? "" : result.error().reason; }

TEST(JwksTest, VerifiesAllThreeAlgorithms) {
  const TestKey ec("ec", TestKey::Type::kEc);
  Issuer issuer;
  issuer.Publish(JwksOf({SharedKey().Public(), ec.Public()}));
  Jwks jwks(issuer.Fetch(), issuer.Options());
  EXPECT_EQ(jwks.Verify(SharedKey().Sign(std::string("x"), "RS256")).value(), "x");
  EXPECT_EQ(jwks.Verify(SharedKey().Sign(std::string("x"), "PS256")).value(), "x");
  EXPECT_EQ(jwks.Verify(ec.Sign(std::string("x"), "ES256")).value(), "x");
  EXPECT_EQ(ReasonOf(jwks.Verify(SharedKey().Sign(std::string("x"), "RS512"))), "TOKEN_INVALID");
}

// It asks again in ten minutes; a loop that stood still for that long would be missed.
TEST(JwksTest, ItBeatsWhileItWaits) {
  Issuer issuer;
  issuer.Publish(JwksOf({SharedKey().Public()}));
  std::atomic<int> beats{0};
  auto options = issuer.Options();
  options.beat_every = Millis(1);
  options.beats = [&](const std::string&) -> Beat { return [&] { ++beats; }; };
  Jwks jwks(issuer.Fetch(), options);
  ASSERT_EQ(jwks.Verify(SharedKey().Sign(std::string("x"), "RS256")).value(), "x");
  const int before = beats;
  for (const auto end = Deadline::In(Millis(5000)); beats < before + 3 && !end.Passed();) std::this_thread::yield();
  EXPECT_GE(beats, before + 3);
  EXPECT_EQ(issuer.asked, 1);
}

TEST(JwksTest, AKeyIsUsedOnlyAsItsIssuerSays) {
  auto only_ps = SharedKey().Public();
  only_ps["alg"] = "PS256";
  const TestKey other("enc");
  auto for_encryption = other.Public();
  for_encryption["use"] = "enc";
  Issuer issuer;
  issuer.Publish(JwksOf({only_ps, for_encryption}));
  Jwks jwks(issuer.Fetch(), issuer.Options());
  EXPECT_TRUE(jwks.Verify(SharedKey().Sign(std::string("x"), "PS256")));
  EXPECT_EQ(ReasonOf(jwks.Verify(SharedKey().Sign(std::string("x"), "RS256"))), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(jwks.Verify(other.Sign(std::string("x")))), "TOKEN_INVALID");
}

TEST(JwksTest, ATokenWithoutKidOrWithCritIsRefused) {
  Issuer issuer;
  issuer.Publish(JwksOf({SharedKey().Public()}));
  Jwks jwks(issuer.Fetch(), issuer.Options());
  EXPECT_EQ(ReasonOf(jwks.Verify(SharedKey().SignWith({{"alg", "RS256"}}, "x"))), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(jwks.Verify(SharedKey().SignWith(
                {{"alg", "RS256"}, {"kid", "key-1"}, {"crit", nlohmann::json::array({"exp"})}}, "x"))),
            "TOKEN_INVALID");
}

TEST(JwksTest, WeakAndBrokenKeysAreLeftOut) {
  const TestKey weak("weak", TestKey::Type::kWeakRsa);
  Issuer issuer;
  issuer.Publish(JwksOf({SharedKey().Public(), weak.Public(), {{"kty", "RSA"}, {"kid", "broken"}}, 7}));
  Jwks jwks(issuer.Fetch(), issuer.Options());
  EXPECT_TRUE(jwks.Verify(SharedKey().Sign(std::string("x"))));
  EXPECT_EQ(ReasonOf(jwks.Verify(weak.Sign(std::string("x")))), "TOKEN_INVALID");
}

TEST(JwksTest, RetriesUntilTheIssuerIsThere) {
  Issuer issuer;
  Jwks jwks(issuer.Fetch(), issuer.Options());
  EXPECT_EQ(ReasonOf(jwks.Verify(SharedKey().Sign(std::string("x")))), "ISSUER_UNAVAILABLE");
  issuer.Publish(JwksOf({SharedKey().Public()}));
  // Each Verify waits for one more attempt; the first after the publication succeeds.
  bool verified = false;
  for (int i = 0; i < 1000 && !verified; ++i) {
    verified = jwks.Verify(SharedKey().Sign(std::string("x"))).has_value();
  }
  EXPECT_TRUE(verified);
  EXPECT_TRUE(jwks.Loaded());
}

TEST(JwksTest, AnUnknownKeyIsAskedForAtMostEveryFiveSeconds) {
  const TestKey next("key-2");
  Issuer issuer;
  issuer.Publish(JwksOf({SharedKey().Public()}));
  Jwks jwks(issuer.Fetch(), issuer.Options());
  ASSERT_TRUE(jwks.Verify(SharedKey().Sign(std::string("x"))));
  EXPECT_EQ(issuer.asked, 1);

  EXPECT_EQ(ReasonOf(jwks.Verify(next.Sign(std::string("x")))), "TOKEN_INVALID");
  EXPECT_EQ(issuer.asked, 2);
  issuer.Publish(JwksOf({SharedKey().Public(), next.Public()}));
  issuer.now_ms += 4'999;
  EXPECT_EQ(ReasonOf(jwks.Verify(next.Sign(std::string("x")))), "TOKEN_INVALID");
  EXPECT_EQ(issuer.asked, 2) << "no flood of requests to the issuer";
  issuer.now_ms += 1;
  EXPECT_TRUE(jwks.Verify(next.Sign(std::string("x"))));
  EXPECT_EQ(issuer.asked, 3);
}

TEST(JwksTest, GoodKeysStayWhenTheIssuerFailsAndAnUnknownOneIsThenNoVerdict) {
  const TestKey next("key-2");
  Issuer issuer;
  issuer.Publish(JwksOf({SharedKey().Public()}));
  Jwks jwks(issuer.Fetch(), issuer.Options());
  ASSERT_TRUE(jwks.Verify(SharedKey().Sign(std::string("x"))));
  issuer.Publish(std::string("<html>"));
  EXPECT_EQ(ReasonOf(jwks.Verify(next.Sign(std::string("x")))), "ISSUER_UNAVAILABLE");
  EXPECT_TRUE(jwks.Verify(SharedKey().Sign(std::string("x"))));
}

TEST(JwksTest, ARemovedKeyVerifiesNoLongerAndTheGenerationTells) {
  const TestKey next("key-2");
  Issuer issuer;
  issuer.Publish(JwksOf({SharedKey().Public()}));
  Jwks jwks(issuer.Fetch(), issuer.Options());
  ASSERT_TRUE(jwks.Verify(SharedKey().Sign(std::string("x"))));
  const std::uint64_t before = jwks.Generation();
  issuer.Publish(JwksOf({next.Public()}));
  ASSERT_TRUE(jwks.Verify(next.Sign(std::string("x"))));
  EXPECT_GT(jwks.Generation(), before);
  EXPECT_EQ(ReasonOf(jwks.Verify(SharedKey().Sign(std::string("x")))), "TOKEN_INVALID");
}

}  // namespace
}  // namespace stafett::rpc
