#include <string_view>

#include "lib/base/number.h"
#include "lib/host/page.h"
#include "notifications/app/operations.h"

namespace stafett::notifications::app {
namespace {
constexpr int kDefaultPage = 20;
constexpr int kMaxPage = 50;
}  // namespace

Result<InboxPage> ListInbox(App& app, const host::Who& who, int page_size, const std::string& token,
                            Deadline deadline) {
  if (who.guardian) return Fail(Code::kPermissionDenied, "STAFF_ONLY", "only staff have an inbox");
  STAFETT_TRY(const int count, host::PageSize(page_size, kDefaultPage, kMaxPage));
  std::optional<std::int64_t> before;
  std::string series;
  if (!token.empty()) {
    const auto dot = token.find('.');
    const auto number =
        NumberIn<std::int64_t>(dot == std::string::npos ? std::string_view() : std::string_view(token).substr(dot + 1));
    if (!number || *number < 1) return Invalid("page_token", "page_token: not of this service");
    series = token.substr(0, dot);
    before = number;
  }
  STAFETT_TRY(auto page, app.store.Inbox(who.person, before, count, deadline));
  if (!series.empty() && series != page.series) {
    STAFETT_TRY(page, app.store.Inbox(who.person, std::nullopt, count, deadline));
  }
  InboxPage out;
  for (const auto& place : page.places) {
    STAFETT_TRY(auto view, app.store.Load(place.child, deadline));
    const auto* m = view.child.Find(place.message_id);
    if (m != nullptr && m->person == who.person) out.messages.push_back(*m);
  }
  if (page.before > 0) out.next = page.series + "." + std::to_string(page.before);
  STAFETT_TRY(out.unread, app.store.Unread(who.person, deadline));
  return out;
}

}  // namespace stafett::notifications::app
