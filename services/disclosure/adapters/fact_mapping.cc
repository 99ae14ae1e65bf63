#include "disclosure/adapters/fact_mapping.h"

#include <set>

#include "disclosure/adapters/cut.h"
#include "lib/base/id.h"
#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/consent/v1/consent_events.pb.h"
#include "stafett/disclosure/v1/ledger_events.pb.h"

namespace stafett::disclosure::adapters {
namespace {
namespace cv1 = ::stafett::cases::v1;
namespace sv1 = ::stafett::consent::v1;
namespace v1 = ::stafett::disclosure::v1;
using namespace domain;
using policy::Category;
using policy::CategorySet;

template <class Message>
const std::string& TypeOf() {
  static const std::string type = Message::descriptor()->options().GetExtension(common::v1::event_type);
  return type;
}

tl::unexpected<Error> BadBody() { return Fail(Code::kInternal, "BAD_BODY", "an event does not parse"); }

int Level(cv1::Level level) { return level >= cv1::LEVEL_0 ? static_cast<int>(level) - 1 : 0; }

Fact From(const cv1::ChildRegistered& m) { return Identified{m.identity().SerializeAsString()}; }
Fact From(const cv1::LogOpened& m) {
  // A record of 0.1.0 names no goal; cases derives the same.
  auto goal_id = m.goal_id().empty() ? DerivedId("go", m.case_id()) : m.goal_id();
  return CaseOpened{m.case_id(), m.holder(), m.holder_recipient(), m.goal(), m.next_date(), Level(m.level()), goal_id};
}
Fact From(const cv1::LogSuspended& m) { return CaseEnded{m.case_id()}; }
Fact From(const cv1::CaseClosed& m) { return CaseEnded{m.case_id()}; }
Fact From(const cv1::LevelSet& m) { return LevelChanged{m.case_id(), m.next_date(), Level(m.level())}; }
Fact From(const cv1::ParticipantAdded& m) { return Joined{m.case_id(), m.recipient()}; }
Fact From(const cv1::ParticipantRemoved& m) { return Left{m.case_id(), m.recipient()}; }
Fact From(const cv1::BatonAccepted& m) { return Handed{m.case_id(), m.holder(), m.holder_recipient(), m.next_date()}; }
MeasureFacts FromProto(const cv1::Measure& m) {
  return {m.measure_id(), m.goal_id(),  m.title(),          m.responsible(), m.responsible_recipient(),
          m.start(),      m.due_date(), m.evaluation_date()};
}
Fact From(const cv1::GoalAdded& m) { return GoalSet{m.case_id(), {m.goal().goal_id(), m.goal().goal()}}; }
Fact From(const cv1::GoalEnded& m) { return GoalEnded{m.case_id(), m.goal_id()}; }
Fact From(const cv1::MeasureStarted& m) { return MeasureSet{m.case_id(), FromProto(m.measure())}; }
Fact From(const cv1::MeasureChanged& m) { return MeasureSet{m.case_id(), FromProto(m.measure())}; }
Fact From(const cv1::MeasureEvaluated& m) {
  if (m.ended()) return MeasureEnded{m.case_id(), m.measure_id()};
  return MeasureDated{m.case_id(), m.measure_id(), m.evaluation_date()};
}
Fact From(const cv1::MeasureEnded& m) { return MeasureEnded{m.case_id(), m.measure_id()}; }
Fact From(const sv1::ConsentRequested& m) {
  Requested f{m.consent_id(), {m.purpose(), m.asking_recipient(), Time{m.until_ms()}, {}, {}}};
  f.consent.consenters.insert(m.consenters().begin(), m.consenters().end());
  for (const auto& s : m.scopes()) {
    ScopeFacts scope;
    for (auto c : s.categories()) scope.categories = scope.categories.With(ToCategory(c));
    scope.categories = scope.categories.Minus(CategorySet{}.With(Category::kNone));
    f.consent.scopes[s.recipient()] = std::move(scope);
  }
  return f;
}
Fact From(const sv1::ConsentAnswered& m) {
  return Answered{m.consent_id(),
                  m.consenter(),
                  {m.granted().begin(), m.granted().end()},
                  {m.refused().begin(), m.refused().end()}};
}
Fact From(const sv1::ConsentWithdrawn& m) {
  return Withdrawn{m.consent_id(), {m.recipients().begin(), m.recipients().end()}};
}

template <class Message>
bool TryFact(const std::string& type, const std::string& bytes, Result<Fact>& out) {
  if (type != TypeOf<Message>()) return false;
  Message m;
  if (m.ParseFromString(bytes)) {
    out = From(m);
  } else {
    out = BadBody();
  }
  return true;
}
template <class... Messages>
Result<Fact> FirstFact(const std::string& type, const std::string& bytes) {
  Result<Fact> out = Fact{};
  (TryFact<Messages>(type, bytes, out) || ...);
  return out;
}

void ToProto(CategorySet set, google::protobuf::RepeatedField<int>* out) {
  for (int c = 1; c < policy::kCategoryCount; ++c) {
    if (set.Has(static_cast<Category>(c))) out->Add(c);
  }
}
CategorySet FromProto(const google::protobuf::RepeatedField<int>& from) {
  CategorySet out;
  for (int c : from) {
    out = out.With(ToCategory(c));
  }
  return out.Minus(CategorySet{}.With(Category::kNone));
}

void Fill(const MeasureFacts& from, cv1::Measure* out) {
  out->set_measure_id(from.id);
  out->set_goal_id(from.goal);
  out->set_title(from.title);
  out->set_responsible(from.responsible);
  out->set_responsible_recipient(from.responsible_recipient);
  out->set_start(from.start);
  out->set_due_date(from.due_date);
  out->set_evaluation_date(from.evaluation_date);
}

struct Packer {
  host::Body operator()(const Decided& e) const {
    v1::Decided m;
    m.set_event_id(e.event_id);
    m.set_offset(e.offset);
    m.set_decided_at_ms(e.at.ms);
    m.set_policy_hash(e.policy_hash);
    m.set_item_type(e.event_type);
    m.set_case_id(e.case_id);
    for (const auto& l : e.lines) {
      auto& x = *m.add_lines();
      x.set_recipient(l.recipient);
      x.set_verdict(static_cast<v1::Verdict>(static_cast<int>(l.verdict) + 1));
      x.set_kind(static_cast<v1::DeliveryKind>(static_cast<int>(l.kind) + 1));
      x.set_delivery_id(l.delivery_id);
      x.set_rule(l.rule);
      ToProto(l.fields, x.mutable_fields());
      for (const auto& c : l.consents) x.add_consents(c);
      x.set_missing(l.missing);
      x.set_epoch(l.epoch);
      x.set_sequence(l.sequence);
      x.set_case_id(l.case_id);
      x.set_item_type(l.item_type);
      x.set_item(l.item);
    }
    for (const auto& id : e.withdrawn) m.add_withdrawn_deliveries(id);
    for (const auto& r : e.suspended) m.add_suspended_recipients(r);
    return {TypeOf<v1::Decided>(), m.SerializeAsString(), e.case_id};
  }
  host::Body operator()(const Fetched& e) const {
    v1::Fetched m;
    m.set_delivery_id(e.delivery_id);
    m.set_recipient(e.recipient);
    ToProto(e.fields, m.mutable_fields());
    m.set_digest(e.digest);
    m.set_rule(e.rule);
    return {TypeOf<v1::Fetched>(), m.SerializeAsString(), ""};
  }
  host::Body operator()(const StoredConfirmed& e) const {
    v1::StoredConfirmed m;
    m.set_delivery_id(e.delivery_id);
    m.set_recipient(e.recipient);
    m.set_record_ref(e.record_ref);
    m.set_digest(e.digest);
    return {TypeOf<v1::StoredConfirmed>(), m.SerializeAsString(), ""};
  }
  host::Body operator()(const SignalWithheld& e) const {
    v1::SignalWithheld m;
    m.set_delivery_id(e.delivery_id);
    m.set_recipient(e.recipient);
    return {TypeOf<v1::SignalWithheld>(), m.SerializeAsString(), ""};
  }
  host::Body operator()(const OpenedConfirmed& e) const {
    v1::OpenedConfirmed m;
    m.set_delivery_id(e.delivery_id);
    m.set_recipient(e.recipient);
    m.set_by_role(e.by_role);
    return {TypeOf<v1::OpenedConfirmed>(), m.SerializeAsString(), ""};
  }
};

bool IsFromFamily(const std::string& type, const std::string& bytes) {
  cv1::BrightSpotAdded m;
  return type == TypeOf<cv1::BrightSpotAdded>() && m.ParseFromString(bytes) && m.author_recipient().empty();
}

}  // namespace

Result<Fact> ToFact(const std::string& type, const std::string& bytes) {
  return FirstFact<cv1::ChildRegistered, cv1::LogOpened, cv1::LogSuspended, cv1::CaseClosed, cv1::LevelSet,
                   cv1::ParticipantAdded, cv1::ParticipantRemoved, cv1::BatonAccepted, cv1::GoalAdded, cv1::GoalEnded,
                   cv1::MeasureStarted, cv1::MeasureChanged, cv1::MeasureEvaluated, cv1::MeasureEnded,
                   sv1::ConsentRequested, sv1::ConsentAnswered, sv1::ConsentWithdrawn>(type, bytes);
}

bool IsContentAlone(const std::string& type) {
  if (!type.starts_with("no.stafett.cases.") || !FindEventType(type)) return false;
  auto fact = ToFact(type, "");
  return fact && std::holds_alternative<std::monostate>(*fact);
}

std::optional<Item> ToItem(const gate::Envelope& e, const std::string& bytes, std::int64_t offset) {
  auto type = FindEventType(e.type);
  if (!type || !type->disclosable) return std::nullopt;
  auto message = ParseEvent(*type, bytes);
  if (!message) return std::nullopt;
  Item item;
  item.id = e.event_id;
  item.type = e.type;
  item.case_id = e.subject;
  item.organisation = e.actor.organisation;
  // Its author's service gives it, also where the holder has put it into the log (a contribution).
  if (const auto* note = dynamic_cast<const cv1::NoteWritten*>(message.get())) item.origin = note->author_recipient();
  item.addressee = AddresseeOf(*message);
  auto categories = CategoriesOf(*message);
  item.categories = categories.all;
  item.outside = categories.outside;
  item.sections = std::move(categories.sections);
  item.purpose = "follow-up";
  item.body = bytes;
  item.happened = e.happened.value_or(e.recorded);
  item.offset = offset;
  return item;
}

Item ToSnapshot(const gate::Envelope& e, const std::string& case_id, const CaseFacts& facts, std::int64_t offset) {
  cv1::CaseSnapshot m;
  m.set_case_id(case_id);
  m.set_level(static_cast<cv1::Level>(facts.level + 1));
  m.set_goal(facts.goal);
  m.set_holder(facts.holder);
  m.set_holder_recipient(facts.holder_recipient);
  for (const auto& p : facts.participants) m.add_participants(p);
  m.set_next_date(facts.next_date);
  for (const auto& goal : facts.goals) {
    auto& x = *m.add_goals();
    x.set_goal_id(goal.id);
    x.set_goal(goal.goal);
  }
  for (const auto& measure : facts.measures) Fill(measure, m.add_measures());
  Item item;
  item.id = e.event_id + "/" + case_id;
  item.type = TypeOf<cv1::CaseSnapshot>();
  item.case_id = case_id;
  item.origin = facts.holder_recipient;  // the log's state is told by whoever holds the baton
  item.categories = CategoriesOf(m).all;
  item.purpose = "follow-up";
  item.body = m.SerializeAsString();
  item.happened = e.recorded;
  item.offset = offset;
  return item;
}

Result<LearnedRecord> LearnRecord(View& view, const gate::Envelope& e, const std::optional<std::string>& bytes,
                                  std::int64_t offset, Time appended) {
  LearnedRecord out;
  Fact fact;
  if (bytes) {
    STAFETT_TRY(fact, ToFact(e.type, *bytes));
    if (auto* identified = std::get_if<Identified>(&fact)) identified->organisation = e.actor.organisation;
  }
  out.learned = Learn(view, {offset, appended, e.event_id}, fact);
  if (!bytes) return out;
  if (auto item = ToItem(e, *bytes, offset)) {
    // A guardian's words are nobody's secret but the family's; in the log they are told by whoever holds the baton.
    if (IsFromFamily(e.type, *bytes)) {
      auto c = view.cases.find(item->case_id);
      if (c != view.cases.end()) item->origin = c->second.holder_recipient;
      item->from_family = true;
    }
    out.items.push_back(item->id);
    view.items[item->id] = std::move(*item);
  }
  if (out.learned.completed.empty()) return out;
  for (const auto& [case_id, facts] : view.cases) {
    if (!facts.open) continue;
    auto snapshot = ToSnapshot(e, case_id, facts, offset);
    auto id = snapshot.id;
    view.items[id] = std::move(snapshot);
    std::set<std::string> to;
    for (const auto& [consent_id, recipient] : out.learned.completed) {
      to.insert(recipient);
      // The holder's own yes, which lets him tell those who had theirs before.
      const auto& consent = view.consents.at(consent_id);
      if (recipient != facts.holder_recipient || recipient == consent.asked_by) continue;
      for (const auto& [other, scope] : consent.scopes) {
        if (scope.complete_at && !scope.withdrawn) to.insert(other);
      }
    }
    for (const auto& recipient : to) out.snapshots.emplace_back(id, recipient);
  }
  return out;
}

std::vector<Offer> OffersOf(const View& view, const LearnedRecord& record) {
  std::vector<Offer> offers;
  for (const auto& id : record.items) {
    const auto& item = view.items.at(id);
    offers.push_back({&item, item.addressee, DeliveryKind::kEvent});
  }
  for (const auto& [id, recipient] : record.snapshots) {
    offers.push_back({&view.items.at(id), recipient, DeliveryKind::kSnapshot});
  }
  return offers;
}

host::Body ToBody(const LedgerEvent& event) { return std::visit(Packer{}, event); }

Result<std::optional<LedgerEvent>> FromBody(const std::string& type, const std::string& bytes) {
  if (type == TypeOf<v1::Decided>()) {
    v1::Decided m;
    if (!m.ParseFromString(bytes)) return BadBody();
    Decided e;
    e.event_id = m.event_id();
    e.event_type = m.item_type();
    e.case_id = m.case_id();
    e.policy_hash = m.policy_hash();
    e.offset = m.offset();
    e.at = Time{m.decided_at_ms()};
    for (const auto& x : m.lines()) {
      Line l;
      l.recipient = x.recipient();
      l.rule = x.rule();
      l.missing = x.missing();
      l.delivery_id = x.delivery_id();
      l.case_id = x.case_id();
      l.item = x.item();
      l.item_type = x.item_type();
      l.verdict = x.verdict() == v1::DISCLOSE ? policy::Verdict::kDisclose
                  : x.verdict() == v1::HUMAN  ? policy::Verdict::kHuman
                                              : policy::Verdict::kWithhold;
      l.kind = x.kind() == v1::SNAPSHOT     ? DeliveryKind::kSnapshot
               : x.kind() == v1::RETRACTION ? DeliveryKind::kRetraction
                                            : DeliveryKind::kEvent;
      l.fields = FromProto(x.fields());
      l.consents.assign(x.consents().begin(), x.consents().end());
      l.epoch = x.epoch();
      l.sequence = x.sequence();
      e.lines.push_back(std::move(l));
    }
    e.withdrawn.assign(m.withdrawn_deliveries().begin(), m.withdrawn_deliveries().end());
    e.suspended.assign(m.suspended_recipients().begin(), m.suspended_recipients().end());
    return std::optional<LedgerEvent>(std::move(e));
  }
  if (type == TypeOf<v1::Fetched>()) {
    v1::Fetched m;
    if (!m.ParseFromString(bytes)) return BadBody();
    return std::optional<LedgerEvent>(
        Fetched{m.delivery_id(), m.recipient(), FromProto(m.fields()), m.digest(), m.rule()});
  }
  if (type == TypeOf<v1::StoredConfirmed>()) {
    v1::StoredConfirmed m;
    if (!m.ParseFromString(bytes)) return BadBody();
    return std::optional<LedgerEvent>(StoredConfirmed{m.delivery_id(), m.recipient(), m.record_ref(), m.digest()});
  }
  if (type == TypeOf<v1::SignalWithheld>()) {
    v1::SignalWithheld m;
    if (!m.ParseFromString(bytes)) return BadBody();
    return std::optional<LedgerEvent>(SignalWithheld{m.delivery_id(), m.recipient()});
  }
  if (type == TypeOf<v1::OpenedConfirmed>()) {
    v1::OpenedConfirmed m;
    if (!m.ParseFromString(bytes)) return BadBody();
    return std::optional<LedgerEvent>(OpenedConfirmed{m.delivery_id(), m.recipient(), m.by_role()});
  }
  return std::optional<LedgerEvent>();
}

Result<app::Content> CutContents::Show(const std::string& who, const Item& item, CategorySet fields,
                                       const std::string& case_ref) const {
  auto type = FindEventType(item.type);
  if (!type) return Fail(Code::kInternal, "UNKNOWN_TYPE", "this version does not know the event's type");
  auto message = ParseEvent(*type, item.body);
  if (!message) return BadBody();
  Cut(*message, fields);
  UseOwnNames(*message, case_ref);
  app::Content out;
  out.type_url = "type.googleapis.com/" + message->GetDescriptor()->full_name();
  out.value = message->SerializeAsString();
  cv1::ChildIdentity identity;
  if (fields.Has(Category::kIdent) && identity.ParseFromString(who)) {
    Cut(identity, fields);
    out.identity = identity.SerializeAsString();
  }
  return out;
}

}  // namespace stafett::disclosure::adapters
