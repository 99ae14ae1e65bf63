#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {

// P7: evaluated again from the stored facts, as they stood, under the policy that was in force.
Result<Explained> Explain(App& app, const host::Who& who, const std::string& child_reference,
                          const std::string& event_id, const std::string& recipient, Deadline deadline) {
  STAFETT_TRY(auto child, ChildForOfficer(app, who, child_reference));
  STAFETT_TRY(auto today, app.ledger.Load(child, deadline));
  auto it = today.view->decided.find(event_id);
  if (it == today.view->decided.end()) return host::NotAllowed();
  const auto& decided = it->second;
  const domain::Line* line = nullptr;
  for (const auto& l : decided.lines) {
    if (l.recipient == recipient && l.kind != domain::DeliveryKind::kRetraction) line = &l;
  }
  if (line == nullptr) return host::NotAllowed();
  STAFETT_TRY(auto then, app.ledger.LoadAt(child, decided.offset, decided.policy_hash, deadline));
  auto item = then.view->items.find(line->item);
  if (item == then.view->items.end()) return host::NotAllowed();
  const auto* giver = app.tenants.ControllerOf(item->second.origin);
  if (giver == nullptr || giver->id != who.controller) return host::NotAllowed();

  std::vector<policy::Consent> consents;
  auto d = domain::DecideOne(*then.view, item->second, recipient, then.regime, true, decided.at, consents);
  auto agency = [&](const std::string& id) {
    auto found = then.regime.agencies.find(id);
    return found == then.regime.agencies.end() ? policy::Agency::kUnknown : found->second;
  };
  policy::Item what{agency(item->second.origin), item->second.origin, item->second.categories, item->second.purpose};
  policy::Recipient to{recipient, agency(recipient), then.regime.active.contains(recipient)};
  policy::Facts facts;
  facts.known = true;
  facts.consents = consents;
  Explained out;
  out.row.decided = decided;
  out.row.decided.lines.clear();
  out.row.line = *line;
  if (const auto* delivery = today.view->FindDelivery(line->delivery_id)) out.row.state = delivery->state;
  out.explanation = policy::Explain(*then.regime.rules, what, to, facts, policy::Start::kPush, decided.at);
  out.same_again = d.verdict == line->verdict && d.fields == line->fields;
  return out;
}

}  // namespace stafett::disclosure::app
