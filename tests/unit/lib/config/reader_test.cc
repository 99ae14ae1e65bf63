#include "lib/config/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stafett::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Document Parsed(const std::string& text) {
  Result<Document> document = Document::Parse(text, "conf/x.yaml");
  EXPECT_TRUE(document) << document.error().message;
  return *std::move(document);
}

// The message of Finish(), empty when it said yes.
std::string Mistakes(Document& document) {
  const Status status = document.Finish();
  return status ? "" : status.error().message;
}

TEST(ConfigReader, ReadsWhatIsThereAndDefaultsForWhatIsNot) {
  Document document = Parsed("name: a\nsize: 7\non: true\nwords: [x, y]\nitems:\n- {id: 1}\n- {id: 2}\n");
  Section root = document.root();
  EXPECT_EQ(root.String("name"), "a");
  EXPECT_EQ(root.Integer("size", 1, 10), 7);
  EXPECT_EQ(root.Integer("other", 1, 10, 3), 3);
  EXPECT_TRUE(root.Boolean("on"));
  EXPECT_THAT(root.Strings("words"), ElementsAre("x", "y"));
  std::vector<Section> items = root.List("items");
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].Integer("id", 0, 9), 1);
  EXPECT_EQ(items[1].Integer("id", 0, 9), 2);
  EXPECT_FALSE(root.OptionalChild("none"));
  EXPECT_EQ(Mistakes(document), "");
}

TEST(ConfigReader, UnknownKeyIsRefusedWithItsLineAndTheNearestKnownOne) {
  Document document = Parsed("service: cases\nredis:\n  hosst: a\n");
  Section root = document.root();
  root.String("service");
  Section redis = root.Child("redis");
  redis.String("host", "x");
  redis.OptionalString("user");
  EXPECT_EQ(Mistakes(document), "conf/x.yaml:3: unknown key redis.hosst; did you mean \"host\"?");
}

TEST(ConfigReader, UnknownKeyWithoutAnythingNearIsRefusedWithoutAGuess) {
  Document document = Parsed("service: cases\nzzzzzzzz: 1\n");
  document.root().String("service");
  EXPECT_EQ(Mistakes(document), "conf/x.yaml:2: unknown key zzzzzzzz");
}

TEST(ConfigReader, TellsEveryMistakeInTheFilesOrder) {
  Document document = Parsed("size: many\nmode: fast\nflag: 1\nlarge: 99\nat: nowhere\nlist: 3\nnull_one:\n");
  Section root = document.root();
  root.OneOf("mode", {"slow", "quick"});
  root.Integer("size", 1, 10);
  root.Boolean("flag");
  root.Integer("large", 1, 10);
  root.Address("at");
  root.List("list");
  root.String("null_one");
  root.String("absent");
  EXPECT_EQ(Mistakes(document),
            "conf/x.yaml:1: size must be a whole number (1..10)\n"
            "conf/x.yaml:1: missing key absent\n"
            "conf/x.yaml:2: mode must be one of: slow, quick\n"
            "conf/x.yaml:3: flag must be one of: true, false\n"
            "conf/x.yaml:4: large is out of range: 99, allowed is 1..10\n"
            "conf/x.yaml:5: at must be host:port\n"
            "conf/x.yaml:6: list must be a list\n"
            "conf/x.yaml:7: null_one has no value");
}

TEST(ConfigReader, AMissingSectionIsOneMistakeNotOnePerKey) {
  Document document = Parsed("a: 1\n");
  Section root = document.root();
  root.Integer("a", 0, 9);
  root.Child("redis").String("host");
  EXPECT_EQ(Mistakes(document), "conf/x.yaml:1: missing key redis");
}

TEST(ConfigReader, AKeyThatStandsTwiceIsRefused) {
  Document document = Parsed("a: 1\na: 2\n");
  document.root().Integer("a", 0, 9);
  EXPECT_EQ(Mistakes(document), "conf/x.yaml:2: a stands twice");
}

TEST(ConfigReader, AScalarWhereAMappingBelongsIsRefused) {
  Document document = Parsed("redis: here\n");
  document.root().Child("redis").String("host");
  EXPECT_THAT(Mistakes(document), HasSubstr("conf/x.yaml:1: redis must be a mapping"));
}

TEST(ConfigReader, TextThatIsNotYamlIsRefusedWithItsLine) {
  const Result<Document> document = Document::Parse("a: 1\nb: [\n", "x.yaml");
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().reason, "CONFIG_INVALID");
  EXPECT_THAT(document.error().message, HasSubstr("x.yaml:"));
  EXPECT_FALSE(Document::Parse("", "x.yaml"));
  EXPECT_FALSE(Document::Load("/no/such/file.yaml"));
}

TEST(ConfigReader, PortZeroOnlyWhereItIsAllowed) {
  Document document = Parsed("a: 127.0.0.1:0\nb: 127.0.0.1:0\nc: '[::1]:80'\nd: host:65536\n");
  Section root = document.root();
  EXPECT_EQ(root.Address("a", Section::Port::kZeroAllowed), "127.0.0.1:0");
  root.Address("b");
  EXPECT_EQ(root.Address("c"), "[::1]:80");
  root.Address("d");
  EXPECT_EQ(Mistakes(document), "conf/x.yaml:2: b must be host:port\nconf/x.yaml:4: d must be host:port");
}

TEST(ConfigReader, TheCallersOwnRefusalCarriesTheLine) {
  Document document = Parsed("a: 1\nb: 2\n");
  Section root = document.root();
  root.Integer("a", 0, 9);
  root.Integer("b", 0, 9);
  root.Refuse("b", "must be less than a");
  EXPECT_EQ(Mistakes(document), "conf/x.yaml:2: b must be less than a");
}

}  // namespace
}  // namespace stafett::config
