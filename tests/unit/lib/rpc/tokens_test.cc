#include "lib/rpc/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_issuer.h"

namespace stafett::rpc {
namespace {

using nlohmann::json;
using testing::ElementsAre;

class TokensTest : public testing::Test {
 protected:
  TokensTest() : verifier_(Options(), Publishing(SharedKey()), PatientJwks()) {}

  TokenOptions Options() {
    TokenOptions options;
    options.issuer = kIssuer;
    options.now = [this] { return now_; };
    options.cache_entries = 3;
    return options;
  }
  // "" for a good token, else its reason.
  std::string Reason(const std::string& token, TokenKind kind = TokenKind::kAccess) {
    const Result<Claims> claims = verifier_.Verify(kind, token);
    if (claims) return "";
    EXPECT_EQ(claims.error().code, Code::kUnauthenticated);
    EXPECT_EQ(claims.error().metadata.at("token"), kind == TokenKind::kAccess ? "access" : "attestation");
    return claims.error().reason;
  }
  std::string ReasonOf(const json& claims) { return Reason(SharedKey().Sign(claims)); }
  // AccessClaims with one claim set, or removed when `value` is null.
  static json With(const char* name, const json& value) {
    json claims = AccessClaims();
    claims[name] = value;
    if (value.is_null()) claims.erase(name);
    return claims;
  }

  Time now_{kNowSeconds * 1000};
  TokenVerifier verifier_;
};

TEST_F(TokensTest, ReadsAMaskinportenToken) {
  json claims = AccessClaims();
  claims["supplier"] = OrganisationClaim("991825827");
  const Result<Claims> read = verifier_.Verify(TokenKind::kAccess, SharedKey().Sign(claims));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->client_id, "school-system");
  EXPECT_EQ(read->organisation, "974760673");
  EXPECT_EQ(read->supplier, "991825827");
  EXPECT_THAT(read->scopes, ElementsAre("stafett:cases.read", "stafett:cases.write"));
  EXPECT_EQ(read->expires_at.ms, (kNowSeconds + 120) * 1000);
}

TEST_F(TokensTest, ReadsAnAttestation) {
  const Result<Claims> read = verifier_.Verify(TokenKind::kAttestation, SharedKey().Sign(StaffClaims()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->subject, "p-teacher");
  EXPECT_EQ(read->role, "TEACHER");
  EXPECT_EQ(read->unit, "u-school-1");
  EXPECT_EQ(read->attested_organisation, "974760673");
  EXPECT_EQ(read->purpose, "follow-up");
  EXPECT_EQ(read->acr, "idporten-loa-high");
}

TEST_F(TokensTest, Missing) { EXPECT_EQ(Reason(""), "TOKEN_MISSING"); }

TEST_F(TokensTest, ExpiredAfterTheSkewAndNotBefore) {
  const std::string token = SharedKey().Sign(AccessClaims());
  now_.ms = (kNowSeconds + 120 + 9) * 1000;
  EXPECT_EQ(Reason(token), "");
  now_.ms = (kNowSeconds + 120 + 10) * 1000;
  EXPECT_EQ(Reason(token), "TOKEN_EXPIRED") << "although it was kept as verified";
  EXPECT_EQ(Reason(token), "TOKEN_EXPIRED") << "verified anew";
  EXPECT_EQ(verifier_.CachedForTest(), 0U);
}

TEST_F(TokensTest, NotYetValidOrFromTheFuture) {
  EXPECT_EQ(ReasonOf(With("nbf", kNowSeconds + 9)), "");
  EXPECT_EQ(ReasonOf(With("nbf", kNowSeconds + 11)), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(With("iat", kNowSeconds + 11)), "TOKEN_INVALID");
}

TEST_F(TokensTest, AudienceAndKindDoNotMix) {
  EXPECT_EQ(ReasonOf(With("aud", "another")), "TOKEN_WRONG_AUDIENCE");
  EXPECT_EQ(ReasonOf(With("aud", json::array({"another", "stafett"}))), "");
  EXPECT_EQ(ReasonOf(With("aud", nullptr)), "TOKEN_WRONG_AUDIENCE");
  EXPECT_EQ(ReasonOf(StaffClaims()), "TOKEN_WRONG_AUDIENCE");
  const std::string access = SharedKey().Sign(AccessClaims());
  EXPECT_EQ(Reason(access), "");
  EXPECT_EQ(Reason(access, TokenKind::kAttestation), "TOKEN_WRONG_AUDIENCE")
      << "a token verified as one kind must not count as the other";
}

TEST_F(TokensTest, ClaimsThatAreMissingOrMalformed) {
  for (const auto& [name, value] :
       std::vector<std::pair<const char*, json>>{{"iss", "https://other.test"},
                                                 {"iss", nullptr},
                                                 {"exp", nullptr},
                                                 {"exp", "tomorrow"},
                                                 {"exp", -1},
                                                 {"iat", nullptr},
                                                 {"client_id", nullptr},
                                                 {"client_id", "a b"},
                                                 {"client_id", std::string(129, 'a')},
                                                 {"client_id", "a\nb"},
                                                 {"scope", json::array({"a"})},
                                                 {"consumer", "974760673"},
                                                 {"consumer", {{"authority", "other"}, {"ID", "0192:974760673"}}},
                                                 {"consumer", OrganisationClaim("97476067")},
                                                 {"consumer", OrganisationClaim("97476067x")},
                                                 {"supplier", OrganisationClaim("1")}}) {
    EXPECT_EQ(ReasonOf(With(name, value)), "TOKEN_INVALID") << name << " " << value.dump();
  }
  EXPECT_EQ(Reason(SharedKey().Sign(std::string("[]"))), "TOKEN_INVALID");
  EXPECT_EQ(Reason(SharedKey().Sign(std::string("not json"))), "TOKEN_INVALID");
}

TEST_F(TokensTest, ANationalNumberIsNoPersonId) {
  json claims = StaffClaims();
  claims["sub"] = "01810012345";
  EXPECT_EQ(Reason(SharedKey().Sign(claims), TokenKind::kAttestation), "TOKEN_INVALID");
}

TEST_F(TokensTest, TamperedInAnyPart) {
  const std::string token = SharedKey().Sign(AccessClaims());
  for (const std::size_t at : {std::size_t{3}, token.find('.') + 5, token.rfind('.') + 5}) {
    std::string tampered = token;
    tampered[at] = tampered[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(Reason(tampered), "TOKEN_INVALID") << at;
  }
  EXPECT_EQ(Reason(token.substr(0, token.rfind('.') + 1)), "TOKEN_INVALID") << "signature cut off";
  EXPECT_EQ(Reason(token.substr(0, token.rfind('.'))), "TOKEN_INVALID");
  EXPECT_EQ(verifier_.CachedForTest(), 0U);
}

TEST_F(TokensTest, RubbishOfAllKindsIsOnlyRefused) {
  for (const std::string& token : {std::string("x"), std::string("."), std::string(".."), std::string("..."),
                                   std::string("a.b.c"), std::string("e30.e30.e30"), std::string("\0\0.\0.\0", 6),
                                   std::string(8000, '.'), std::string("eyJhbGciOm51bGx9.e30.e30")}) {
    EXPECT_EQ(Reason(token), "TOKEN_INVALID");
  }
}

TEST_F(TokensTest, AlgNoneAndSymmetricAreRefused) {
  // {"alg":"none","kid":"key-1"} and the claims, unsigned.
  const std::string claims = SharedKey().Sign(AccessClaims());
  const std::string payload = claims.substr(claims.find('.'), claims.rfind('.') - claims.find('.'));
  EXPECT_EQ(Reason("eyJhbGciOiJub25lIiwia2lkIjoia2V5LTEifQ" + payload + "."), "TOKEN_INVALID");
  // {"alg":"HS256","kid":"key-1"}: the old trick of signing with the public key as a secret.
  EXPECT_EQ(Reason("eyJhbGciOiJIUzI1NiIsImtpZCI6ImtleS0xIn0" + payload + ".AAAA"), "TOKEN_INVALID");
}

TEST_F(TokensTest, OversizeIsRefusedBeforeAnythingElse) {
  json claims = AccessClaims();
  claims["padding"] = std::string(9000, 'x');
  EXPECT_EQ(ReasonOf(claims), "TOKEN_INVALID");
}

TEST_F(TokensTest, KeepsAFewVerifiedTokensAndForgetsTheLeastRecentlyUsed) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 5; ++i) {
    tokens.push_back(SharedKey().Sign(With("jti", std::to_string(i))));
    EXPECT_EQ(Reason(tokens.back()), "");
  }
  EXPECT_EQ(verifier_.CachedForTest(), 3U);
  for (const std::string& token : tokens) EXPECT_EQ(Reason(token), "");
}

TEST(Tokens, TheIssuerIsAwayBeforeItsFirstAnswer) {
  TokenOptions options;
  options.issuer = kIssuer;
  Jwks::Options impatient;
  impatient.wait_for_refresh = Millis(0);
  impatient.retry_first = Millis(60'000);
  TokenVerifier verifier(
      options, []() -> Result<std::string> { return Fail(Code::kUnavailable, "HTTP_FAILED", "x"); }, impatient);
  EXPECT_FALSE(verifier.Loaded());
  const auto refused = verifier.Verify(TokenKind::kAccess, SharedKey().Sign(AccessClaims()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().reason, "ISSUER_UNAVAILABLE");
}

}  // namespace
}  // namespace stafett::rpc
