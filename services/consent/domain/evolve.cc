#include <algorithm>

#include "consent/domain/types.h"

namespace stafett::consent::domain {
namespace {
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;
}  // namespace

const Scope* Consent::Find(const std::string& recipient) const {
  auto it = std::find_if(scopes.begin(), scopes.end(), [&](const Scope& s) { return s.recipient == recipient; });
  return it == scopes.end() ? nullptr : &*it;
}

bool Consent::SaidYes(const std::string& consenter, const std::string& recipient) const {
  auto of = answers.find(recipient);
  if (of == answers.end()) return false;
  auto it = of->second.find(consenter);
  return it != of->second.end() && it->second == Answer::kYes;
}

bool Consent::AnyYes(const std::string& recipient) const {
  return std::any_of(consenters.begin(), consenters.end(), [&](const std::string& c) { return SaidYes(c, recipient); });
}

bool Consent::Complete(const std::string& recipient) const {
  return !consenters.empty() &&
         std::all_of(consenters.begin(), consenters.end(), [&](const std::string& c) { return SaidYes(c, recipient); });
}

Standing Consent::StandingFor(const std::string& recipient, Time now) const {
  if (withdrawn.contains(recipient)) return Standing::kWithdrawn;
  auto of = answers.find(recipient);
  if (of != answers.end() &&
      std::any_of(of->second.begin(), of->second.end(), [](const auto& a) { return a.second == Answer::kNo; })) {
    return Standing::kRefused;
  }
  if (now >= until) return Standing::kExpired;
  return Complete(recipient) ? Standing::kGranted : Standing::kRequested;
}

std::vector<std::string> Consent::Missing(const std::string& recipient) const {
  auto of = answers.find(recipient);
  std::vector<std::string> out;
  for (const auto& c : consenters) {
    if (of == answers.end() || !of->second.contains(c)) out.push_back(c);
  }
  return out;
}

std::string ConsentOf(const Event& event) {
  return std::visit([](const auto& e) { return e.consent_id; }, event);
}

void Evolve(Child& child, const Event& event) {
  auto& c = child.consents[ConsentOf(event)];
  std::visit(Overloaded{
                 [&](const ConsentRequested& e) {
                   c.id = e.consent_id;
                   c.purpose = e.purpose;
                   c.scopes = e.scopes;
                   c.consenters = {e.consenters.begin(), e.consenters.end()};
                   c.until = e.until;
                   c.asking_recipient = e.asking_recipient;
                   c.language = e.language;
                 },
                 [&](const ConsentAnswered& e) {
                   for (const auto& r : e.granted) c.answers[r][e.consenter] = Answer::kYes;
                   for (const auto& r : e.refused) c.answers[r][e.consenter] = Answer::kNo;
                 },
                 [&](const ConsentWithdrawn& e) { c.withdrawn.insert(e.recipients.begin(), e.recipients.end()); },
             },
             event);
  ++c.version;
}

void Learn(Child& child, const ChildRegisteredFact& fact) {
  if (child.registered) return;
  child.registered = true;
  child.guardians = fact.guardians;
}

}  // namespace stafett::consent::domain
