#include <string_view>

#include "disclosure/app/operations.h"
#include "lib/base/number.h"
#include "lib/host/page.h"

namespace stafett::disclosure::app {
namespace {
constexpr int kDefaultPage = 50;
constexpr int kMaxPage = 200;

std::string Cursor(const std::string& series, std::int64_t next) { return series + "." + std::to_string(next); }
}  // namespace

Result<ListedPage> ListDeliveries(App& app, const host::Who& who, const std::string& after, int page_size,
                                  Deadline deadline) {
  STAFETT_TRY(const int count, host::PageSize(page_size, kDefaultPage, kMaxPage));
  std::int64_t from = 0;
  std::string series;
  if (!after.empty()) {
    auto dot = after.find('.');
    const auto number =
        NumberIn<std::int64_t>(dot == std::string::npos ? std::string_view() : std::string_view(after).substr(dot + 1));
    if (!number || *number < 0) return Invalid("after", "after: not a cursor of this service");
    from = *number;
    series = after.substr(0, dot);
  }
  STAFETT_TRY(auto page, app.ledger.Deliveries(who.recipient, from, count, deadline));
  if (!series.empty() && series != page.series) {
    // The store was rebuilt and the order began anew: everything again; recipients drop what they have by its id.
    from = 0;
    STAFETT_TRY(page, app.ledger.Deliveries(who.recipient, 0, count, deadline));
  }
  ListedPage out;
  auto at = from;
  for (const auto& [delivery_id, child] : page.deliveries) {
    ++at;
    STAFETT_TRY(auto c, app.ledger.Load(child, deadline));
    const auto* d = c.view->ToldOf(delivery_id, who.recipient);
    if (d == nullptr) continue;
    out.deliveries.push_back({*d, app.references.CaseFor(who.recipient, d->case_id), Cursor(page.series, at)});
  }
  if (static_cast<int>(page.deliveries.size()) == count) out.next = Cursor(page.series, at);
  return out;
}

}  // namespace stafett::disclosure::app
