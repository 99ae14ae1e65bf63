#include "consent/adapters/event_mapping.h"

#include <functional>
#include <map>

#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/consent/v1/consent_events.pb.h"

namespace stafett::consent::adapters {
namespace {
namespace v1 = ::stafett::consent::v1;
namespace cases_v1 = ::stafett::cases::v1;
using namespace domain;

template <class Message>
const std::string& TypeOf() {
  static const std::string type = Message::descriptor()->options().GetExtension(common::v1::event_type);
  return type;
}

template <class Message>
host::Body Pack(const Message& m) {
  return {TypeOf<Message>(), m.SerializeAsString(), m.consent_id()};
}

template <class To, class Range>
void CopyTo(const Range& from, To* to) {
  for (const auto& x : from) *to->Add() = x;
}
template <class Range>
std::vector<std::string> Strings(const Range& from) {
  return {from.begin(), from.end()};
}

struct Packer {
  host::Body operator()(const ConsentRequested& e) const {
    v1::ConsentRequested m;
    m.set_consent_id(e.consent_id);
    m.set_purpose(e.purpose);
    for (const auto& s : e.scopes) {
      auto& x = *m.add_scopes();
      x.set_recipient(s.recipient);
      for (auto c : s.categories) x.add_categories(static_cast<common::v1::Category>(c));
    }
    CopyTo(e.consenters, m.mutable_consenters());
    m.set_until_ms(e.until.ms);
    m.set_asking_recipient(e.asking_recipient);
    m.set_language(e.language);
    return Pack(m);
  }
  host::Body operator()(const ConsentAnswered& e) const {
    v1::ConsentAnswered m;
    m.set_consent_id(e.consent_id);
    m.set_consenter(e.consenter);
    CopyTo(e.granted, m.mutable_granted());
    CopyTo(e.refused, m.mutable_refused());
    m.set_evidence(e.evidence);
    m.set_recorded_by(e.recorded_by);
    return Pack(m);
  }
  host::Body operator()(const ConsentWithdrawn& e) const {
    v1::ConsentWithdrawn m;
    m.set_consent_id(e.consent_id);
    m.set_consenter(e.consenter);
    CopyTo(e.recipients, m.mutable_recipients());
    return Pack(m);
  }
};

Event From(const v1::ConsentRequested& m) {
  ConsentRequested e{m.consent_id(),     m.purpose(),          {},          Strings(m.consenters()),
                     Time{m.until_ms()}, m.asking_recipient(), m.language()};
  for (const auto& s : m.scopes()) {
    Scope scope{s.recipient(), {}};
    for (auto c : s.categories()) {
      // A category of a later version: what this one does not know it does not let through.
      if (common::v1::Category_IsValid(c)) scope.categories.push_back(static_cast<policy::Category>(c));
    }
    e.scopes.push_back(std::move(scope));
  }
  return e;
}
Event From(const v1::ConsentAnswered& m) {
  return ConsentAnswered{m.consent_id(),       m.consenter(), Strings(m.granted()),
                         Strings(m.refused()), m.evidence(),  m.recorded_by()};
}
Event From(const v1::ConsentWithdrawn& m) {
  return ConsentWithdrawn{m.consent_id(), m.consenter(), Strings(m.recipients())};
}

// Names and dates stay behind: this service has no use for them.
ChildRegisteredFact From(const cases_v1::ChildRegistered& m) {
  ChildRegisteredFact f;
  for (const auto& g : m.identity().guardians()) f.guardians.push_back({g.person(), g.parental_responsibility()});
  return f;
}

template <class Out>
using Parsers = std::map<std::string, std::function<Result<Out>(const std::string&)>>;

template <class Out, class... Messages>
Parsers<Out> ParsersOf() {
  Parsers<Out> out;
  (out.emplace(TypeOf<Messages>(),
               [](const std::string& bytes) -> Result<Out> {
                 Messages m;
                 if (!m.ParseFromString(bytes)) return Fail(Code::kInternal, "BAD_BODY", "an event does not parse");
                 return From(m);
               }),
   ...);
  return out;
}

template <class Out>
Result<std::optional<Out>> Parse(const Parsers<Out>& parsers, const std::string& type, const std::string& bytes) {
  auto it = parsers.find(type);
  if (it == parsers.end()) return std::optional<Out>();
  STAFETT_TRY(auto out, it->second(bytes));
  return std::optional<Out>(std::move(out));
}

}  // namespace

host::Body ToBody(const Event& event) { return std::visit(Packer{}, event); }

Result<std::optional<Event>> FromBody(const std::string& type, const std::string& bytes) {
  static const auto parsers = ParsersOf<Event, v1::ConsentRequested, v1::ConsentAnswered, v1::ConsentWithdrawn>();
  return Parse(parsers, type, bytes);
}

Result<std::optional<ChildRegisteredFact>> ChildFromBody(const std::string& type, const std::string& bytes) {
  static const auto parsers = ParsersOf<ChildRegisteredFact, cases_v1::ChildRegistered>();
  return Parse(parsers, type, bytes);
}

}  // namespace stafett::consent::adapters
