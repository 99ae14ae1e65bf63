#include "lib/base/id.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace stafett {
namespace {

IdBytes AnyBytes() {
  IdBytes bytes{};
  for (auto& b : bytes) b = *rc::gen::arbitrary<unsigned char>();
  return bytes;
}

RC_GTEST_PROP(Id, Comes_back_as_the_bytes_that_it_was_made_of, ()) {
  auto bytes = AnyBytes();
  auto id = FormatId("ch", bytes);
  RC_ASSERT(id.size() == 29U);
  RC_ASSERT(ParseId("ch", id) == bytes);
}

// One text for one id: else two keys would stand for the same child.
RC_GTEST_PROP(Id, Has_one_form_only, ()) {
  constexpr std::string_view kAny = "0123456789abcdefghijklmnopqrstuvwxyzABCZ-_ ";
  auto id = FormatId("ch", AnyBytes());
  auto at = *rc::gen::inRange<std::size_t>(0, id.size());
  id[at] = kAny[*rc::gen::inRange<std::size_t>(0, kAny.size())];
  auto parsed = ParseId("ch", id);
  if (parsed) RC_ASSERT(FormatId("ch", *parsed) == id);
}

RC_GTEST_PROP(Id, Sorts_as_its_bytes_do, ()) {
  auto a = AnyBytes();
  auto b = AnyBytes();
  RC_ASSERT((FormatId("ch", a) < FormatId("ch", b)) == (a < b));
}

TEST(Id, Is_written_in_26_digits_without_the_letters_that_are_misread) {
  IdBytes bytes{};
  EXPECT_EQ(FormatId("ch", bytes), "ch-00000000000000000000000000");
  bytes.fill(0xff);
  EXPECT_EQ(FormatId("ch", bytes), "ch-7zzzzzzzzzzzzzzzzzzzzzzzzz");
}

TEST(Id, Any_other_form_is_none) {
  const std::string good = "ch-0h2k9m4n5p6q7r8s9t0v1w2x3y";
  ASSERT_TRUE(ParseId("ch", good));
  EXPECT_FALSE(ParseId("ca", good));
  EXPECT_FALSE(ParseId("c", good));
  EXPECT_FALSE(ParseId("", good));
  EXPECT_FALSE(ParseId("ch", ""));
  EXPECT_FALSE(ParseId("ch", "ch-"));
  EXPECT_FALSE(ParseId("ch", good + "0"));
  EXPECT_FALSE(ParseId("ch", good.substr(0, good.size() - 1)));
  EXPECT_FALSE(ParseId("ch", " " + good));
  EXPECT_FALSE(ParseId("ch", "ch_" + good.substr(3)));
  EXPECT_FALSE(ParseId("ch", "ch-0H2K9M4N5P6Q7R8S9T0V1W2X3Y"));  // no second form in upper case
  EXPECT_FALSE(ParseId("ch", "ch-8zzzzzzzzzzzzzzzzzzzzzzzzz"));  // more than 128 bits
  for (char misread : {'i', 'l', 'o', 'u'}) {
    auto id = good;
    id[10] = misread;
    EXPECT_FALSE(ParseId("ch", id)) << id;
  }
}

TEST(Id, New_ones_differ) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(NewId("ev")).second);
  EXPECT_TRUE(ParseId("ev", *seen.begin()));
}

TEST(Id, Derived_from_the_same_it_is_the_same) {
  EXPECT_EQ(DerivedId("rq", "one"), DerivedId("rq", "one"));
  EXPECT_NE(DerivedId("rq", "one"), DerivedId("rq", "two"));
  // Kept in two stores: it may never change.
  EXPECT_EQ(DerivedId("rq", "one"), "rq-" + DerivedId("ev", "one").substr(3));
  EXPECT_TRUE(ParseId("rq", DerivedId("rq", "")));
}

TEST(Uuid, Is_36_characters_of_hexadecimal_digits_and_dashes) {
  EXPECT_TRUE(IsUuid("123e4567-e89b-12d3-a456-426614174000"));
  EXPECT_TRUE(IsUuid("123E4567-E89B-12D3-A456-426614174000"));
  EXPECT_FALSE(IsUuid(""));
  EXPECT_FALSE(IsUuid("123e4567e89b12d3a456426614174000"));
  EXPECT_FALSE(IsUuid("{23e4567-e89b-12d3-a456-42661417400}"));
  EXPECT_FALSE(IsUuid("123e4567-e89b-12d3-a456-42661417400g"));
  EXPECT_FALSE(IsUuid("123e4567-e89b-12d3-a456-4266141740000"));
  EXPECT_FALSE(IsUuid("123e4567-e89b-12d3-a456-42661417400"));
  EXPECT_FALSE(IsUuid("123e4567-e89b-12d3-a456426614174000-"));
  EXPECT_FALSE(IsUuid("------------------------------------"));
}

}  // namespace
}  // namespace stafett
