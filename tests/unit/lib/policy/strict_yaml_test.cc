#include "lib/policy/strict_yaml.h"

#include <gtest/gtest.h>

#include <string>

namespace stafett::yaml {
namespace {

// Python: datetime(..., tzinfo=ZoneInfo("Europe/Oslo")).timestamp() * 1000
TEST(ParseWhen, ADayBeginsAtMidnightInOslo) {
  EXPECT_EQ(ParseWhen("2026-01-01")->ms, 1767222000000);
  EXPECT_EQ(ParseWhen("2026-03-29")->ms, 1774738800000);  // clocks change in this night
  EXPECT_EQ(ParseWhen("2026-03-30")->ms, 1774821600000);
  EXPECT_EQ(ParseWhen("2026-10-25")->ms, 1792879200000);  // and in this one
  EXPECT_EQ(ParseWhen("2026-10-26")->ms, 1792969200000);
}

TEST(ParseWhen, ATimeIsUtc) {
  EXPECT_EQ(ParseWhen("1997-01-01T00:00:00Z")->ms, 852076800000);
  EXPECT_EQ(ParseWhen("2026-11-21T09:30:15Z")->ms - ParseWhen("2026-11-21T00:00:00Z")->ms, 34215000);
}

TEST(ParseWhen, OtherFormsAreRefused) {
  for (const char* text :
       {"", "2026", "2026-11", "2026-11-31", "2026-13-01", "1996-12-31", "26-11-21", "2026/11/21", "2026-11-21 ",
        "2026-11-21T09:00Z", "2026-11-21T09:00:00", "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z",
        "2026-11-21T09:00:00+01:00", "2026-11-21T09:00:00ZZ", "-026-11-21", "2026-+1-21"}) {
    EXPECT_FALSE(ParseWhen(text)) << text;
  }
}

TEST(Reader, KeepsTheFirstFaultAndReadsEmptyAfterwards) {
  Reader reader("f.yaml", "X");
  YAML::Node root = reader.Parse("a: 1\nb: [2]\n");
  reader.Keys(root, "it", {"a", "b", "c"});
  ASSERT_FALSE(reader.Ok());
  EXPECT_EQ(reader.error().message, "f.yaml:1: it: key \"c\" is missing");
  EXPECT_EQ(reader.Text(root, "a"), "");
  EXPECT_TRUE(reader.Texts(root, "b").empty());
  reader.Fault(root, "another");
  EXPECT_EQ(reader.error().message, "f.yaml:1: it: key \"c\" is missing");
}

TEST(Reader, NothingThrowsOnOddFiles) {
  for (const char* text : {"", "~", "[", "a", "- a", "{a: b", "a: &x 1\nb: *y\n", "? [a]\n: b\n", "!!binary x: y\n",
                           "\t", "a: b: c", "%YAML 9.9\n---\na: b\n"}) {
    Reader reader("f.yaml", "X");
    YAML::Node root = reader.Parse(text);
    reader.Keys(root, "it", {"z"});
    reader.Text(root, "z");
    reader.When(root, "z");
    reader.Flag(root, "z", false);
    EXPECT_FALSE(reader.Ok()) << text;
  }
}

}  // namespace
}  // namespace stafett::yaml
