#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>

#include "lib/base/id.h"
#include "lib/seal/seal.h"

namespace stafett::seal {
namespace {

Secret Key() { return *Secret::FromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"); }

RC_GTEST_PROP(Pseudonyms, TurnBackToTheId, (const IdBytes& bytes, const std::string& scope)) {
  Pseudonyms pseudonyms(Key());
  std::string id = FormatId("ch", bytes);
  std::string pseudonym = pseudonyms.For(scope, id, "ref");
  RC_ASSERT(ParseId("ref", pseudonym).has_value());
  RC_ASSERT(*pseudonyms.Back(scope, pseudonym, "ch") == id);
}

TEST(Pseudonyms, SameIdAndScopeSamePseudonym) {
  std::string id = NewId("ch");
  EXPECT_EQ(Pseudonyms(Key()).For("r-1", id, "ref"), Pseudonyms(Key()).For("r-1", id, "ref"));
}

TEST(Pseudonyms, ScopesAndKeysAreUnrelated) {
  std::string id = NewId("ch");
  Pseudonyms pseudonyms(Key());
  std::string here = pseudonyms.For("r-1", id, "ref");
  EXPECT_NE(here.substr(4), id.substr(3));
  EXPECT_NE(here, pseudonyms.For("r-2", id, "ref"));
  EXPECT_NE(here, Pseudonyms(Secret::Random()).For("r-1", id, "ref"));
  EXPECT_NE(*pseudonyms.Back("r-2", here, "ch"), id);
}

TEST(Pseudonyms, AreAPermutation) {
  Pseudonyms pseudonyms(Key());
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) seen.insert(pseudonyms.For("s", NewId("ch"), "ref"));
  EXPECT_EQ(seen.size(), 500U);
}

TEST(Pseudonyms, WhatIsNoIdGivesNothing) {
  Pseudonyms pseudonyms(Key());
  for (const char* text : {"", "-", "ch-", "ch-short", "Emma", "ch-ilou0000000000000000000000"}) {
    EXPECT_EQ(pseudonyms.For("s", text, "ref"), "") << text;
    auto back = pseudonyms.Back("s", text, "ch");
    ASSERT_FALSE(back) << text;
    EXPECT_EQ(back.error().code, Code::kNotFound);
  }
}

// Pseudonyms are in recipients' archives: this one must stay what it is.
TEST(Pseudonyms, Golden) {
  IdBytes bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  EXPECT_EQ(Pseudonyms(Key()).For("r-8hq2mz", FormatId("ch", bytes), "ref"), "ref-2a4c4e0qkds2ck0ag33qg4s63j");
}

}  // namespace
}  // namespace stafett::seal
