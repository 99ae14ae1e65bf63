// Texts are whole in every language, or they are refused; and those that are shipped are whole.
#include "lib/texts/texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/tenants/tenants.h"
#include "notifications/app/operations.h"

namespace stafett::texts {
namespace {

using ::testing::HasSubstr;

const Texts::Wanted kWanted = {{"hello", {"count", "date"}}};
std::string File(const std::string& pattern) { return "texts:\n  - key: hello\n    text: \"" + pattern + "\"\n"; }
constexpr char kRight[] = "{count, plural, one {en} other {# stykker}}, {date}";

void ExpectFault(const std::vector<std::pair<std::string, std::string>>& files, const std::string& reason) {
  auto loaded = Texts::FromText(files, kWanted);
  ASSERT_FALSE(loaded) << reason;
  EXPECT_EQ(loaded.error().reason, "TEXTS_FILE");
  EXPECT_THAT(loaded.error().message, HasSubstr(reason));
}

TEST(Texts, Are_formatted_as_the_language_does) {
  auto texts = Texts::FromText(
      {{"nb", File(kRight)}, {"en", File("{date}: {count, plural, one {one} other {# of them}}")}}, kWanted);
  ASSERT_TRUE(texts) << texts.error().message;
  // 00:30 in Oslo on 1 December; in UTC it is still November.
  const Time date{1'796'081'400'000};
  EXPECT_EQ(*texts->Format("nb", "hello", {{"count", 1}, {"date", date}}), "en, 1. desember 2026");
  EXPECT_EQ(*texts->Format("nb", "hello", {{"count", 12'345}, {"date", date}}),
            "12\u00a0345 stykker, 1. desember 2026");
  EXPECT_EQ(*texts->Format("en", "hello", {{"count", 2}, {"date", std::string("then")}}), "then: 2 of them");
}

TEST(Texts, What_nobody_wanted_or_gave_is_no_text) {
  auto texts = Texts::FromText({{"nb", File(kRight)}}, kWanted);
  ASSERT_TRUE(texts);
  EXPECT_FALSE(texts->Format("nn", "hello", {{"count", 1}, {"date", Time{}}}));
  EXPECT_FALSE(texts->Format("nb", "bye", {}));
  EXPECT_FALSE(texts->Format("nb", "hello", {{"count", 1}}));
}

TEST(Texts, Faults_name_the_file) {
  ExpectFault({{"nb", File(kRight)}, {"nn", "texts: []\n"}}, "nn.yaml: hello is missing");
  ExpectFault({{"nb", File("{count}")}}, "nb.yaml: hello has other placeholders");
  ExpectFault({{"nb", File("{count} {date} {name}")}}, "nb.yaml: hello has other placeholders");
  ExpectFault({{"nb", File("{count, plural, one {en}} {date}")}}, "nb.yaml: hello is no pattern");
  ExpectFault({{"nb", File("{0} {1}")}}, "nb.yaml: hello is no pattern");
  ExpectFault({{"nb", File(kRight) + "  - key: bye\n    text: x\n"}}, "nobody asks for bye");
  ExpectFault({{"nb", File(kRight) + "  - key: hello\n    text: x\n"}}, "stands twice");
  ExpectFault({{"nb", "texts: []\nmore: 1\n"}}, "unknown key");
}

TEST(ShippedTexts, Are_whole_and_format_in_every_language) {
  const auto words = notifications::app::Words();
  auto texts = Texts::Load(STAFETT_TEXTS, {tenants::kLanguages.begin(), tenants::kLanguages.end()}, words);
  ASSERT_TRUE(texts) << texts.error().message;
  std::map<std::string, std::set<std::string>> seen;
  for (const auto language : tenants::kLanguages) {
    for (const auto& [key, placeholders] : words) {
      for (std::int64_t count : {0, 1, 2, 3, 11, 100, 1000}) {
        SCOPED_TRACE(std::string(language) + " " + key + " " + std::to_string(count));
        Values values;
        if (placeholders.contains("count")) values["count"] = count;
        if (placeholders.contains("date")) values["date"] = Time{1'796'081'400'000};
        if (placeholders.contains("link")) values["link"] = std::string("https://x.example.no/");
        auto text = texts->Format(std::string(language), key, values);
        ASSERT_TRUE(text);
        EXPECT_EQ(text->find_first_of("{}#"), std::string::npos) << *text;
        EXPECT_TRUE(!placeholders.contains("link") || text->find("\nhttps://x.example.no/\n") != std::string::npos);
        // In Arabic's own digits there.
        EXPECT_TRUE(!placeholders.contains("date") || text->find("2026") != std::string::npos ||
                    text->find("٢٠٢٦") != std::string::npos)
            << *text;
        if (count == 1) seen[key].insert(*text);
      }
    }
  }
  for (const auto& [key, texts_of] : seen) EXPECT_EQ(texts_of.size(), tenants::kLanguages.size()) << key;
}

}  // namespace
}  // namespace stafett::texts
