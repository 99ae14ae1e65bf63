// A mail as bytes (RFC 5322, MIME): text/plain in UTF-8, quoted-printable, lines of at most 76 characters.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::smtp {

struct Mail {
  std::string from, to;    // addresses alone
  std::string message_id;  // without <>: "m-…@stafett.example.no"; the same for every try of the same mail
  std::string language;    // "nb"
  std::string subject;     // one line of UTF-8
  std::string body;        // UTF-8, lines end with \n
  Time date;
};

// kInvalidArgument/BAD_MAIL when something would end a header early: no text from outside becomes a header.
Result<std::string> Render(const Mail& mail);

// Parts, for their tests.
std::string QuotedPrintable(std::string_view text);
std::string EncodedWords(std::string_view text);  // RFC 2047, folded

}  // namespace stafett::smtp
