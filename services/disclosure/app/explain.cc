#include <algorithm>

#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {
namespace {

bool SameThing(const domain::Line& a, const domain::Line& b) {
  return a.item == b.item && a.recipient == b.recipient && a.kind == b.kind;
}

// All that was decided together with this line, decided again.
Result<std::optional<domain::Decided>> DecideAgain(App& app, const std::string& child, const domain::Decided& decided,
                                                   const domain::Line& line, const Moment& then, Deadline deadline) {
  // Ids are made with a key and decide nothing: they are taken as they stand.
  auto id = [&](const std::string& item, const std::string& recipient, domain::DeliveryKind kind) {
    for (const auto& l : decided.lines) {
      if (l.item == item && l.recipient == recipient && l.kind == kind) return l.delivery_id;
    }
    return std::string();
  };
  if (decided.event_type == domain::kResent) {
    STAFETT_TRY(auto missed, AsItWas(app, child, *then.view, line.recipient, deadline));
    return domain::RouteMissed(*then.view, line.recipient, decided.event_id, missed, then.regime, true, decided.at, id);
  }
  return domain::Route(*then.view, {decided.event_id, decided.event_type, decided.case_id, decided.offset}, then.offers,
                       then.learned, then.regime, then.view->latest, id);
}

}  // namespace

// P7. An officer may ask why for exactly the rows that ListDecisions gives.
Result<Explained> Explain(App& app, const host::Who& who, const std::string& child_reference,
                          const std::string& event_id, const std::string& recipient, const std::string& decision_id,
                          Deadline deadline) {
  STAFETT_TRY(auto child, ChildForOfficer(app, who, child_reference));
  STAFETT_TRY(auto today, app.ledger.Load(child, deadline));
  auto it = today.view->decided.find(event_id);
  if (it == today.view->decided.end()) return host::NotAllowed();
  const auto& decided = it->second;
  auto rows = RowsOf(app, who, today, decided);
  std::erase_if(rows, [&](const DecisionRow& row) {
    return row.line.recipient != recipient || (!decision_id.empty() && row.id != decision_id);
  });
  if (rows.empty()) return host::NotAllowed();
  if (rows.size() > 1) return Invalid("decision_id", "decision_id: several decisions fit, name one");

  Explained out;
  out.row = std::move(rows.front());
  auto is_it = [&](const domain::Line& line) { return SameThing(line, out.row.line); };
  const auto& line = *std::find_if(decided.lines.begin(), decided.lines.end(), is_it);
  STAFETT_TRY(auto then, app.ledger.LoadAt(child, decided, deadline));
  STAFETT_TRY(auto again, DecideAgain(app, child, decided, line, then, deadline));
  out.same_again = again && again->at == decided.at &&
                   std::find(again->lines.begin(), again->lines.end(), line) != again->lines.end();
  out.why = domain::Explain(*then.view, line, then.learned, then.regime, decided.at);
  if (out.row.state == domain::DeliveryState::kWithheld) {
    out.why.push_back({"", "", "", "", "", "not sent: the recipient's topic refused"});
  }
  return out;
}

}  // namespace stafett::disclosure::app
