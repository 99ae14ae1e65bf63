#include <gtest/gtest.h>

#include "lib/seal/seal.h"

namespace stafett::seal {
namespace {

// FIPS 180-2, and Python: hashlib.sha256(b"abc").
// Of Python's hashlib.blake2b(digest_size=16).
TEST(Digest, ChecksumGolden) {
  EXPECT_EQ(Checksum(""), "cae66941d9efbd404e4d88758ea67670");
  EXPECT_EQ(Checksum("abc"), "cf4ab791c62b8d2b2109c90275287816");
}

TEST(Digest, Sha256Golden) {
  EXPECT_EQ(Sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// Python: hashlib.blake2b(b, digest_size=32, key=bytes(range(32))).hexdigest(). Stored digests hang
// on it.
TEST(Digest, KeyedHashGolden) {
  auto key = Secret::FromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  ASSERT_TRUE(key);
  EXPECT_EQ(KeyedHash(*key, ""), "4e51e7a913fc80137da52880fecca175bf81e117d5c68126dc2774033517ea0d");
  EXPECT_EQ(KeyedHash(*key, "abc"), "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
  EXPECT_NE(KeyedHash(Secret::Random(), "abc"), KeyedHash(*key, "abc"));
}

}  // namespace
}  // namespace stafett::seal
