#include "consent/adapters/gate_consent_store.h"

#include "consent/adapters/event_mapping.h"
#include "consent/domain/decide.h"

namespace stafett::consent::adapters {
namespace {
constexpr char kChildRegistered[] = "no.stafett.cases.child-registered.v1";
}  // namespace

GateConsentStore::GateConsentStore(host::Parts& host)
    : host_(host),
      children_(host.gate().store(), host.gate().keys(),
                [this](domain::Child& child, const gate::Entry& entry) { return Fold(child, entry); }),
      found_(host.gate().store()) {}

Status GateConsentStore::Fold(domain::Child& child, const gate::Entry& entry) {
  STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), entry.record));
  if (opened.destroyed) return {};
  if (entry.own) {
    STAFETT_TRY(auto event, FromBody(opened.envelope.type, opened.bytes));
    if (event) domain::Evolve(child, *event);
  } else {
    STAFETT_TRY(auto fact, ChildFromBody(opened.envelope.type, opened.bytes));
    if (fact) domain::Learn(child, *fact);
  }
  return {};
}

gate::Proposal GateConsentStore::Propose(const std::string& child, const domain::Events& events) const {
  gate::Proposal proposal;
  for (const auto& event : events) {
    auto body = ToBody(event);
    proposal.indexes.push_back(gate::Write::Set(host_.gate().keys().Global("s:" + body.subject), child));
    proposal.events.push_back({body.type, body.bytes, body.subject, host_.config().kafka.log_topic});
  }
  return proposal;
}

Result<gate::Committed> GateConsentStore::Change(const gate::Command& command, const std::string& child,
                                                 Deadline deadline, const Decide& decide) {
  gate::Target target{host_.gate().PartitionOf(child), child, true};
  return gate::Execute<domain::Child>(children_, host_.gate().committer(), command, target, deadline,
                                      [&](const gate::Loaded<domain::Child>& loaded) -> Result<gate::Proposal> {
                                        STAFETT_TRY(auto events, decide(*loaded.state, loaded.now));
                                        return Propose(child, events);
                                      });
}

Result<app::ConsentStore::View> GateConsentStore::Load(const std::string& child, Deadline deadline) {
  STAFETT_TRY(auto loaded, children_.Load(host_.gate().PartitionOf(child), child, deadline));
  return View{*loaded.state, loaded.now};
}

Result<std::string> GateConsentStore::ChildOfConsent(const std::string& consent_id, Deadline deadline) {
  STAFETT_TRY(auto child, found_.ChildAt(host_.gate().keys().Global("s:" + consent_id), deadline));
  if (!child) return domain::NotAllowed();
  return *std::move(child);
}

Result<gate::Committed> GateConsentStore::Remembered(const std::string& scope, const std::string& request_id,
                                                     Deadline deadline) {
  const auto& committer = host_.gate().committer();
  STAFETT_TRY(auto read, host_.gate().store().Read(committer.RememberedGets(scope, request_id), deadline));
  auto remembered = committer.FromValues(read.values);
  if (!remembered) return gate::UnknownRequest();
  return std::move(remembered->committed);
}

Result<app::Withdrawal> GateConsentStore::WithdrawalOf(const gate::Committed& committed, Deadline deadline) {
  auto own = host_.gate().keys().Own(committed.partition, committed.child);
  if (committed.version == 0) return gate::UnknownRequest();
  STAFETT_TRY(auto read, host_.gate().store().Read(
                             {gate::Get::ListAt(own, static_cast<std::int64_t>(committed.version) - 1)}, deadline));
  if (!read.values[0].present) return gate::UnknownRequest();
  STAFETT_TRY(auto opened, host::OpenRecord(host_.keys(), read.values[0].string));
  STAFETT_TRY(auto event, FromBody(opened.envelope.type, opened.bytes));
  const auto* withdrawn = event ? std::get_if<domain::ConsentWithdrawn>(&*event) : nullptr;
  if (withdrawn == nullptr) return gate::UnknownRequest();
  return app::Withdrawal{committed.child, withdrawn->consent_id, opened.envelope.event_id, withdrawn->recipients};
}

bool ConsentApplier::Takes(const gate::Envelope& e) const { return e.type == kChildRegistered; }
bool ConsentApplier::Reacts(const gate::Envelope& /*e*/) const { return false; }

Result<std::optional<gate::Reaction>> ConsentApplier::React(int /*partition*/, const gate::Envelope& /*e*/,
                                                            const kafka::Record& /*record*/) {
  return std::optional<gate::Reaction>();
}

Result<std::vector<gate::Write>> ConsentApplier::Restore(int /*partition*/, const gate::Envelope& e) {
  std::vector<gate::Write> writes;
  if (!e.subject.empty()) writes.push_back(gate::Write::Set(host_.gate().keys().Global("s:" + e.subject), e.child));
  return writes;
}

}  // namespace stafett::consent::adapters
