#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>

#include "lib/seal/seal.h"

namespace stafett::seal {
namespace {

RC_GTEST_PROP(Box, OpensToWhatWasSealed, (const std::string& text, const std::string& bound)) {
  DataKey key = NewDataKey();
  Box box = Seal(key, text, bound);
  RC_ASSERT(box.alg == kXChaCha20Poly1305);
  RC_ASSERT(box.key_id == key.id);
  auto opened = Open(key, box, bound);
  RC_ASSERT(opened.has_value());
  RC_ASSERT(*opened == text);
}

TEST(Box, WrongBoundKeyOrKeyIdDoesNotOpen) {
  DataKey key = NewDataKey();
  Box box = Seal(key, "synthetic text", "stream/7/type");
  auto bound = Open(key, box, "stream/8/type");
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, Code::kInternal);
  EXPECT_EQ(bound.error().reason, "SEAL_BROKEN");
  EXPECT_FALSE(Open(DataKey{key.id, Secret::Random()}, box, "stream/7/type"));
  EXPECT_FALSE(Open(DataKey{"k-other", key.key}, box, "stream/7/type"));
  EXPECT_FALSE(Open(DataKey{key.id, Secret()}, box, "stream/7/type"));
}

TEST(Box, EveryChangedByteIsNoticed) {
  DataKey key = NewDataKey();
  const Box box = Seal(key, "synthetic text", "b");
  for (std::size_t i = 0; i < box.ciphertext.size(); ++i) {
    Box changed = box;
    changed.ciphertext[i] = static_cast<char>(changed.ciphertext[i] ^ 1);
    EXPECT_FALSE(Open(key, changed, "b")) << i;
  }
  for (std::size_t i = 0; i < box.nonce.size(); ++i) {
    Box changed = box;
    changed.nonce[i] = static_cast<char>(changed.nonce[i] ^ 1);
    EXPECT_FALSE(Open(key, changed, "b")) << i;
  }
}

TEST(Box, WrongShapesAreRefused) {
  DataKey key = NewDataKey();
  Box box = Seal(key, "text", "b");
  Box other = box;
  other.alg = 2;
  auto unknown = Open(key, other, "b");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalidArgument);
  EXPECT_EQ(unknown.error().reason, "SEAL_UNKNOWN_ALG");
  other = box;
  other.nonce.pop_back();
  EXPECT_FALSE(Open(key, other, "b"));
  other = box;
  other.ciphertext.resize(15);
  EXPECT_FALSE(Open(key, other, "b"));
  other.ciphertext.clear();
  EXPECT_FALSE(Open(key, other, "b"));
}

TEST(Box, NonceIsFreshAndTextIsNotInside) {
  DataKey key = NewDataKey();
  std::set<std::string> nonces;
  for (int i = 0; i < 200; ++i) {
    Box box = Seal(key, "same text", "b");
    EXPECT_EQ(box.nonce.size(), 24U);
    EXPECT_EQ(box.ciphertext.find("same text"), std::string::npos);
    nonces.insert(box.nonce);
  }
  EXPECT_EQ(nonces.size(), 200U);
}

TEST(Wrap, UnwrapsToTheSameKey) {
  Secret kek = Secret::Random();
  DataKey key = NewDataKey();
  auto back = Unwrap(kek, key.id, "ch-a", Wrap(kek, key, "ch-a"));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, key.id);
  auto opened = Open(*back, Seal(key, "text", "b"), "b");
  ASSERT_TRUE(opened);
  EXPECT_EQ(*opened, "text");
}

TEST(Wrap, IsBoundToChildKeyIdAndKek) {
  Secret kek = Secret::Random();
  DataKey key = NewDataKey();
  std::string wrapped = Wrap(kek, key, "ch-a");
  EXPECT_FALSE(Unwrap(kek, key.id, "ch-b", wrapped));
  EXPECT_FALSE(Unwrap(kek, "k-other", "ch-a", wrapped));
  EXPECT_FALSE(Unwrap(Secret::Random(), key.id, "ch-a", wrapped));
  EXPECT_FALSE(Unwrap(Secret(), key.id, "ch-a", wrapped));
  EXPECT_FALSE(Unwrap(kek, key.id, "ch-a", wrapped.substr(1)));
  EXPECT_FALSE(Unwrap(kek, key.id, "ch-a", ""));
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    std::string changed = wrapped;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    EXPECT_FALSE(Unwrap(kek, key.id, "ch-a", changed)) << i;
  }
}

// Moving a character from key id to child must not verify.
TEST(Wrap, KeyIdAndChildAreKeptApart) {
  Secret kek = Secret::Random();
  DataKey key{"k-ab", Secret::Random()};
  EXPECT_FALSE(Unwrap(kek, "k-a", "bch", Wrap(kek, key, "ch")));
}

}  // namespace
}  // namespace stafett::seal
