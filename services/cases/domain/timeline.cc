#include "cases/domain/timeline.h"

namespace stafett::cases::domain {
namespace {

// Free text is its author's service's, whoever holds the case.
bool WrittenElsewhere(const Event& event, const std::string& recipient) {
  return std::visit(
      [&](const auto& e) {
        if constexpr (requires { e.author_recipient; }) {
          return e.author_recipient != recipient;
        } else {
          return false;
        }
      },
      event);
}

}  // namespace

std::vector<bool> WholeFor(const std::string& recipient, const std::vector<Event>& events) {
  std::vector<bool> out;
  out.reserve(events.size());
  Child child;
  bool held = false;
  for (const auto& event : events) {
    Evolve(child, event);
    const auto* c = child.Find(CaseOf(event));
    const bool holds = c != nullptr && !recipient.empty() && c->holder_recipient == recipient;
    // The handing over belongs to both: to whom it was given, and to whom it was taken from.
    out.push_back((held || holds) && !WrittenElsewhere(event, recipient));
    held = holds;
  }
  return out;
}

std::vector<std::uint64_t> VersionsFor(const std::string& recipient, const std::vector<Event>& events) {
  std::vector<std::uint64_t> out;
  out.reserve(events.size());
  Child child;
  for (const auto& event : events) {
    Evolve(child, event);
    const auto* c = child.Find(CaseOf(event));
    out.push_back(c == nullptr ? 0 : c->VersionFor(recipient));
  }
  return out;
}

}  // namespace stafett::cases::domain
