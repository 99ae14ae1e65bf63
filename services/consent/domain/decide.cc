#include "consent/domain/decide.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace stafett::consent::domain {
namespace {

constexpr std::array<std::string_view, 5> kLanguages = {"nb", "nn", "en", "ti", "ar"};
constexpr std::array<std::string_view, 3> kEvidence = {"SIGNED_ON_PAPER", "ELECTRONIC", "ORAL_WITNESSED"};

tl::unexpected<Error> State(std::string_view reason, std::string message) {
  return Fail(Code::kFailedPrecondition, reason, std::move(message));
}

template <class Range, class T>
bool Contains(const Range& range, const T& value) {
  return std::find(range.begin(), range.end(), value) != range.end();
}

template <class Range, class T>
bool Twice(const Range& range, const T& value) {
  return std::count(range.begin(), range.end(), value) > 1;
}

std::string At(std::string_view list, std::size_t i) { return std::string(list) + "[" + std::to_string(i) + "]"; }

// The consent, if this person may speak for `consenter` in it: he himself, or staff of the service that asked, who
// then record what he said. Who may not know the consent gets the one answer before anything else is looked at.
Result<const Consent*> SpeaksFor(const Child& child, const Change& change, const std::string& consenter) {
  const auto* c = child.Find(change.consent_id);
  if (c == nullptr) return NotAllowed();
  if (change.who.guardian) {
    if (change.who.id != consenter || !c->consenters.contains(consenter)) return NotAllowed();
  } else if (change.who.recipient.empty() || change.who.recipient != c->asking_recipient) {
    return NotAllowed();
  }
  if (!change.etag.empty() && change.etag != std::to_string(c->version)) {
    return Fail(Code::kAborted, "ETAG_MISMATCH", "the consent has changed since it was read; read it again");
  }
  if (!c->consenters.contains(consenter)) return Invalid("consenter", "consenter: is none of those who were asked");
  return c;
}

Status CheckRecipients(const Consent& c, const std::vector<std::string>& recipients) {
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    auto path = At("recipients", i);
    if (c.Find(recipients[i]) == nullptr) return Invalid(path, path + ": this consent does not name this service");
    if (Twice(recipients, recipients[i])) return Invalid(path, path + ": stands twice");
  }
  return {};
}

// R3-01: provable. Who answers for himself has logged in; what staff record needs to say how he said it.
Status CheckEvidence(const Change& change, const std::string& evidence) {
  if (evidence.empty() && change.who.guardian) return {};
  if (Contains(kEvidence, evidence)) return {};
  return Invalid("evidence", "evidence: must be SIGNED_ON_PAPER, ELECTRONIC or ORAL_WITNESSED");
}

// R3-07, R3-11: all holders of parental responsibility, and nobody else.
Status CheckConsenters(const Child& child, const std::vector<std::string>& consenters) {
  if (consenters.empty()) return Invalid("consenters", "consenters: is required");
  for (std::size_t i = 0; i < consenters.size(); ++i) {
    auto path = At("consenters", i);
    if (Twice(consenters, consenters[i])) return Invalid(path, path + ": stands twice");
    bool may = std::any_of(child.guardians.begin(), child.guardians.end(),
                           [&](const Guardian& g) { return g.person == consenters[i] && g.parental_responsibility; });
    if (!may) return Invalid(path, path + ": is not a guardian with parental responsibility for this child");
  }
  auto missing = std::count_if(child.guardians.begin(), child.guardians.end(), [&](const Guardian& g) {
    return g.parental_responsibility && !Contains(consenters, g.person);
  });
  if (missing == 0) return {};
  // How many and not who: whoever is left out is not for the asking service to learn here.
  auto refused = State("CONSENTER_MISSING",
                       std::to_string(missing) + " more with parental responsibility must be asked; all must consent");
  refused.value().metadata["missing"] = std::to_string(missing);
  return refused;
}

// R3-05: twelve months unless said otherwise (app), at most twenty-four.
Status CheckTerm(const Term& term) {
  if (term.until <= term.today) return Invalid("until", "until: does not lie in the future");
  if (term.until > term.latest) return Invalid("until", "until: is more than 24 months ahead");
  return {};
}

}  // namespace

tl::unexpected<Error> NotAllowed() {
  return Fail(Code::kPermissionDenied, "NOT_ALLOWED", "permission denied on this resource (or it might not exist)");
}

Status CheckScopes(const std::vector<Scope>& scopes) {
  if (scopes.empty()) return Invalid("scopes", "scopes: is required");
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    const auto& scope = scopes[i];
    auto path = At("scopes", i);
    auto same = [&](const Scope& s) { return s.recipient == scope.recipient; };
    if (std::count_if(scopes.begin(), scopes.end(), same) > 1) {
      return Invalid(path + ".recipient", path + ".recipient: stands twice");
    }
    if (scope.categories.empty()) return Invalid(path + ".categories", path + ".categories: is required");
    for (std::size_t k = 0; k < scope.categories.size(); ++k) {
      auto at = At(path + ".categories", k);
      if (scope.categories[k] == policy::Category::kNone) return Invalid(at, at + ": is not specified");
      if (Twice(scope.categories, scope.categories[k])) return Invalid(at, at + ": stands twice");
    }
  }
  return {};
}

std::optional<Shown> Show(const Consent& consent, const Person& who) {
  if (who.guardian) {
    if (!consent.consenters.contains(who.id)) return std::nullopt;
    return Shown{true, consent.scopes};
  }
  if (who.recipient.empty()) return std::nullopt;
  if (who.recipient == consent.asking_recipient) return Shown{true, consent.scopes};
  const auto* own = consent.Find(who.recipient);
  if (own == nullptr || !consent.Complete(who.recipient)) return std::nullopt;
  return Shown{false, {*own}};
}

Result<Events> RequestConsent(const Child& child, const Change& change, Asked asked) {
  if (change.who.guardian) {
    return Fail(Code::kPermissionDenied, "STAFF_ONLY", "consent is asked for by staff of a service");
  }
  if (!child.registered || change.who.recipient.empty()) return NotAllowed();
  if (asked.purpose != kFollowUp) return Invalid("purpose", "purpose: must be follow-up");
  if (asked.language.empty()) asked.language = "nb";
  if (!Contains(kLanguages, asked.language)) return Invalid("language", "language: must be nb, nn, en, ti or ar");
  STAFETT_CHECK_OK(CheckScopes(asked.scopes));
  STAFETT_CHECK_OK(CheckTerm(asked.term));
  STAFETT_CHECK_OK(CheckConsenters(child, asked.consenters));
  auto own = std::count_if(child.consents.begin(), child.consents.end(),
                           [&](const auto& entry) { return entry.second.asking_recipient == change.who.recipient; });
  if (static_cast<std::size_t>(own) >= kMaxConsents) {
    return Fail(Code::kResourceExhausted, "TOO_MANY_CONSENTS", "your service has asked too often about this child");
  }
  return Events{ConsentRequested{change.consent_id, asked.purpose, std::move(asked.scopes), std::move(asked.consenters),
                                 asked.term.ends, change.who.recipient, asked.language}};
}

Result<Events> Grant(const Child& child, const Change& change, const std::string& consenter,
                     std::vector<std::string> recipients, const std::string& evidence) {
  STAFETT_TRY(const Consent* c, SpeaksFor(child, change, consenter));
  // Never "all": each by name (R3-03).
  if (recipients.empty()) return Invalid("recipients", "recipients: is required");
  STAFETT_CHECK_OK(CheckRecipients(*c, recipients));
  STAFETT_CHECK_OK(CheckEvidence(change, evidence));
  if (change.now >= c->until) return State("EXPIRED", "this consent has ended; ask for a new one");
  bool withdrawn =
      std::any_of(recipients.begin(), recipients.end(), [&](const std::string& r) { return c->withdrawn.contains(r); });
  if (withdrawn) return State("WITHDRAWN", "a withdrawn consent does not come back; ask for a new one");
  bool all =
      std::all_of(recipients.begin(), recipients.end(), [&](const std::string& r) { return c->SaidYes(consenter, r); });
  if (all) return State("ALREADY_GRANTED", "this person has said yes to all of these already");
  return Events{
      ConsentAnswered{c->id, consenter, std::move(recipients), {}, evidence, change.who.guardian ? "" : change.who.id}};
}

Result<Events> Refuse(const Child& child, const Change& change, const std::string& consenter,
                      std::vector<std::string> recipients, const std::string& evidence) {
  STAFETT_TRY(const Consent* c, SpeaksFor(child, change, consenter));
  STAFETT_CHECK_OK(CheckRecipients(*c, recipients));
  STAFETT_CHECK_OK(CheckEvidence(change, evidence));
  if (recipients.empty()) {
    for (const auto& s : c->scopes) {
      if (!c->withdrawn.contains(s.recipient)) recipients.push_back(s.recipient);
    }
  }
  bool withdrawn = recipients.empty() || std::any_of(recipients.begin(), recipients.end(),
                                                     [&](const std::string& r) { return c->withdrawn.contains(r); });
  if (withdrawn) return State("WITHDRAWN", "this consent is withdrawn already");
  // What is in force ends by Withdraw alone: only that waits until nothing flows any more (promise P4).
  bool in_force =
      std::any_of(recipients.begin(), recipients.end(), [&](const std::string& r) { return c->Complete(r); });
  if (in_force) return State("GRANTED", "everybody has said yes to one of these; withdraw instead");
  return Events{
      ConsentAnswered{c->id, consenter, {}, std::move(recipients), evidence, change.who.guardian ? "" : change.who.id}};
}

Result<Events> Withdraw(const Child& child, const Change& change, const std::string& consenter,
                        const std::vector<std::string>& recipients) {
  STAFETT_TRY(const Consent* c, SpeaksFor(child, change, consenter));
  STAFETT_CHECK_OK(CheckRecipients(*c, recipients));
  // As easy as giving (GDPR art. 7(3)): no evidence, no etag, any one of them, also before the others have answered and
  // after it has ended.
  std::vector<std::string> standing, gone;
  for (const auto& s : c->scopes) {
    if (!recipients.empty() && !Contains(recipients, s.recipient)) continue;
    if (c->withdrawn.contains(s.recipient)) {
      gone.push_back(s.recipient);
    } else if (c->AnyYes(s.recipient)) {
      standing.push_back(s.recipient);
    }
  }
  // Once more what is withdrawn already: changes nothing and is recorded, so that this person too is told "enforced".
  if (standing.empty()) standing = std::move(gone);
  if (standing.empty()) return State("NOTHING_TO_WITHDRAW", "nobody has said yes to anything here");
  return Events{ConsentWithdrawn{c->id, consenter, std::move(standing)}};
}

}  // namespace stafett::consent::domain
