#include "cases/domain/timeline.h"

namespace stafett::cases::domain {

std::vector<bool> HeldBy(const std::string& recipient, const std::vector<Event>& events) {
  std::vector<bool> out;
  out.reserve(events.size());
  Child child;
  bool held = false;
  for (const auto& event : events) {
    Evolve(child, event);
    const auto* c = child.Find(CaseOf(event));
    const bool holds = c != nullptr && !recipient.empty() && c->holder_recipient == recipient;
    // The handing over belongs to both: to whom it was given, and to whom it was taken from.
    out.push_back(held || holds);
    held = holds;
  }
  return out;
}

}  // namespace stafett::cases::domain
