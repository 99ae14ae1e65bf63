#include <algorithm>

#include "escalation/app/operations.h"

namespace stafett::escalation::app {
namespace {
// The place of an escalation in the list. Both parts are said to whoever sees the escalation.
std::string PlaceOf(const domain::Escalation& x) { return x.awaited.date + "/" + x.id; }
}  // namespace

Result<Page> ListEscalations(App& app, const host::Who& who, int size, const std::string& after, Deadline deadline) {
  const auto person = ToPerson(who);
  if (person.id.empty()) return domain::NotAllowed();
  STAFETT_TRY(auto open, app.store.AllOpen(deadline));
  Page page;
  std::vector<domain::Escalation> seen;
  for (const auto& entry : open) {
    if (entry.owner != person.id && !(person.leads && entry.awaited_of == person.recipient)) continue;
    STAFETT_TRY(auto state, app.store.Load(entry.child, deadline));
    const auto* x = state.Find(entry.id);
    if (x == nullptr || x->resolved || !domain::MayKnow(*x, person)) continue;  // changed since
    if (domain::MaySee(*x, person)) {
      seen.push_back(*x);
    } else {
      ++page.hidden[x->owner.person];
    }
  }
  std::sort(seen.begin(), seen.end(), [](const auto& a, const auto& b) { return PlaceOf(a) < PlaceOf(b); });
  for (auto& x : seen) {
    if (PlaceOf(x) <= after) continue;
    if (page.seen.size() == static_cast<std::size_t>(size)) {
      page.next = PlaceOf(page.seen.back());
      break;
    }
    page.seen.push_back(std::move(x));
  }
  return page;
}

}  // namespace stafett::escalation::app
