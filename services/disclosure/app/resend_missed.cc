#include "disclosure/app/operations.h"
#include "lib/base/id.h"

namespace stafett::disclosure::app {
namespace {
// Of one child in one record: 200 lines are far from the largest record.
constexpr std::size_t kLinesAtOnce = 200;
}  // namespace

Result<std::vector<domain::MissedThen>> AsItWas(App& app, const std::string& child, const domain::View& view,
                                                const std::string& recipient, Deadline deadline) {
  std::vector<domain::MissedThen> out;
  auto it = view.missed.find(recipient);
  if (it == view.missed.end()) return out;
  for (const auto& missed : it->second) {
    if (out.size() == kLinesAtOnce) break;
    domain::MissedThen then{missed.line, missed.line.fields, missed.line.consents};
    if (!missed.event_id.empty()) {
      const auto& decided = view.decided.at(missed.event_id);
      STAFETT_TRY(auto place, app.ledger.LoadAt(child, decided, deadline));
      // What it would have had, had its topic taken it: suspended then, or not activated yet.
      place.regime.suspended.erase(recipient);
      if (place.regime.agencies.contains(recipient)) place.regime.active.insert(recipient);
      auto item = place.view->items.find(missed.line.item);
      then.fields = {};
      if (item != place.view->items.end()) {
        auto allowed = domain::AllowedTo(*place.view, item->second, recipient, place.regime, decided.at);
        then.fields = allowed.fields;
        then.consents = std::move(allowed.consents);
      }
    }
    out.push_back(std::move(then));
  }
  return out;
}

Status OfficerOf(const App& app, const host::Who& who, const std::string& recipient) {
  const auto* controller = app.tenants.ControllerOf(recipient);
  if (who.guardian || who.role != "DISCLOSURE_OFFICER" || controller == nullptr || controller->id != who.controller) {
    return host::NotAllowed();
  }
  return {};
}

Result<Resending> ResendMissed(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                               const std::string& recipient) {
  STAFETT_CHECK_OK(OfficerOf(app, who, recipient));
  STAFETT_TRY(auto children, app.ledger.Missed(recipient, kChildrenAtOnce, deadline));
  Resending out;
  out.more = children.size() == kChildrenAtOnce;
  for (const auto& child : children) {
    STAFETT_TRY(auto today, app.ledger.Load(child, deadline));
    if (!today.regime.active.contains(recipient)) {
      return Fail(Code::kFailedPrecondition, "RECIPIENT_SUSPENDED",
                  "the recipient's topic refuses; mend it and resume the recipient first");
    }
    STAFETT_TRY(auto missed, AsItWas(app, child, *today.view, recipient, deadline));
    gate::Command one = command;
    one.request_id = DerivedId("rq", command.request_id + "/" + child);
    auto event_id = DerivedId("rs", one.request_id);
    int told = 0;
    STAFETT_CHECK_OK(app.ledger.Change(
        one, child, deadline,
        [&](const Case& c) -> Result<std::optional<domain::LedgerEvent>> {
          auto decided =
              domain::RouteMissed(*c.view, recipient, event_id, missed, c.regime, c.known, c.now, app.delivery_id);
          told = 0;
          if (!decided) return std::optional<domain::LedgerEvent>();
          for (const auto& line : decided->lines) told += line.delivery_id.empty() ? 0 : 1;
          return std::optional<domain::LedgerEvent>(*std::move(decided));
        },
        nullptr));
    out.deliveries += told;
    if (missed.size() == kLinesAtOnce) {
      out.more = true;
    } else {
      STAFETT_CHECK_OK(app.ledger.Caught(recipient, child, deadline));
    }
  }
  return out;
}

}  // namespace stafett::disclosure::app
