#include "disclosure/adapters/gate_ledger.h"

#include <cstdlib>

#include "disclosure/adapters/awaited_receipts.h"
#include "disclosure/adapters/signals.h"
#include "lib/base/id.h"
#include "lib/host/journal.h"
#include "lib/host/who.h"

namespace stafett::disclosure::adapters {
namespace {
constexpr char kPolicyType[] = "no.stafett.disclosure.policy-activated.v1";
constexpr Millis kFreshFor{5000};      // a view older than this admits no read (design §4.6)
constexpr Millis kReadingFor{30'000};  // a reader that died does not stay under way for ever

bool OfCasesOrConsent(const std::string& type) {
  return type.starts_with("no.stafett.cases.") || type.starts_with("no.stafett.consent.");
}

std::string EncodeReading(const app::Reading& r) {
  std::string out = r.recipient + "\n" + std::to_string(r.admitted.ms);
  for (const auto& c : r.consents) out += "\n" + c;
  return out;
}
app::Reading DecodeReading(const std::string& id, const std::string& text) {
  app::Reading r;
  r.id = id;
  std::size_t at = 0;
  for (int i = 0; at <= text.size(); ++i) {
    auto end = text.find('\n', at);
    auto part = text.substr(at, end == std::string::npos ? std::string::npos : end - at);
    if (i == 0) r.recipient = part;
    if (i == 1) r.admitted = Time{std::strtoll(part.c_str(), nullptr, 10)};
    if (i > 1) r.consents.push_back(part);
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return r;
}
}  // namespace

domain::DeliveryId KeyedDeliveryId(const seal::Secret& alias_key) {
  return [key = alias_key.Derive("delivery")](const std::string& item, const std::string& recipient,
                                              domain::DeliveryKind kind) {
    return DerivedId("d",
                     seal::KeyedHash(key, item + "\n" + recipient + "\n" + std::to_string(static_cast<int>(kind))));
  };
}

std::vector<gate::Guard> ShowingGuards(const gate::Keys& keys, int partition, const std::string& child,
                                       const std::string& in_force_key, const std::string& in_force) {
  return {gate::Guard::FreshWithin(keys.Fresh(partition), kFreshFor), gate::Guard::Equals(in_force_key, in_force),
          gate::Guard::FieldAbsent(keys.Index(partition, "parked"), child)};
}

GateLedger::GateLedger(host::Parts& host, Regimes& regimes, const host::References& references)
    : host_(host),
      regimes_(regimes),
      references_(references),
      children_(host.gate().store(), host.gate().keys(),
                [this](domain::View& view, const gate::Entry& entry) { return Fold(view, entry); }),
      found_(host.gate().store()),
      ages_(host.metrics()) {}

Status GateLedger::Fold(domain::View& view, const gate::Entry& entry) const {
  if (!entry.own) {
    STAFETT_CHECK_OK(Learn(view, entry.record, entry.offset, entry.appended));
    return {};
  }
  STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), entry.record));
  if (opened.destroyed) return {};
  STAFETT_TRY(auto event, FromBody(opened.envelope.type, opened.bytes));
  if (event) domain::Evolve(view, *event);
  return {};
}

Result<LearnedRecord> GateLedger::Learn(domain::View& view, std::string_view record, std::int64_t offset,
                                        Time appended) const {
  STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), record));
  std::optional<std::string> bytes;
  if (!opened.destroyed) bytes = std::move(opened.bytes);
  return LearnRecord(view, opened.envelope, bytes, offset, appended);
}

Result<Loaded> GateLedger::LoadWithRegime(int partition, const std::string& child, Deadline deadline) {
  STAFETT_TRY(auto loaded, LoadWithRegime(partition, std::vector<std::string>{child}, deadline));
  return std::move(loaded.front());
}

Result<std::vector<Loaded>> GateLedger::LoadWithRegime(int partition, const std::vector<std::string>& children,
                                                       Deadline deadline) {
  const auto& keys = host_.gate().keys();
  STAFETT_TRY(auto views, children_.LoadAll(partition, children, deadline,
                                            {gate::Get::String(regimes_.InForceKey(partition)),
                                             gate::Get::Hash(regimes_.SuspendedKey()),
                                             gate::Get::HashFields(keys.Index(partition, "parked"), children)}));
  auto version = NoVersion();  // before the first activation nobody is told anything
  const auto& in_force = views.front().extra[0];
  if (in_force.present) {
    STAFETT_TRY(version, regimes_.Find(in_force.string, deadline));
  }
  std::set<std::string> suspended;
  const auto& fields = views.front().extra[1].list;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) suspended.insert(fields[i]);
  std::vector<Loaded> out;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const bool parked = !views[i].extra[2].list[i].empty();
    out.push_back({std::move(views[i]), version, suspended, parked});
  }
  return out;
}

Result<app::Case> GateLedger::Load(const std::string& child, Deadline deadline) {
  STAFETT_TRY(auto loaded, LoadWithRegime(host_.gate().PartitionOf(child), child, deadline));
  app::Case c;
  c.child = child;
  c.view = loaded.view.state;
  c.regime = RegimeOf(*loaded.version, loaded.suspended);
  c.rules = loaded.version->rules;
  c.known = !loaded.parked;
  c.now = loaded.view.now;
  return c;
}

Result<app::Moment> GateLedger::LoadAt(const std::string& child, const domain::Decided& decided, Deadline deadline) {
  auto p = host_.gate().PartitionOf(child);
  const auto& keys = host_.gate().keys();
  STAFETT_TRY(auto read,
              host_.gate().store().Read(
                  {gate::Get::List(keys.Inputs(p, child), 0), gate::Get::List(keys.Own(p, child), 0)}, deadline));
  app::Moment m;
  m.view = std::make_shared<domain::View>();
  LearnedRecord learned;
  for (const auto& entry : read.values[0].list) {
    STAFETT_TRY(auto input, gate::DecodeInput(entry));
    if (input.offset > decided.offset) break;
    STAFETT_TRY(learned, Learn(*m.view, input.record, input.offset, input.appended));
  }
  for (const auto& record : read.values[1].list) {
    STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), record));
    if (opened.destroyed) continue;
    STAFETT_TRY(auto event, FromBody(opened.envelope.type, opened.bytes));
    if (!event) continue;
    const auto* same = std::get_if<domain::Decided>(&*event);
    if (same != nullptr && same->event_id == decided.event_id) break;
    domain::Evolve(*m.view, *event);
  }
  m.learned = learned.learned;
  m.offers = OffersOf(*m.view, learned);
  auto version = NoVersion();
  if (!decided.policy_hash.empty()) {
    STAFETT_TRY(version, regimes_.Find(decided.policy_hash, deadline));
  }
  m.rules = version->rules;
  m.regime = RegimeOf(*version, {decided.suspended.begin(), decided.suspended.end()});
  return m;
}

Status GateLedger::Change(const gate::Command& command, const std::string& child, Deadline deadline,
                          const Decide& decide, std::optional<app::Reading>* reading) {
  auto p = host_.gate().PartitionOf(child);
  const auto& keys = host_.gate().keys();
  bool unknown = false;
  bool guarded = reading != nullptr;
  for (int attempt = 0; attempt < gate::kMaxConflicts && !deadline.Passed(); ++attempt) {
    STAFETT_TRY(auto loaded, LoadWithRegime(p, child, deadline));
    app::Case c;
    c.child = child;
    c.view = loaded.view.state;
    c.regime = RegimeOf(*loaded.version, loaded.suspended);
    c.rules = loaded.version->rules;
    c.known = !loaded.parked;
    c.now = std::max(loaded.view.now, c.view->latest);
    STAFETT_TRY(auto event, decide(c));
    if (!event) return {};
    auto proposal = Propose(child, *event, c.now);
    const bool read = reading != nullptr && *reading;
    guarded = read || std::holds_alternative<domain::Decided>(*event);
    // Whatever lets somebody have something.
    if (guarded) {
      proposal.guards = ShowingGuards(keys, p, child, regimes_.InForceKey(p), loaded.view.extra[0].string);
    }
    if (read) {
      proposal.indexes.push_back(gate::Write::HashSet(ReadingKey(p), (*reading)->id, EncodeReading(**reading)));
    }
    auto tried = host_.gate().committer().Try(
        command, {p, child, true}, {loaded.view.own, loaded.view.inputs, loaded.view.generation, loaded.view.now},
        proposal, deadline);
    if (!tried) {
      if (tried.error().code != Code::kUnknownOutcome) return tl::unexpected(std::move(tried).error());
      unknown = true;  // decided anew: a read noted twice does no harm, one not noted would
      continue;
    }
    if (tried->kind == gate::Committer::Attempt::Kind::kDone) {
      ages_.Note(*c.view, *event, c.now);
      return {};
    }
  }
  if (unknown) return Fail(Code::kUnknownOutcome, "OUTCOME_UNKNOWN", "try again");
  if (guarded) {
    return Fail(Code::kUnavailable, "STALE_VIEW",
                "the view of the log is not fresh enough to show anything; try again");
  }
  return gate::TooManyConflicts();
}

void GateLedger::EndReading(const std::string& child, const app::Reading& reading) {
  gate::Transaction tx;
  tx.writes.push_back(gate::Write::HashDelete(ReadingKey(host_.gate().PartitionOf(child)), reading.id));
  // If it fails the note runs out by itself.
  (void)host_.gate().store().Run(tx, Deadline::In(Millis(500)));
}

Result<std::string> GateLedger::ChildOfDelivery(const std::string& delivery_id, Deadline deadline) {
  STAFETT_TRY(auto child, found_.ChildAt(host_.gate().keys().Global("d:" + delivery_id), deadline));
  if (!child) return host::NotAllowed();
  return *std::move(child);
}

std::vector<gate::Write> GateLedger::IndexesOf(const std::string& child, const domain::LedgerEvent& event,
                                               Time now) const {
  std::vector<gate::Write> writes{LookAgain(child, now)};
  const auto& keys = host_.gate().keys();
  std::set<std::string> missed;
  if (const auto* withheld = std::get_if<domain::SignalWithheld>(&event)) missed.insert(withheld->recipient);
  std::set<std::string> told;
  if (const auto* decided = std::get_if<domain::Decided>(&event)) {
    for (const auto& line : decided->lines) {
      if (line.missing == policy::Name(policy::Missing::kRecipientInactive)) missed.insert(line.recipient);
      if (line.delivery_id.empty()) continue;
      writes.push_back(gate::Write::Set(keys.Global("d:" + line.delivery_id), child));
      writes.push_back(gate::Write::Push(keys.Global("to:" + line.recipient), line.delivery_id + "\n" + child));
      told.insert(line.recipient);
    }
    const auto day = calendar::Today(decided->at);
    for (const auto& recipient : told) {
      writes.push_back(gate::Write::SortedSooner(ToldOnKey(recipient, day), decided->at.ms, child));
    }
  }
  for (const auto& recipient : missed) writes.push_back(gate::Write::SortedAdd(MissedKey(recipient), now.ms, child));
  return writes;
}

gate::Write GateLedger::LookAgain(const std::string& child, Time happened) const {
  return AwaitedReceipts::LookAgain(host_.gate().keys(), host_.gate().PartitionOf(child), child, happened);
}

gate::Proposal GateLedger::Propose(const std::string& child, const domain::LedgerEvent& event, Time now) const {
  gate::Proposal proposal;
  auto body = ToBody(event);
  proposal.events.push_back({body.type, body.bytes, body.subject, host_.config().kafka.ledger_topic});
  proposal.indexes = IndexesOf(child, event, now);
  const auto* decided = std::get_if<domain::Decided>(&event);
  if (decided == nullptr) return proposal;
  for (const auto& line : decided->lines) {
    if (line.delivery_id.empty()) continue;
    proposal.after.push_back(ToSignal(host_.config().kafka.recipient_prefix, line,
                                      references_.CaseFor(line.recipient, line.case_id), decided->at));
  }
  return proposal;
}

Status GateLedger::Withhold(const std::string& delivery_id, Deadline deadline) {
  STAFETT_TRY(auto child, ChildOfDelivery(delivery_id, deadline));
  const auto p = host_.gate().PartitionOf(child);
  for (int attempt = 0; attempt < gate::kMaxConflicts; ++attempt) {
    STAFETT_TRY(auto loaded, children_.Load(p, child, deadline));
    const auto* d = loaded.state->FindDelivery(delivery_id);
    if (d == nullptr || d->state != domain::DeliveryState::kSignalled) return {};
    gate::Command command;
    command.request_scope = "disclosure";
    // Its turn in the sequence tells one sending from another: resent, it may be withheld again.
    command.request_id = DerivedId("rq", delivery_id + "/withhold/" + std::to_string(d->sequence));
    auto proposal = Propose(child, domain::SignalWithheld{delivery_id, d->recipient}, loaded.now);
    proposal.beyond_limit = true;
    STAFETT_TRY(auto tried, host_.gate().committer().Try(command, {p, child, true},
                                                         {loaded.own, loaded.inputs, loaded.generation, loaded.now},
                                                         proposal, deadline));
    if (tried.kind == gate::Committer::Attempt::Kind::kDone) return {};
  }
  return gate::TooManyConflicts();
}

Result<std::vector<std::string>> GateLedger::Missed(const std::string& recipient, std::int64_t count,
                                                    Deadline deadline) {
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::Sorted(MissedKey(recipient), 0, count)}, deadline));
  return std::move(read.values[0].list);
}

Status GateLedger::Caught(const std::string& recipient, const std::string& child, Deadline deadline) {
  const auto p = host_.gate().PartitionOf(child);
  STAFETT_TRY(auto loaded, children_.Load(p, child, deadline));
  auto it = loaded.state->missed.find(recipient);
  if (it != loaded.state->missed.end() && !it->second.empty()) return {};
  gate::Transaction tx;
  tx.generation = loaded.generation;
  // Unless it has missed something else in between.
  tx.guards.push_back(gate::Guard::Length(host_.gate().keys().Own(p, child), loaded.own));
  tx.writes.push_back(gate::Write::SortedRemove(MissedKey(recipient), child));
  STAFETT_CHECK_OK(host_.gate().store().Run(tx, deadline));
  return {};
}

Result<app::Ledger::Page> GateLedger::Deliveries(const std::string& recipient, std::int64_t from, std::int64_t count,
                                                 Deadline deadline) {
  const auto& keys = host_.gate().keys();
  STAFETT_TRY(auto read, host_.gate().store().Read({gate::Get::ListPart(keys.Global("to:" + recipient), from, count),
                                                    gate::Get::String(keys.Global("series"))},
                                                   deadline));
  Page page;
  page.series = read.values[1].string;
  if (page.series.empty()) {
    page.series = NewId("s");
    gate::Transaction tx;
    tx.guards.push_back(gate::Guard::Equals(keys.Global("series"), ""));
    tx.writes.push_back(gate::Write::Set(keys.Global("series"), page.series));
    STAFETT_TRY(auto outcome, host_.gate().store().Run(tx, deadline));
    if (!outcome.done) return Deliveries(recipient, from, count, deadline);
  }
  for (const auto& entry : read.values[0].list) {
    auto nl = entry.find('\n');
    page.deliveries.emplace_back(entry.substr(0, nl), entry.substr(nl + 1));
  }
  page.next = from + static_cast<std::int64_t>(page.deliveries.size());
  return page;
}

Result<app::Ledger::Told> GateLedger::ToldOn(const std::string& recipient, const calendar::Date& day, std::int64_t from,
                                             std::int64_t count, Deadline deadline) {
  STAFETT_TRY(auto read,
              host_.gate().store().Read({gate::Get::Sorted(ToldOnKey(recipient, day), from, count)}, deadline));
  return Told{std::move(read.values[0].list), read.now};
}

Result<app::Ledger::FenceView> GateLedger::Fence(const std::string& child, const std::string& event_id,
                                                 Deadline deadline) {
  auto p = host_.gate().PartitionOf(child);
  const auto& keys = host_.gate().keys();
  STAFETT_TRY(auto loaded,
              children_.Load(p, child, deadline, {gate::Get::String(keys.Fence(p)), gate::Get::Hash(ReadingKey(p))}));
  FenceView out;
  auto it = loaded.state->offsets.find(event_id);
  if (it != loaded.state->offsets.end()) out.offset = it->second;
  out.fence = std::strtoll(loaded.extra[0].string.c_str(), nullptr, 10);
  const auto& readings = loaded.extra[1].list;
  for (std::size_t i = 0; i + 1 < readings.size(); i += 2) {
    auto r = DecodeReading(readings[i], readings[i + 1]);
    if (loaded.now.ms - r.admitted.ms <= kReadingFor.count()) out.readings.push_back(std::move(r));
  }
  return out;
}

Router::Router(host::Parts& host, GateLedger& ledger, Regimes& regimes, domain::DeliveryId delivery_id)
    : host_(host), ledger_(ledger), regimes_(regimes), delivery_id_(std::move(delivery_id)) {}

bool Router::Takes(const gate::Envelope& e) const { return OfCasesOrConsent(e.type); }
bool Router::Reacts(const gate::Envelope& e) const { return OfCasesOrConsent(e.type); }

void Router::Expect(int partition, const std::vector<std::string>& children, bool restoring) {
  // Rules and suspensions may be others by now; and a view that is lent is copied to learn more.
  expected_.Forget(partition);
  if (children.empty()) return;
  host_.keys().Expect(partition, children);
  if (restoring) return;
  expected_.Put(partition, children, ledger_.LoadWithRegime(partition, children, Deadline::In(Millis(2000))));
}

// Left out, a fact would go on to hold that has ended: a consent, a participant, an open log.
bool Router::MayDiscard(const std::string& type) const { return IsContentAlone(type); }

Result<std::optional<gate::Reaction>> Router::React(int partition, const gate::Envelope& e,
                                                    const kafka::Record& record) {
  auto loaded = expected_.Take(partition, e.child);
  if (!loaded) {
    STAFETT_TRY(loaded, ledger_.LoadWithRegime(partition, e.child, Deadline::In(Millis(2000))));
  }
  // What the ledger decided is not decided again (a rebuild).
  if (loaded->view.state->decided.contains(e.event_id)) return std::optional<gate::Reaction>();
  domain::View view = *loaded->view.state;
  STAFETT_TRY(auto learned, ledger_.Learn(view, record.value, record.offset, Time{record.timestamp_ms}));
  auto offers = OffersOf(view, learned);
  auto regime = RegimeOf(*loaded->version, loaded->suspended);
  auto decided = domain::Route(view, {e.event_id, e.type, e.subject, record.offset}, offers, learned.learned, regime,
                               view.latest, delivery_id_);
  gate::Reaction reaction;
  reaction.target = {partition, e.child, true};
  reaction.own = loaded->view.own;
  reaction.inputs = loaded->view.inputs;
  reaction.command.request_id = DerivedId("rq", e.event_id + "/decide");
  reaction.command.cause = e.event_id;
  if (decided) reaction.proposal = ledger_.Propose(e.child, *decided, view.latest);
  return std::optional<gate::Reaction>(std::move(reaction));
}

Result<std::vector<gate::Write>> Router::Restore(int /*partition*/, const gate::Envelope& e) {
  if (e.child.empty()) return std::vector<gate::Write>();
  // A word about receipts: perhaps what it rested on is not there any more.
  if (!e.sealed) return std::vector<gate::Write>{ledger_.LookAgain(e.child, e.recorded)};
  auto bytes = host_.keys().Open(e.child, *e.sealed, gate::Bound(e.stream, e.version, e.type));
  if (!bytes) {
    if (bytes.error().code == Code::kGone) return std::vector<gate::Write>();
    return tl::unexpected(std::move(bytes).error());
  }
  STAFETT_TRY(auto event, FromBody(e.type, *bytes));
  if (!event) return std::vector<gate::Write>();
  return ledger_.IndexesOf(e.child, *event, e.recorded);
}

std::vector<gate::Write> Router::Passed(int partition, const gate::Envelope& e) {
  if (e.type != kPolicyType) return {};
  return regimes_.Passed(partition, e.clear);
}

}  // namespace stafett::disclosure::adapters
