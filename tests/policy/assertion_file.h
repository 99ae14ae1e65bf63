// A file of plain lines about who learns what, and how it is checked against a rule set. Format:
// README.md beside.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/policy/policy.h"

namespace stafett::policy::files {

enum class Expect { kAllow, kDeny, kHuman };

// "r-ppt learns EDUC of EDUC|HEALTHD from SKOLE_K on request by T020 because RULE", taken apart.
struct Line {
  int line = 0;
  std::string text;
  Expect expect = Expect::kAllow;
  std::string recipient;
  CategorySet learns;
  CategorySet item;
  Agency giver = Agency::kUnknown;
  std::string giver_recipient;  // empty: a service that is no recipient here
  std::optional<Start> start;   // nothing: however it begins
  std::string rule;             // empty: not asserted
  std::string because;          // empty: not asserted
};

struct Grant {
  std::string id, recipient, purpose;
  CategorySet categories;
  Time from, until;
  bool withdrawn = false;
};

// What is known at one moment, and what must follow from it.
struct Step {
  std::string says;  // "the father withdraws"; empty for the first
  Time at;
  std::string purpose;
  bool known = true;
  CategorySet gated;
  std::map<std::string, std::pair<Agency, bool>> recipients;  // kind, active
  std::vector<Grant> consents;
  std::vector<Line> lines;
};

struct AssertionFile {
  std::string source;
  std::string law;
  std::string says;
  std::vector<Step> steps;
};

// Faults: kInvalidArgument/ASSERTION_FILE, "<source>:<line>: <reason>".
Result<AssertionFile> Parse(std::string_view text, std::string source);

// One text for each line that does not hold, with its place and what came instead. Empty: all hold.
std::vector<std::string> Check(const RuleSet& rules, const AssertionFile& file);

}  // namespace stafett::policy::files
