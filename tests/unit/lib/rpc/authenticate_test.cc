#include "lib/rpc/authenticate.h"

#include <gtest/gtest.h>

#include "test_issuer.h"

namespace stafett::rpc {
namespace {

using nlohmann::json;

class AuthenticateTest : public testing::Test {
 protected:
  static TokenOptions Options() {
    TokenOptions options;
    options.issuer = kIssuer;
    options.now = [] { return Time{kNowSeconds * 1000}; };
    return options;
  }
  Result<Caller> Authenticate(const json& access, const json& attestation = nullptr) {
    Credentials credentials;
    credentials.bearer = SharedKey().Sign(access);
    if (!attestation.is_null()) credentials.attestation = SharedKey().Sign(attestation);
    return authenticator_.Authenticate(credentials);
  }
  std::string Reason(const json& access, const json& attestation = nullptr) {
    const Result<Caller> caller = Authenticate(access, attestation);
    if (caller) return "";
    EXPECT_EQ(caller.error().code, Code::kUnauthenticated);
    return caller.error().reason;
  }
  static json Changed(json claims, const char* name, const json& value) {
    claims[name] = value;
    return claims;
  }

  TokenVerifier tokens_{Options(), Publishing(SharedKey()), PatientJwks()};
  Authenticator authenticator_{tokens_};
};

TEST_F(AuthenticateTest, ASystemOfAnOrganisation) {
  const Result<Caller> caller = Authenticate(AccessClaims());
  ASSERT_TRUE(caller) << caller.error().message;
  EXPECT_EQ(caller->organisation, "974760673");
  EXPECT_FALSE(caller->internal);
  EXPECT_FALSE(caller->person);
  EXPECT_TRUE(RequireScope(*caller, "stafett:cases.read"));
  const Status missing = RequireScope(*caller, "stafett:cases.all");
  EXPECT_EQ(missing.error().code, Code::kPermissionDenied);
  EXPECT_EQ(missing.error().reason, "SCOPE_MISSING");
  EXPECT_EQ(missing.error().metadata.at("scope"), "stafett:cases.all");
  EXPECT_EQ(RequirePerson(*caller).error().reason, "ATTESTATION_REQUIRED");
  EXPECT_EQ(RequireInternal(*caller).error().reason, "INTERNAL_ONLY");
}

TEST_F(AuthenticateTest, StaffOfTheCallingOrganisation) {
  const Result<Caller> caller = Authenticate(AccessClaims(), StaffClaims());
  ASSERT_TRUE(caller) << caller.error().message;
  ASSERT_TRUE(RequirePerson(*caller));
  EXPECT_EQ(caller->person->id, "p-teacher");
  EXPECT_EQ(caller->person->role, "TEACHER");
  EXPECT_EQ(caller->person->purpose, "follow-up");
  EXPECT_EQ(caller->person->issued_at.ms, kNowSeconds * 1000);
  EXPECT_FALSE(caller->person->IsGuardian());
}

TEST_F(AuthenticateTest, AGuardianBelongsToNoOrganisation) {
  const Result<Caller> caller = Authenticate(AccessClaims(), GuardianClaims());
  ASSERT_TRUE(caller) << caller.error().message;
  EXPECT_TRUE(caller->person->IsGuardian());
  EXPECT_EQ(Reason(AccessClaims(), Changed(GuardianClaims(), "organisation", "974760673")), "ATTESTATION_MISMATCH");
}

TEST_F(AuthenticateTest, StaffOfAnotherOrganisationOrOfNone) {
  EXPECT_EQ(Reason(AccessClaims(), Changed(StaffClaims(), "organisation", "991825827")), "ATTESTATION_MISMATCH");
  EXPECT_EQ(Reason(AccessClaims(), Changed(StaffClaims(), "organisation", "")), "ATTESTATION_MISMATCH");
}

TEST_F(AuthenticateTest, AWeakLoginIsNotEnough) {
  EXPECT_EQ(Reason(AccessClaims(), Changed(StaffClaims(), "acr", "idporten-loa-substantial")), "ATTESTATION_TOO_WEAK");
  EXPECT_EQ(Reason(AccessClaims(), Changed(StaffClaims(), "acr", nullptr)), "ATTESTATION_TOO_WEAK");
}

TEST_F(AuthenticateTest, ABadAttestationIsNotIgnored) {
  EXPECT_EQ(Reason(AccessClaims(), Changed(StaffClaims(), "exp", kNowSeconds - 60)), "TOKEN_EXPIRED");
  EXPECT_EQ(Reason(AccessClaims(), AccessClaims()), "TOKEN_WRONG_AUDIENCE");
}

TEST_F(AuthenticateTest, OneOfOurOwnServices) {
  const Result<Caller> caller = Authenticate(InternalClaims());
  ASSERT_TRUE(caller) << caller.error().message;
  EXPECT_TRUE(RequireInternal(*caller));
  EXPECT_EQ(caller->organisation, "");
  EXPECT_EQ(Reason(InternalClaims(), GuardianClaims()), "ATTESTATION_MISMATCH");
}

TEST_F(AuthenticateTest, InternalAndConsumerExcludeEachOther) {
  EXPECT_EQ(Reason(Changed(AccessClaims(), "scope", "stafett:internal")), "TOKEN_INVALID");
  EXPECT_EQ(Reason(Changed(AccessClaims(), "consumer", nullptr)), "TOKEN_INVALID");
}

TEST_F(AuthenticateTest, NothingSentOrTooMuch) {
  EXPECT_EQ(authenticator_.Authenticate({}).error().reason, "TOKEN_MISSING");
  Credentials twice;
  twice.bearer = SharedKey().Sign(AccessClaims());
  twice.ambiguous = true;
  EXPECT_EQ(authenticator_.Authenticate(twice).error().reason, "TOKEN_INVALID");
}

}  // namespace
}  // namespace stafett::rpc
