#include "lib/smtp/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sstream>

namespace stafett::smtp {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Mail AMail() {
  return {"from@x.example.no",  "to@x.example.no", "m-1@x.example.no",     "nb",
          "Noen venter på deg", "Hei.\n\nÅpne.\n", Time{1'795'328'426'123}};
}

TEST(Message, Has_the_headers_of_an_automatic_plain_text) {
  EXPECT_EQ(*Render(AMail()),
            "Date: Sun, 22 Nov 2026 06:20:26 +0000\r\n"
            "From: Stafett <from@x.example.no>\r\n"
            "To: <to@x.example.no>\r\n"
            "Message-ID: <m-1@x.example.no>\r\n"
            "Subject: =?UTF-8?B?Tm9lbiB2ZW50ZXIgcMOlIGRlZw==?=\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "Content-Language: nb\r\n"
            "\r\n"
            "Hei.\r\n\r\n=C3=85pne.\r\n");
}

TEST(Message, Nothing_ends_a_header_early) {
  for (auto field : {&Mail::from, &Mail::to, &Mail::message_id, &Mail::language}) {
    for (const char* wrong : {"", "a\r\nBcc: b@x.example.no", "a\nb", "a b", "<a>", "å"}) {
      auto mail = AMail();
      mail.*field = wrong;
      EXPECT_FALSE(Render(mail)) << wrong;
    }
  }
  for (const char* wrong : {"a\r\nBcc: b@x.example.no", "a\nb"}) {
    auto mail = AMail();
    mail.subject = wrong;
    EXPECT_FALSE(Render(mail));
  }
}

TEST(QuotedPrintable, Hides_blanks_before_line_ends_and_breaks_long_lines_softly) {
  EXPECT_EQ(QuotedPrintable("a \nb\t\n= c"), "a=20\r\nb=09\r\n=3D c");
  EXPECT_EQ(QuotedPrintable(std::string(80, 'x')), std::string(75, 'x') + "=\r\n" + "xxxxx");
}

std::string Unquoted(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') continue;
    if (text[i] != '=') {
      out += text[i];
    } else if (text[i + 1] == '\r') {
      i += 2;
    } else {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
  }
  return out;
}

RC_GTEST_PROP(QuotedPrintable, Comes_back_as_it_was_in_short_lines_of_ascii, ()) {
  auto text = *rc::gen::container<std::string>(rc::gen::oneOf(
      rc::gen::element('\n', ' ', '=', '.', '\t'), rc::gen::inRange<char>(32, 126), rc::gen::inRange<char>(-128, -1)));
  auto quoted = QuotedPrintable(text);
  RC_ASSERT(Unquoted(quoted) == text);
  std::istringstream lines(quoted);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    RC_ASSERT(line.size() <= 76U);
    for (char c : line) RC_ASSERT((c >= 32 && c < 127) || c == '\t');
    RC_ASSERT((line.empty() || (line.back() != ' ' && line.back() != '\t')));  // RC_ASSERT would evaluate both sides
  }
}

TEST(EncodedWords, Are_short_and_end_between_characters) {
  EXPECT_EQ(EncodedWords("Somebody waits"), "Somebody waits");
  std::string long_text;
  for (int i = 0; i < 40; ++i) long_text += "ኣ";  // three bytes each
  std::istringstream words(EncodedWords(long_text));
  int count = 0;
  for (std::string word; words >> word; ++count) {
    EXPECT_LE(word.size(), 75U);
    EXPECT_THAT(word, StartsWith("=?UTF-8?B?"));
    EXPECT_THAT(word, EndsWith("?="));
    EXPECT_EQ((word.size() - 12) % 4, 0U);
    EXPECT_NE(word[word.size() - 3], '=');  // 39 bytes or what is left of 120: whole groups, whole characters
  }
  EXPECT_EQ(count, 4);
}

}  // namespace
}  // namespace stafett::smtp
