#include "auditor/domain/note.h"

#include "lib/base/number.h"

namespace stafett::auditor::domain {
std::vector<Note> ParseNotes(std::string_view text) {
  std::vector<Note> out;
  while (!text.empty()) {
    const auto end = text.find(' ');
    if (end == std::string_view::npos) return {};
    const auto one = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto first = one.find(':');
    const auto last = one.rfind(':');
    if (first == std::string_view::npos || first == last) return {};
    auto number = NumberIn<std::uint64_t>(one.substr(0, first));
    auto offset = NumberIn<std::int64_t>(one.substr(last + 1));
    if (!number || !offset) return {};
    out.push_back({*number, std::string(one.substr(first + 1, last - first - 1)), *offset});
  }
  return out;
}

}  // namespace stafett::auditor::domain
