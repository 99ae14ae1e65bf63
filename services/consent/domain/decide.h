// What a person may do with a consent: one pure function per operation, from the child as it stands to events or a no.
//
// Errors: kPermissionDenied/NOT_ALLOWED is the one answer to everybody who may not know the consent, existing or not.
// Everything else is only said to those who may.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "consent/domain/types.h"

namespace stafett::consent::domain {

// Who acts, reduced to what a decision needs.
struct Person {
  std::string id, recipient;
  bool guardian = false;
};

// What every change of a consent brings along.
struct Change {
  Person who;
  std::string consent_id;
  std::string etag;  // "" or the consent's version as it was read
  Time now;
};

inline constexpr char kFollowUp[] = "follow-up";
inline constexpr std::size_t kMaxConsents = 100;  // of one child, asked by one service: years of renewing, no more

// How long it shall last, as dates in Europe/Oslo (ISO) and as the moment at which it ends.
struct Term {
  std::string today, until, latest;
  Time ends;  // 00:00 of `until`: when in doubt what "until" means, the shorter
};

struct Asked {
  std::string purpose;
  std::vector<Scope> scopes;
  std::vector<std::string> consenters;
  Term term;
  std::string language;
};

Result<Events> RequestConsent(const Child& child, const Change& change, Asked asked);
// Each recipient once, with categories, each once.
Status CheckScopes(const std::vector<Scope>& scopes);
Result<Events> Grant(const Child& child, const Change& change, const std::string& consenter,
                     std::vector<std::string> recipients, const std::string& evidence);
// `recipients` empty: all that can still be answered.
Result<Events> Refuse(const Child& child, const Change& change, const std::string& consenter,
                      std::vector<std::string> recipients, const std::string& evidence);
// `recipients` empty: all that somebody has said yes to.
Result<Events> Withdraw(const Child& child, const Change& change, const std::string& consenter,
                        const std::vector<std::string>& recipients);

// What a person may see of a consent; nothing if it may not know that it exists.
//   a consenter, and staff of the service that asked: all of it
//   staff of a service that it names: its own line, and only once everybody has said yes to it. Before that it was only
//     asked about, and that parents were asked, or said no, is itself told by no rule (promise P1).
struct Shown {
  bool whole = false;
  std::vector<Scope> scopes;
};
std::optional<Shown> Show(const Consent& consent, const Person& who);
tl::unexpected<Error> NotAllowed();

}  // namespace stafett::consent::domain
