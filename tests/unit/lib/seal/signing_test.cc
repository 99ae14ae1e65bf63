// Signatures that others verify: the examples of RFC 8037, appendix A.
#include "lib/seal/signing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stafett::seal {
namespace {

// "d" of appendix A.1, in hex.
SigningKey Example() {
  auto seed = Secret::FromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  EXPECT_TRUE(seed);
  return SigningKey(*seed);
}

TEST(SigningKey, Is_the_example_of_RFC_8037) {
  auto key = Example();
  EXPECT_EQ(key.Jwk(), R"({"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
  EXPECT_EQ(key.Id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  EXPECT_EQ(key.SignWithHeader(R"({"alg":"EdDSA"})", "Example of Ed25519 signing"),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
}

TEST(SigningKey, Says_what_it_signed_and_with_which_key) {
  // {"alg":"EdDSA","kid":"kPrK…","typ":"a+jws"}
  EXPECT_THAT(Example().Sign("a+jws", "x"), testing::StartsWith("eyJhbGciOiJFZERTQSIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3"
                                                                "QkY2SXVvM3ZWeno3VHhIQ1R3WEJ5Z3JTNGsiLCJ0eXAiOiJhK2p3"
                                                                "cyJ9.eA."));
}

TEST(SigningKey, Another_secret_is_another_key) {
  auto seed = Secret::Random();
  EXPECT_EQ(SigningKey(seed).Jwk(), SigningKey(seed).Jwk());
  EXPECT_NE(SigningKey(seed).Jwk(), SigningKey(seed.Derive("a")).Jwk());
}

TEST(SigningKeyDeathTest, Without_a_secret_there_is_no_key) { EXPECT_DEATH(SigningKey{Secret()}, "never set"); }

}  // namespace
}  // namespace stafett::seal
