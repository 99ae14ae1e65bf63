#include "cases/adapters/gate_case_store.h"

#include <utility>

#include "cases/adapters/event_mapping.h"
#include "cases/domain/awaited.h"
#include "cases/domain/decide.h"
#include "lib/base/id.h"
#include "stafett/common/v1/record.pb.h"

namespace stafett::cases::adapters {
namespace {
constexpr char kWithdrawn[] = "no.stafett.consent.consent-withdrawn.v1";
constexpr char kConsentTypes[] = "no.stafett.consent.";
}  // namespace

GateCaseStore::GateCaseStore(host::Parts& host, const seal::Secret& identity_key)
    : host_(host),
      identity_key_{"identity-1", identity_key.Derive("number")},
      number_hash_key_(identity_key.Derive("number-hash")),
      children_(host.gate().store(), host.gate().keys(),
                [this](domain::Child& child, const gate::Entry& entry) { return Fold(child, entry); }),
      found_(host.gate().store()) {}

Status GateCaseStore::Fold(domain::Child& child, const gate::Entry& entry) {
  STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), entry.record));
  if (opened.destroyed) return {};
  if (entry.own) {
    STAFETT_TRY(auto event, FromBody(opened.envelope.type, opened.bytes));
    if (event) domain::Evolve(child, *event);
  } else {
    STAFETT_TRY(auto fact, ConsentFromBody(opened.envelope.type, opened.bytes));
    if (fact) domain::Learn(child, *fact);
  }
  return {};
}

std::vector<gate::Write> GateCaseStore::NameWrites(const std::string& subject, const std::vector<Awaited>& awaited,
                                                   const std::string& child) const {
  std::vector<gate::Write> writes;
  for (const auto& id : domain::NamedIn(subject, awaited)) {
    writes.push_back(gate::Write::Set(host_.gate().keys().Global("s:" + id), child));
  }
  return writes;
}

gate::Proposal GateCaseStore::Propose(const std::string& child, domain::Child state,
                                      const domain::Events& events) const {
  gate::Proposal proposal;
  for (const auto& event : events) {
    auto body = ToBody(event);
    auto awaited = domain::AwaitedBy(state, event);
    for (auto& write : NameWrites(body.subject, awaited, child)) proposal.indexes.push_back(std::move(write));
    auto due = DueWrites(child, awaited);
    proposal.indexes.insert(proposal.indexes.end(), due.begin(), due.end());
    proposal.events.push_back(
        {body.type, body.bytes, body.subject, host_.config().kafka.log_topic, std::move(awaited)});
    domain::Evolve(state, event);
  }
  return proposal;
}

Result<gate::Committed> GateCaseStore::Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                              const Decide& decide) {
  gate::Target target{host_.gate().PartitionOf(child), child, true};
  return gate::Execute<domain::Child>(children_, host_.gate().committer(), command, target, deadline,
                                      [&](const gate::Loaded<domain::Child>& loaded) -> Result<gate::Proposal> {
                                        STAFETT_TRY(auto events, decide(*loaded.state, loaded.now));
                                        return Propose(child, *loaded.state, events);
                                      });
}

std::string GateCaseStore::NumberKey(const std::string& hash) const {
  return host_.gate().keys().Global("nin:" + hash);
}

Result<gate::Committed> GateCaseStore::Register(const gate::Command& command, const std::string& national_number,
                                                Deadline deadline, const domain::ChildRegistered& registered) {
  auto hash = seal::KeyedHash(number_hash_key_, national_number);
  auto key = NumberKey(hash);
  const auto& kafka = host_.config().kafka;
  for (int attempt = 0; attempt < gate::kMaxConflicts; ++attempt) {
    const auto& committer = host_.gate().committer();
    auto gets = committer.RememberedGets(command.request_scope, command.request_id);
    gets.insert(gets.begin(), gate::Get::String(key));
    STAFETT_TRY(auto found, host_.gate().store().Read(gets, deadline));
    // A retry goes to the child that the first try made, whatever the number says.
    auto remembered = committer.FromValues(std::span(found.values).subspan(1));
    bool known = found.values[0].present;
    auto child = remembered ? remembered->committed.child : known ? found.values[0].string : NewId("ch");
    host::KeyRing::Fresh data_key{gate::Write::Set("", ""), {}};
    if (known || remembered) {
      STAFETT_TRY(data_key, host_.keys().Again(child, kafka.keys_topic, deadline));
    } else {
      data_key = host_.keys().Create(child, kafka.keys_topic);
    }
    common::v1::IdentityBody body;
    body.set_national_number(national_number);
    auto box = seal::Seal(identity_key_, body.SerializeAsString(), child);
    common::v1::Identity identity;
    identity.set_child(child);
    identity.set_number_hash(hash);
    auto& sealed = *identity.mutable_sealed();
    sealed.set_alg(box.alg);
    sealed.set_key_id(box.key_id);
    sealed.set_nonce(box.nonce);
    sealed.set_ciphertext(box.ciphertext);
    auto identity_bytes = identity.SerializeAsString();

    gate::Target target{host_.gate().PartitionOf(child), child, true};
    auto committed = gate::Execute<domain::Child>(
        children_, host_.gate().committer(), command, target, deadline,
        [&](const gate::Loaded<domain::Child>& loaded) -> Result<gate::Proposal> {
          auto proposal = Propose(child, *loaded.state, {registered});
          proposal.guards.push_back(known ? gate::Guard::Equals(key, child) : gate::Guard::Absent(key));
          // Known or new, the same is written: nobody can tell from form or time.
          proposal.messages = {data_key.record, {kafka.identity_topic, child, identity_bytes, ""}};
          proposal.indexes.push_back(data_key.store);
          proposal.indexes.push_back(gate::Write::Set(key, child));
          proposal.indexes.push_back(
              gate::Write::Set(host_.gate().keys().Index(target.partition, "id:" + child), identity_bytes));
          return proposal;
        });
    // Another copy registered the same number in between: its child is the one.
    if (!committed && committed.error().code == Code::kAborted) continue;
    return committed;
  }
  return gate::TooManyConflicts();
}

Result<app::CaseStore::View> GateCaseStore::Load(const std::string& child, Deadline deadline) {
  STAFETT_TRY(auto loaded, children_.Load(host_.gate().PartitionOf(child), child, deadline));
  return View{*loaded.state, loaded.now};
}

Result<std::string> GateCaseStore::ChildOfCase(const std::string& case_id, Deadline deadline) {
  STAFETT_TRY(auto child, found_.ChildAt(host_.gate().keys().Global("s:" + case_id), deadline));
  if (!child) return domain::NotAllowed();
  return *std::move(child);
}

std::vector<gate::Write> GateCaseStore::IdentityWrites(const kafka::Record& record) const {
  common::v1::Identity identity;
  if (record.tombstone || !identity.ParseFromString(record.value)) return {};
  return {gate::Write::Set(NumberKey(identity.number_hash()), identity.child()),
          gate::Write::Set(host_.gate().keys().Index(record.partition, "id:" + identity.child()), record.value)};
}

bool CaseApplier::Takes(const gate::Envelope& e) const { return e.type.starts_with(kConsentTypes); }
bool CaseApplier::MayDiscard(const std::string& type) const { return !type.starts_with(kConsentTypes); }
// What is in force ends by a withdrawal alone: consent refuses a no after everybody has said yes.
bool CaseApplier::Reacts(const gate::Envelope& e) const { return e.type == kWithdrawn; }

Result<std::optional<gate::Reaction>> CaseApplier::React(int partition, const gate::Envelope& e,
                                                         const kafka::Record& record) {
  STAFETT_TRY(auto loaded, store_.children().Load(partition, e.child, Deadline::In(Millis(2000))));
  STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), record.value));
  if (opened.destroyed) return std::optional<gate::Reaction>();
  STAFETT_TRY(auto fact, ConsentFromBody(e.type, opened.bytes));
  if (!fact) return std::optional<gate::Reaction>();
  auto child = *loaded.state;
  domain::Learn(child, *fact);
  const auto events = domain::StopWhatLostItsConsent(child, Time{record.timestamp_ms});
  gate::Reaction reaction;
  reaction.target = {partition, e.child, true};
  reaction.own = loaded.own;
  reaction.inputs = loaded.inputs;
  reaction.proposal = store_.Propose(e.child, std::move(child), events);
  reaction.command.request_id = DerivedId("rq", e.event_id + "/stop");
  reaction.command.cause = e.event_id;
  return std::optional<gate::Reaction>(std::move(reaction));
}

Result<std::vector<gate::Write>> CaseApplier::Restore(int /*partition*/, const gate::Envelope& e) {
  auto writes = store_.NameWrites(e.subject, e.awaited, e.child);
  auto due = store_.DueWrites(e.child, e.awaited);
  writes.insert(writes.end(), due.begin(), due.end());
  return writes;
}

}  // namespace stafett::cases::adapters
