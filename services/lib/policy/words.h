// A decision, and who must consent, in sentences for people: Bokmål and English (deploy/policy/texts).
//
// To a reader only what it is shown is spoken of. What it is not shown leaves no trace: the sentences are the same
// bytes whether something was withheld or was never there. An officer who may know the decision is told all of it.
#pragma once

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/policy/capacity.h"
#include "lib/policy/policy.h"
#include "lib/texts/texts.h"

namespace stafett::policy {

enum class Audience : std::uint8_t { kReader, kOfficer };

// Every category, fact, reason and consenter has its words in every language, or nothing loads.
Result<texts::Texts> LoadWords(const std::string& directory);

Result<std::vector<std::string>> Tell(const texts::Texts& words, const std::string& language, const Explanation& of,
                                      Audience audience);
Result<std::vector<std::string>> Tell(const texts::Texts& words, const std::string& language, const Capacity& of);

}  // namespace stafett::policy
