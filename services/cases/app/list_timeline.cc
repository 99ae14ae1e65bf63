#include "cases/app/reads.h"
#include "cases/domain/timeline.h"
#include "lib/base/number.h"
#include "lib/host/page.h"

namespace stafett::cases::app {
namespace {
constexpr int kDefaultPage = 50;
constexpr int kMaxPage = 100;
}  // namespace

Result<TimelinePage> ListTimeline(App& app, const host::Who& who, const std::string& case_id, const Paging& paging,
                                  Deadline deadline) {
  STAFETT_TRY(const int size, host::PageSize(paging.size, kDefaultPage, kMaxPage));
  const auto count = static_cast<std::size_t>(size);
  // A token is the number of the last entry: what comes in between the pages moves none.
  std::uint64_t last = 0;
  if (!paging.token.empty()) {
    const auto number = NumberIn<std::uint64_t>(paging.token);
    if (!number) return Invalid("page_token", "page_token: not of this service");
    last = *number;
  }
  STAFETT_TRY(auto reading, ReadCase(app, who, case_id, deadline));
  STAFETT_TRY(auto history, app.store.History(reading.child, case_id, deadline));
  std::vector<domain::Event> events;
  events.reserve(history.size());
  for (const auto& recorded : history) events.push_back(recorded.event);
  const auto whole = domain::WholeFor(who.recipient, events);
  const auto versions = domain::VersionsFor(who.recipient, events);

  TimelinePage page;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const auto at = paging.newest_first ? history.size() - 1 - i : i;
    const auto version = versions[at];
    if (!whole[at]) continue;
    if (last != 0 && (paging.newest_first ? version >= last : version <= last)) continue;
    bytes += history[at].body.size();
    if (page.entries.size() == count || (!page.entries.empty() && bytes > paging.bytes)) {
      page.next = std::to_string(page.entries.back().version);
      break;
    }
    page.entries.push_back({version, std::move(history[at])});
  }
  return page;
}

}  // namespace stafett::cases::app
