// JSON strings for log lines and health answers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stafett::telemetry {

inline constexpr std::size_t kMaxTextBytes = 256;

// Appends `text` as a quoted JSON string of at most kMaxTextBytes bytes of content (cut at a
// character's border, marked with "…"). Control characters are escaped, bytes that are not UTF-8
// become U+FFFD, and U+2028/2029/0085, which some readers take for a line's end, are escaped as
// well.
void AppendJsonText(std::string& out, std::string_view text);

}  // namespace stafett::telemetry
