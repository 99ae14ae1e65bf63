#include "disclosure/adapters/replay.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "disclosure/adapters/fact_mapping.h"

namespace stafett::disclosure::adapters {
namespace {

class Player {
 public:
  Player(const policy::RuleSet* rules, const domain::DeliveryId& delivery_id)
      : rules_(rules), delivery_id_(delivery_id) {}
  const domain::View& view() const { return view_; }

  // As Router::React. `then`: none if the ledger has no decision about it. Then there was nobody to think of, which no
  // rules change: it can only take back what was told.
  Result<std::optional<domain::Decided>> Take(const Story::Input& input, std::optional<domain::Regime> then) {
    const auto& e = input.envelope;
    STAFETT_TRY(auto record, LearnRecord(view_, e, input.bytes, input.offset, input.appended));
    auto offers = then ? OffersOf(view_, record) : std::vector<domain::Offer>();
    auto regime = By(std::move(then).value_or(domain::Regime()));
    auto decided = domain::Route(view_, {e.event_id, e.type, e.subject, input.offset}, offers, record.learned, regime,
                                 view_.latest, delivery_id_);
    if (!decided) return decided;
    Remember(*decided, std::move(regime));
    domain::Evolve(view_, *decided);
    return decided;
  }

  // As app::ResendMissed, for what was decided again then.
  void Resend(const domain::Decided& resent, domain::Regime regime) {
    if (resent.lines.empty()) return;
    const auto& recipient = resent.lines.front().recipient;
    auto it = view_.missed.find(recipient);
    if (it == view_.missed.end()) return;
    std::vector<domain::MissedThen> missed;
    for (const auto& m : it->second) {
      const bool then = std::any_of(resent.lines.begin(), resent.lines.end(), [&](const domain::Line& line) {
        return line.item == m.line.item && line.kind == m.line.kind;
      });
      if (!then) continue;
      auto would = would_have_.find({recipient, m.line.item, m.line.kind});
      // It was told, and its signal withheld.
      const bool told = m.event_id.empty() || would == would_have_.end();
      missed.push_back(told ? domain::MissedThen{m.line, m.line.fields, m.line.consents} : would->second);
    }
    auto decided = domain::RouteMissed(view_, recipient, resent.event_id, missed, By(std::move(regime)), true,
                                       resent.at, delivery_id_);
    if (decided) domain::Evolve(view_, *decided);
  }

  void Withhold(const domain::SignalWithheld& withheld) { domain::Evolve(view_, withheld); }

 private:
  using Key = std::tuple<std::string, std::string, domain::DeliveryKind>;  // recipient, item

  domain::Regime By(domain::Regime regime) const {
    if (rules_ != nullptr) regime.rules = rules_;
    return regime;
  }

  // What those would have had whose topics did not take it.
  void Remember(const domain::Decided& decided, domain::Regime regime) {
    regime.suspended.clear();
    for (const auto& [recipient, agency] : regime.agencies) regime.active.insert(recipient);
    for (const auto& line : decided.lines) {
      if (line.missing != policy::Name(policy::Missing::kRecipientInactive)) continue;
      auto item = view_.items.find(line.item);
      if (item == view_.items.end()) continue;
      auto allowed = domain::AllowedTo(view_, item->second, line.recipient, regime, decided.at);
      would_have_[{line.recipient, line.item, line.kind}] = {line, allowed.fields, std::move(allowed.consents)};
    }
  }

  const policy::RuleSet* rules_;
  const domain::DeliveryId& delivery_id_;
  domain::View view_;
  std::map<Key, domain::MissedThen> would_have_;
};

// About whom, what, and by which rule; turns in a sequence aside.
bool Same(const domain::Decided& ledger, const std::optional<domain::Decided>& again) {
  if (!again) return false;
  auto same = [](const domain::Line& a, const domain::Line& b) {
    return std::tie(a.delivery_id, a.recipient, a.item, a.verdict, a.fields.bits, a.rule) ==
           std::tie(b.delivery_id, b.recipient, b.item, b.verdict, b.fields.bits, b.rule);
  };
  return std::equal(ledger.lines.begin(), ledger.lines.end(), again->lines.begin(), again->lines.end(), same);
}

}  // namespace

Result<Replayed> Replay(const Story& story, const RegimeThen& regime_then, const policy::RuleSet* rules,
                        const domain::DeliveryId& delivery_id) {
  std::map<std::string, const domain::Decided*> decided;  // by event id
  for (const auto& own : story.ledger) {
    if (const auto* d = std::get_if<domain::Decided>(&own.event)) decided[d->event_id] = d;
  }
  Player player(rules, delivery_id);
  Replayed out;
  auto own = story.ledger.begin();
  for (std::size_t i = 0; i < story.inputs.size(); ++i) {
    auto was = decided.find(story.inputs[i].envelope.event_id);
    std::optional<domain::Regime> regime;
    if (was != decided.end()) {
      STAFETT_TRY(regime, regime_then(*was->second));
    }
    STAFETT_TRY(auto again, player.Take(story.inputs[i], regime));
    if (regime && rules == nullptr) {
      ++out.decisions;
      if (!Same(*was->second, again)) ++out.unlike;
      decided.erase(was);
    }
    for (; own != story.ledger.end() && own->inputs <= i + 1; ++own) {
      if (const auto* withheld = std::get_if<domain::SignalWithheld>(&own->event)) player.Withhold(*withheld);
      const auto* d = std::get_if<domain::Decided>(&own->event);
      if (d == nullptr || d->event_type != domain::kResent) continue;
      STAFETT_TRY(auto at_that_time, regime_then(*d));
      player.Resend(*d, std::move(at_that_time));
    }
  }
  if (rules == nullptr) {
    out.unlike += static_cast<std::uint64_t>(std::count_if(
        decided.begin(), decided.end(), [](const auto& e) { return e.second->event_type != domain::kResent; }));
  }
  out.view = player.view();
  return out;
}

}  // namespace stafett::disclosure::adapters
