#include "lib/smtp/message.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace stafett::smtp {
namespace {

constexpr std::size_t kLine = 76;
constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

unsigned char Byte(char c) { return static_cast<unsigned char>(c); }

// "Sun, 22 Nov 2026 06:20:26 +0000". The names are English, whatever the process' locale.
std::string DateOf(Time time) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = time.ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d +0000",
                kDays.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text.data();
}

std::string Base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto n = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8U | (k < n ? Byte(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= n ? kBase64[group >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

// What may stand in a header line as it is.
bool IsPlain(std::string_view text) {
  for (char c : text) {
    if (Byte(c) < 0x20 || Byte(c) > 0x7e) return false;
  }
  return true;
}

}  // namespace

std::string QuotedPrintable(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n';
    const bool blank = c == ' ' || c == '\t';
    const bool plain = (Byte(c) > 0x20 && Byte(c) < 0x7f && c != '=') || (blank && !ends_line);
    const std::size_t width = plain ? 1 : 3;
    if (column + width > kLine - 1) {  // one place for the '=' of a soft line end
      out += "=\r\n";
      column = 0;
    }
    if (plain) {
      out += c;
    } else {
      out += '=';
      out += kHex[Byte(c) >> 4U];
      out += kHex[Byte(c) & 15U];
    }
    column += width;
  }
  return out;
}

std::string EncodedWords(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  constexpr std::size_t kBytes = 39;  // 52 digits and 12 around them: below the 75 that a word may have
  std::string out;
  while (!text.empty()) {
    auto n = std::min(kBytes, text.size());
    while (n > 1 && n < text.size() && (Byte(text[n]) & 0xC0U) == 0x80U) --n;  // whole characters only
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + Base64(text.substr(0, n)) + "?=";
    text.remove_prefix(n);
  }
  return out;
}

Result<std::string> Render(const Mail& mail) {
  auto word = [](std::string_view text) {
    return !text.empty() && IsPlain(text) && text.find_first_of(" <>") == std::string_view::npos;
  };
  if (!word(mail.from) || !word(mail.to) || !word(mail.message_id) || !word(mail.language) ||
      mail.subject.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return Fail(Code::kInvalidArgument, "BAD_MAIL", "a header of the mail is empty or would not be one line");
  }
  return "Date: " + DateOf(mail.date) + "\r\nFrom: Stafett <" + mail.from + ">\r\nTo: <" + mail.to +
         ">\r\nMessage-ID: <" + mail.message_id + ">\r\nSubject: " + EncodedWords(mail.subject) +
         "\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: quoted-printable\r\nContent-Language: " +
         mail.language + "\r\n\r\n" + QuotedPrintable(mail.body);
}

}  // namespace stafett::smtp
