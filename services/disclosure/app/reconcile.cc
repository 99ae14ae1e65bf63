#include <algorithm>
#include <iterator>

#include "disclosure/app/operations.h"
#include "disclosure/app/tells.h"
#include "lib/base/number.h"

namespace stafett::disclosure::app {
namespace {

Result<std::int64_t> RankOf(const std::string& token) {
  if (token.empty()) return 0;
  const auto rank = NumberIn<std::int64_t>(token);
  if (!rank || *rank <= 0) return Invalid("page_token", "page_token: not a token of this service");
  return *rank;
}

}  // namespace

Result<ReconciledPart> Reconcile(App& app, const host::Who& who, const std::string& recipient, const std::string& date,
                                 const std::string& token, Deadline deadline) {
  const bool officer = !recipient.empty();
  if (officer) STAFETT_CHECK_OK(OfficerOf(app, who, recipient));
  const auto& of = officer ? recipient : who.recipient;
  if (of.empty()) return host::NotAllowed();
  auto day = calendar::Parse(date);
  if (!day) return Invalid("date", "date: must be a day like 2026-11-22");
  STAFETT_TRY(auto from, RankOf(token));
  STAFETT_TRY(auto told, app.ledger.ToldOn(of, *day, from, kChildrenInPart, deadline));
  const auto today = calendar::Today(told.now);
  if (*day > today) return Invalid("date", "date: is yet to come; ask for a day until " + calendar::Format(today));

  ReconciledPart part{of, *day, *day < today, told.now, token, "", {}};
  const auto* file = app.tenants.FindRecipient(of);
  const domain::Asked asked{of, TellsOf(file == nullptr ? nullptr : &file->receipts), calendar::StartOf(*day),
                            calendar::EndOf(*day), officer};
  bool all = told.children.size() < kChildrenInPart;
  for (const auto& child : told.children) {
    if (part.deliveries.size() >= kDeliveriesInPart) {
      all = false;
      break;
    }
    STAFETT_TRY(auto c, app.ledger.Load(child, deadline));
    auto rows = domain::Reconcile(*c.view, asked, c.now);
    std::move(rows.begin(), rows.end(), std::back_inserter(part.deliveries));
    ++from;
  }
  if (!all) part.next = std::to_string(from);
  return part;
}

}  // namespace stafett::disclosure::app
