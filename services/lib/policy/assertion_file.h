// A file of plain lines about who learns what, and how it is checked against a rule set. Format:
// tests/policy/README.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/policy/policy.h"

namespace stafett::policy::files {

// kWay: a person of the giver may (human ground) or must (duty) tell it; nothing is sent by a machine.
enum class Expect { kAllow, kDeny, kHuman, kWay };

// "r-ppt learns EDUC of EDUC|HEALTHD from SKOLE_K on request by T020 because RULE", taken apart.
struct Line {
  int line = 0;
  std::string text;
  Expect expect = Expect::kAllow;
  std::string recipient;
  CategorySet learns;
  CategorySet item;
  Agency giver = Agency::kUnknown;
  std::string giver_recipient;         // empty: a service that is no recipient here
  std::optional<Start> start;          // nothing: however it begins
  std::string purpose;                 // empty: the step's
  std::vector<std::string> describes;  // "child", names of recipients, others
  CategorySet placed{0xFFFFFFFFU};
  std::string rule;     // empty: not asserted
  std::string because;  // empty: not asserted
};

struct Reader {
  Agency agency = Agency::kUnknown;
  bool active = true;
  Role role = Role::kNone;
  Assurance assurance = Assurance::kNone;
  Known is;  // facts about this reader
};

struct Grant {
  std::string id, recipient, purpose, subject;
  CategorySet categories;
  Time from, until;
  bool withdrawn = false;
  ConsentBy by = ConsentBy::kParents;
};

struct No {
  Refusal::Kind kind = Refusal::Kind::kObjection;
  std::string recipient;
  CategorySet categories;
};

// What is known at one moment, and what must follow from it.
struct Step {
  std::string says;  // "the father withdraws"; empty for the first
  Time at;
  std::string purpose;
  bool known = true;
  CategorySet gated;
  Known is;
  std::optional<int> age;
  std::map<std::string, Reader> recipients;
  std::vector<Grant> consents;
  std::vector<No> refusals;
  std::vector<Line> lines;
};

// One row of the rule file, and the one fact that turns its answer.
struct Turn {
  int line = 0;
  std::string row;
  std::string fact;       // as written, for the reader of a failure
  Line before, after;     // the same line, unless the line is what changes
  Step given, changed;    // without lines
  bool verified = false;  // the change is: somebody has verified the row
};

struct AssertionFile {
  std::string source;
  std::string law;
  std::string says;
  std::vector<Step> steps;
  std::vector<Turn> turns;
};

// Faults: kInvalidArgument/ASSERTION_FILE, "<source>:<line>: <reason>".
Result<AssertionFile> Parse(std::string_view text, std::string source);

// One text for each line that does not hold, with its place and what came instead. Empty: all hold.
std::vector<std::string> Check(const RuleSet& rules, const AssertionFile& file);

// The answer to each line: when the router begins, for a line about that; else when it is read.
struct Answered {
  int line = 0;
  std::string text;  // the line, and after what it is asked
  Explanation explanation;
};
std::vector<Answered> Explained(const RuleSet& rules, const AssertionFile& file);

// How often each row answered both ways in turns that hold, by its index in the rule set.
struct Counts {
  int allow = 0, deny = 0;
};
using Coverage = std::map<std::int16_t, Counts>;
std::vector<std::string> CheckTurns(const RuleSet& rules, const AssertionFile& file, Coverage& coverage);

}  // namespace stafett::policy::files
