#include "disclosure/domain/route.h"

#include <algorithm>

namespace stafett::disclosure::domain {
namespace {
using policy::CategorySet;

policy::Agency AgencyOf(const Regime& regime, const std::string& recipient) {
  auto it = regime.agencies.find(recipient);
  return it == regime.agencies.end() ? policy::Agency::kUnknown : it->second;
}

// A call of the engine, with what its views point to.
struct Question {
  std::string giver;
  std::vector<policy::Consent> consents;
  policy::Item what;
  policy::Recipient to;
  policy::Facts facts;
};
// Filled in place, because it points into itself.
void Ask(const View& view, const Item& item, const std::string& recipient, const Regime& regime, bool known,
         Question& q) {
  q.giver = GiverOf(regime, item);
  // A grant works forward: it shows nothing that came to the log before it, by no door (design §4.8).
  q.consents = ConsentsOf(view, q.giver, item.offset);
  // What the family says is nobody's own information among the recipients.
  q.what = {AgencyOf(regime, q.giver), item.from_family ? std::string_view() : q.giver, item.categories, item.purpose};
  q.to = {recipient, AgencyOf(regime, recipient), regime.active.contains(recipient)};
  q.facts.known = known;
  q.facts.consents = q.consents;
}

// The recipient that an organisation is; empty if it is none.
std::string RecipientOf(const Regime& regime, const std::string& organisation) {
  auto it = regime.organisations.find(organisation);
  return it == regime.organisations.end() ? std::string() : it->second;
}

// The recipient that put an item on the log; empty if that is nobody's.
std::string WriterOf(const Regime& regime, const Item& item) { return RecipientOf(regime, item.organisation); }

std::string RuleOf(const Regime& regime, const policy::Decision& d) {
  if (d.rule < 0) return "T001";  // the default: no rule allows it (fvl §13, hpl §21, bvl §13-1)
  return regime.rules->rules()[static_cast<std::size_t>(d.rule)].id;
}

std::vector<std::string> ConsentIds(const policy::Decision& d, const std::vector<policy::Consent>& consents) {
  std::set<std::string> ids;
  for (std::size_t i = 0; i < d.ground_count; ++i) {
    auto add = [&](std::int16_t c) {
      if (c >= 0) ids.emplace(consents[static_cast<std::size_t>(c)].id);
    };
    add(d.grounds[i].consent);
    for (auto other : d.grounds[i].others) add(other);
  }
  return {ids.begin(), ids.end()};
}

// EXIST and IDENT come with whatever content is shown, and are none themselves.
constexpr CategorySet kCarried = CategorySet{}.With(policy::Category::kExist).With(policy::Category::kIdent);

// What of `fields` may be spoken of: not of what stands only in sections that are not shown. Empty if the item has
// sections and none is.
CategorySet Spoken(const Item& item, CategorySet fields) {
  if (item.sections.empty()) return fields;
  CategorySet shown;
  for (const auto& section : item.sections) {
    if (section.Minus(fields).Empty()) shown = shown.Or(section);
  }
  if (shown.Empty()) return {};
  return fields.And(shown.Or(item.outside).Or(kCarried));
}

std::uint64_t At(const std::map<std::pair<std::string, std::string>, std::uint64_t>& map, const std::string& recipient,
                 const std::string& case_id) {
  auto it = map.find({recipient, case_id});
  return it == map.end() ? 0 : it->second;
}

// What a withdrawal makes of what was told before.
constexpr char kRetractionRule[] = "R3-04";
constexpr char kRetractionStatute[] = "GDPR art 7(3)";

}  // namespace

std::string GiverOf(const Regime& regime, const Item& item) {
  return item.origin.empty() ? WriterOf(regime, item) : item.origin;
}

std::string IdentityFrom(const View& view, const Item& item, const Regime& regime) {
  auto said_by = [&](const std::string& service) {
    return std::find_if(view.identities.begin(), view.identities.end(),
                        [&](const Identified& said) { return RecipientOf(regime, said.organisation) == service; });
  };
  std::vector<std::string> services{GiverOf(regime, item)};
  if (auto c = view.cases.find(item.case_id); c != view.cases.end()) {
    services.push_back(c->second.holder_recipient);
    for (const auto* of : {&c->second.participants, &c->second.held}) {
      services.insert(services.end(), of->begin(), of->end());
    }
  }
  for (const auto& service : services) {
    if (auto said = said_by(service); !service.empty() && said != view.identities.end()) return said->identity;
  }
  return view.identities.empty() ? "" : view.identities.front().identity;
}

std::set<std::string> Candidates(const View& view, const std::string& case_id, const std::string& giver, Time now) {
  std::set<std::string> out;
  auto c = view.cases.find(case_id);
  if (c == view.cases.end()) return out;
  out = c->second.participants;
  out.insert(c->second.holder_recipient);
  for (const auto& [id, consent] : view.consents) {
    const bool of_both = consent.Covers(c->second.holder_recipient, kNow) && consent.Covers(giver, kNow);
    if (!of_both || now >= consent.until) continue;
    for (const auto& [recipient, scope] : consent.scopes) {
      if (scope.complete_at && !scope.withdrawn) out.insert(recipient);
    }
  }
  out.erase("");
  return out;
}

policy::Decision DecideOne(const View& view, const Item& item, const std::string& recipient, const Regime& regime,
                           bool known, Time now, std::vector<policy::Consent>& consents) {
  Question q;
  Ask(view, item, recipient, regime, known, q);
  consents = q.consents;
  auto decide = [&] { return policy::Decide(*regime.rules, q.what, q.to, q.facts, policy::Start::kPush, now); };
  auto d = decide();
  if (d.verdict != policy::Verdict::kDisclose) return d;
  auto spoken = Spoken(item, d.fields);
  if (spoken == d.fields) return d;
  // Decided anew as if the sections not shown were not there; what was missing for them stays in the ledger.
  auto missing = d.missing;
  q.what.categories = item.categories.And(spoken);
  d = spoken.Empty() ? policy::Decision() : decide();
  d.missing = missing;
  return d;
}

std::vector<policy::Explanation::Line> Explain(const View& view, const Line& line, const Learned& learned,
                                               const Regime& regime, Time now) {
  if (line.kind == DeliveryKind::kRetraction) {
    auto consent = learned.withdrawn ? learned.withdrawn->consent_id : std::string();
    return {{"", kRetractionRule, kRetractionStatute, "", consent, "told to stop further use"}};
  }
  auto item = view.items.find(line.item);
  if (item == view.items.end()) return {};
  Question q;
  Ask(view, item->second, line.recipient, regime, true, q);
  auto explain = [&] { return policy::Explain(*regime.rules, q.what, q.to, q.facts, policy::Start::kPush, now).lines; };
  auto whole = explain();
  std::vector<policy::Explanation::Line> out;
  if (!line.fields.Empty()) {
    q.what.categories = item->second.categories.And(line.fields);  // as it was decided
    out = explain();
  }
  CategorySet allowed;
  for (const auto& said : whole) {
    if (said.outcome == policy::kShown) allowed = allowed.With(*policy::CategoryFromName(said.category));
  }
  auto spoken = Spoken(item->second, allowed);
  for (auto& said : whole) {
    auto category = policy::CategoryFromName(said.category);
    if (category && line.fields.Has(*category)) continue;
    if (said.outcome == policy::kShown) {
      said.outcome = spoken.Has(*category) ? "withheld: was not allowed at the record's own time"
                                           : "withheld: stands only in sections that are not shown";
    }
    out.push_back(std::move(said));
  }
  // What the row itself names: when nothing was left to show, the row that stands when none says yes, and no part has
  // it.
  const bool named = std::any_of(out.begin(), out.end(),
                                 [&](const policy::Explanation::Line& said) { return said.rule == line.rule; });
  if (const auto* rule = regime.rules->Find(line.rule); !named && rule != nullptr) {
    out.push_back(
        {policy::Join(q.what.categories), rule->id, rule->statute, rule->basis, "", "withheld: " + line.missing});
  }
  return out;
}

std::optional<Decided> Route(const View& view, const Record& record, const std::vector<Offer>& offers,
                             const Learned& learned, const Regime& regime, Time now, const DeliveryId& delivery_id) {
  Decided out;
  out.event_id = record.event_id;
  out.event_type = record.event_type;
  out.case_id = record.case_id;
  out.offset = record.offset;
  out.at = now;
  out.policy_hash = regime.version;

  auto sequence = view.sequence;  // counts on within this record
  auto epoch = view.epoch;
  std::set<std::string> suspended;

  if (learned.withdrawn) {
    // Scoped to (consent, recipient): what rested on it is void; other grounds go on (design §4.7).
    const auto& w = *learned.withdrawn;
    std::set<std::string> recipients(w.recipients.begin(), w.recipients.end());
    std::set<std::pair<std::string, std::string>> told;  // (recipient, case) that had anything under it
    for (const auto& [id, d] : view.deliveries) {
      if (!recipients.contains(d.recipient) || d.kind == DeliveryKind::kRetraction) continue;
      if (std::find(d.consents.begin(), d.consents.end(), w.consent_id) == d.consents.end()) continue;
      if (!d.untold) told.emplace(d.recipient, d.case_id);  // else there is nothing to take back
      const bool untouched = d.state == DeliveryState::kSignalled || d.state == DeliveryState::kWithheld;
      if (untouched) out.withdrawn.push_back(id);
    }
    for (const auto& [recipient, case_id] : told) {
      Line line;
      line.recipient = recipient;
      line.case_id = case_id;
      line.verdict = policy::Verdict::kDisclose;
      line.kind = DeliveryKind::kRetraction;
      line.rule = kRetractionRule;
      line.item_type = record.event_type;
      line.item = record.event_id + "/" + case_id;
      line.delivery_id = delivery_id(line.item, recipient, line.kind);
      line.epoch = ++epoch[{recipient, case_id}];
      line.sequence = ++sequence[{recipient, case_id}];
      out.lines.push_back(std::move(line));
    }
  }

  for (const auto& offer : offers) {
    const auto& item = *offer.item;
    auto giver = GiverOf(regime, item);
    auto candidates = Candidates(view, item.case_id, giver, now);
    auto writer = WriterOf(regime, item);
    for (const auto& recipient : candidates) {
      if (offer.only_to && *offer.only_to != recipient) continue;
      // A service is not told what it wrote itself (R1-06), nor what it put into the log for another.
      if (!item.from_family && (recipient == giver || recipient == writer)) continue;
      if (regime.suspended.contains(recipient)) suspended.insert(recipient);
      std::vector<policy::Consent> consents;
      auto d = DecideOne(view, item, recipient, regime, true, now, consents);
      Line line;
      line.recipient = recipient;
      line.case_id = item.case_id;
      line.item = item.id;
      line.item_type = item.type;
      line.kind = offer.kind;
      line.verdict = d.verdict;
      line.fields = d.fields;
      line.rule = RuleOf(regime, d);
      if (d.missing != policy::Missing::kNothing) line.missing = policy::Name(d.missing);
      if (d.verdict == policy::Verdict::kDisclose) {
        line.consents = ConsentIds(d, consents);
        line.delivery_id = delivery_id(item.id, recipient, line.kind);
        line.epoch = At(epoch, recipient, item.case_id);
        line.sequence = ++sequence[{recipient, item.case_id}];
      }
      out.lines.push_back(std::move(line));
    }
  }
  if (out.lines.empty() && out.withdrawn.empty()) return std::nullopt;
  out.suspended.assign(suspended.begin(), suspended.end());
  return out;
}

Result<ReadDecision> DecideRead(const View& view, const Delivery& delivery, const Regime& regime, bool known,
                                Time now) {
  if (delivery.kind == DeliveryKind::kRetraction) {
    return Fail(Code::kGone, "RETRACTION", "a retraction has no content: stop further use of what it takes back");
  }
  if (delivery.state == DeliveryState::kWithdrawn) {
    return Fail(Code::kGone, "WITHDRAWN", "the ground for this delivery has ended");
  }
  auto item = view.items.find(delivery.item);
  if (item == view.items.end()) return Fail(Code::kGone, "CONTENT_GONE", "the content is not to be had any more");
  std::vector<policy::Consent> consents;
  auto d = DecideOne(view, item->second, delivery.recipient, regime, known, now, consents);
  auto fields = Spoken(item->second, d.fields.And(delivery.fields));
  bool content = !fields.Minus(kCarried).Empty();
  if (d.verdict != policy::Verdict::kDisclose || !content) {
    if (d.missing == policy::Missing::kConsentWithdrawn || d.missing == policy::Missing::kConsentExpired) {
      return Fail(Code::kGone, "WITHDRAWN", "the ground for this delivery has ended");
    }
    return Fail(Code::kFailedPrecondition, "NOT_ALLOWED_NOW", "this may not be shown at present");
  }
  return ReadDecision{fields, RuleOf(regime, d), ConsentIds(d, consents)};
}

Allowed AllowedTo(const View& view, const Item& item, const std::string& recipient, const Regime& regime, Time now) {
  std::vector<policy::Consent> consents;
  auto d = DecideOne(view, item, recipient, regime, true, now, consents);
  if (d.verdict != policy::Verdict::kDisclose) return {};
  return {d.fields, ConsentIds(d, consents)};
}

std::optional<Decided> RouteMissed(const View& view, const std::string& recipient, const std::string& event_id,
                                   const std::vector<MissedThen>& missed, const Regime& regime, bool known, Time now,
                                   const DeliveryId& delivery_id) {
  auto still = view.missed.find(recipient);
  if (!known || still == view.missed.end() || !regime.active.contains(recipient)) return std::nullopt;
  Decided out;
  out.event_id = event_id;
  out.event_type = kResent;
  out.offset = view.last_offset;
  out.at = now;
  out.policy_hash = regime.version;
  auto sequence = view.sequence;
  for (const auto& then : missed) {
    Line line = then.line;
    auto same = [&](const Missed& m) { return m.line.item == line.item && m.line.kind == line.kind; };
    if (std::none_of(still->second.begin(), still->second.end(), same)) continue;
    line.verdict = policy::Verdict::kDisclose;
    line.missing.clear();
    if (line.kind != DeliveryKind::kRetraction) {
      Delivery d;
      d.recipient = recipient;
      d.item = line.item;
      d.kind = line.kind;
      d.fields = then.fields;
      d.consents = then.consents;
      auto read = DecideRead(view, d, regime, known, now);
      if (read) {
        line.fields = read->fields;
        line.rule = read->rule;
        line.consents = read->consents;
      } else {
        line.verdict = policy::Verdict::kWithhold;
        line.missing = policy::Name(read.error().reason == "WITHDRAWN" ? policy::Missing::kConsentWithdrawn
                                                                       : policy::Missing::kRule);
        line.fields = {};
        line.rule = "T001";
        line.consents.clear();
        line.delivery_id.clear();
      }
    }
    if (line.verdict == policy::Verdict::kDisclose) {
      line.delivery_id = delivery_id(line.item, recipient, line.kind);
      line.epoch = At(view.epoch, recipient, line.case_id);
      line.sequence = ++sequence[{recipient, line.case_id}];
    }
    out.lines.push_back(std::move(line));
  }
  if (out.lines.empty()) return std::nullopt;
  return out;
}

}  // namespace stafett::disclosure::domain
