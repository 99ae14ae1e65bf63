#include <algorithm>

#include "disclosure/app/operations.h"
#include "lib/base/id.h"
#include "lib/base/number.h"
#include "lib/host/page.h"

namespace stafett::disclosure::app {
namespace {
constexpr int kDefaultPage = 100;
constexpr int kMaxPage = 500;

bool GivenBy(const App& app, const Case& c, const std::string& item, const std::string& controller) {
  auto it = c.view->items.find(item);
  if (it == c.view->items.end()) return false;
  const auto* giver = app.tenants.ControllerOf(domain::GiverOf(c.regime, it->second));
  return giver != nullptr && giver->id == controller;
}

// The giver's controller answers for what it gave; others' information is not this officer's. A retraction takes back
// what was given to the same recipient in the same case under a consent that was withdrawn for it: it is those givers'
// too, and nobody else's (P1).
bool GaveIt(const App& app, const Case& c, const domain::Line& line, const std::string& controller) {
  if (line.kind != domain::DeliveryKind::kRetraction) return GivenBy(app, c, line.item, controller);
  auto withdrawn = [&](const std::string& consent) { return domain::IsWithdrawn(*c.view, consent, line.recipient); };
  return std::any_of(c.view->deliveries.begin(), c.view->deliveries.end(), [&](const auto& entry) {
    const auto& d = entry.second;
    return d.recipient == line.recipient && d.case_id == line.case_id && GivenBy(app, c, d.item, controller) &&
           std::any_of(d.consents.begin(), d.consents.end(), withdrawn);
  });
}
}  // namespace

Result<std::string> ChildForOfficer(App& app, const host::Who& who, const std::string& reference) {
  if (who.guardian || who.role != "DISCLOSURE_OFFICER") return host::NotAllowed();
  return app.references.ToChild(who.recipient, reference);
}

std::vector<DecisionRow> RowsOf(const App& app, const host::Who& who, const Case& c, const domain::Decided& decided) {
  std::vector<DecisionRow> rows;
  for (const auto& line : decided.lines) {
    if (!GaveIt(app, c, line, who.controller)) continue;
    DecisionRow row;
    row.decided = decided;
    row.decided.lines.clear();
    row.line = line;
    row.id = DerivedId("dc", decided.event_id + "\n" + line.item + "\n" + line.recipient + "\n" +
                                 std::to_string(static_cast<int>(line.kind)));
    if (const auto* d = c.view->FindDelivery(line.delivery_id)) row.state = d->state;
    if (row.state == domain::DeliveryState::kWithheld) {
      // Whatever was decided: it was not told.
      row.line.verdict = policy::Verdict::kWithhold;
      row.line.missing = policy::Name(policy::Missing::kRecipientInactive);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<DecisionPage> ListDecisions(App& app, const host::Who& who, const std::string& child_reference, int page_size,
                                   const std::string& page_token, Deadline deadline) {
  STAFETT_TRY(const int size, host::PageSize(page_size, kDefaultPage, kMaxPage));
  STAFETT_TRY(auto child, ChildForOfficer(app, who, child_reference));
  std::size_t from = 0;
  if (!page_token.empty()) {
    const auto number = NumberIn<std::size_t>(page_token);
    if (!number) return Invalid("page_token", "page_token: not a token of this service");
    from = *number;
  }
  const auto count = static_cast<std::size_t>(size);
  STAFETT_TRY(auto c, app.ledger.Load(child, deadline));
  DecisionPage out;
  std::size_t at = 0;
  for (const auto& [number, event_id] : c.view->order) {
    for (auto& row : RowsOf(app, who, c, c.view->decided.at(event_id))) {
      if (at++ < from) continue;
      if (out.rows.size() == count) {
        out.next = std::to_string(at - 1);
        return out;
      }
      out.rows.push_back(std::move(row));
    }
  }
  return out;
}

}  // namespace stafett::disclosure::app
