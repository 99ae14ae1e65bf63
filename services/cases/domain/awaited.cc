#include "cases/domain/awaited.h"

#include <algorithm>

namespace stafett::cases::domain {
namespace {
const std::string kEvaluationOf = "evaluation/", kAnswerTo = "contribution/";
}  // namespace

std::vector<Awaited> AwaitedIn(const Case& c) {
  std::vector<Awaited> out;
  if (c.state == CaseState::kClosed) return out;
  out.push_back({"next/" + c.id, AwaitedKind::kNextDate, c.next_date, c.holder, c.holder_recipient});
  if (c.state != CaseState::kLogOpen) return out;
  if (!c.offered_to.empty()) {
    out.push_back({"baton/" + c.id, AwaitedKind::kBatonAnswer, c.answer_by, c.offered_to, c.offered_recipient});
  }
  for (const auto& m : c.measures) {
    if (m.ended) continue;
    out.push_back(
        {kEvaluationOf + m.id, AwaitedKind::kEvaluation, m.evaluation_date, m.responsible, m.responsible_recipient});
  }
  for (const auto& x : c.contributions) {
    if (x.state != ContributionState::kUnanswered) continue;
    out.push_back({kAnswerTo + x.id, AwaitedKind::kContributionAnswer, x.answer_by, c.holder, c.holder_recipient});
  }
  return out;
}

std::vector<Awaited> AwaitedBy(const Child& before, const Event& event) {
  const auto id = CaseOf(event);
  if (id.empty()) return {};
  const Case* c = before.Find(id);
  const auto earlier = c == nullptr ? std::vector<Awaited>() : AwaitedIn(*c);
  Child after;
  if (c != nullptr) after.cases.emplace(id, *c);
  Evolve(after, event);
  const auto now = AwaitedIn(after.cases.at(id));

  std::vector<Awaited> out;
  for (const auto& word : now) {
    if (std::find(earlier.begin(), earlier.end(), word) == earlier.end()) out.push_back(word);
  }
  for (const auto& word : earlier) {
    const bool still = std::any_of(now.begin(), now.end(), [&](const Awaited& w) { return w.id == word.id; });
    if (!still) out.push_back({word.id, word.kind, "", "", word.recipient, true});
  }
  return out;
}

std::vector<std::string> NamedIn(const std::string& subject, const std::vector<Awaited>& words) {
  std::vector<std::string> out;
  if (!subject.empty()) out.push_back(subject);
  for (const auto& word : words) {
    const auto& prefix = word.kind == AwaitedKind::kContributionAnswer ? kAnswerTo : kEvaluationOf;
    if (word.id.starts_with(prefix)) out.push_back(word.id.substr(prefix.size()));
  }
  return out;
}

}  // namespace stafett::cases::domain
