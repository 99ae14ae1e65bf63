
#include "cases/app/reads.h"
#include "cases/domain/day.h"
#include "lib/host/page.h"

namespace stafett::cases::app {
namespace {
constexpr int kDefaultPage = 50;
constexpr int kMaxPage = 100;
}  // namespace

Result<DuePage> ListDue(App& app, const host::Who& who, int page_size, const std::string& token, Deadline deadline) {
  if (who.guardian) return Fail(Code::kPermissionDenied, "STAFF_ONLY", "only staff are waited for here");
  STAFETT_TRY(const int size, host::PageSize(page_size, kDefaultPage, kMaxPage));
  const auto count = static_cast<std::size_t>(size);
  // A token is the place of the last one: all of it was said to whoever has it.
  DuePlace after;
  if (!token.empty()) {
    const auto slash = token.find('/');
    after = {token.substr(0, slash), slash == std::string::npos ? "" : token.substr(slash + 1), ""};
    if (!domain::IsDay(after.date) || after.awaited_id.empty()) {
      return Invalid("page_token", "page_token: not of this service");
    }
  }
  const auto person = ToPerson(who);
  DuePage page;
  while (true) {
    STAFETT_TRY(auto places, app.store.Due(who.Leads() ? who.recipient : who.person, after, count, deadline));
    for (auto& place : places) {
      STAFETT_TRY(auto view, app.store.Load(place.child, deadline));
      auto due = domain::DueOf(view.child, place.awaited_id, person, view.now);
      // Changed since the index was read; or no longer the person's, who works elsewhere now.
      if (due && due->awaited.date == place.date) {
        if (page.due.size() == count) {
          const auto& last = page.due.back().awaited;
          page.next = last.date + "/" + last.id;
          return page;
        }
        page.due.push_back(std::move(*due));
      }
      after = std::move(place);
    }
    if (places.size() < count) return page;
  }
}

}  // namespace stafett::cases::app
