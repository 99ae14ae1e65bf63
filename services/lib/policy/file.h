// Reads a rule file (deploy/policy/rules.yaml) into a RuleSet, or says in which line what is wrong.
// A file with one fault gives no rules at all: half a rule set might lack its gates.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/policy/policy.h"
#include "lib/policy/strict_yaml.h"

namespace stafett::policy {

// The format is documented in deploy/policy/README.md. Faults are kInvalidArgument/POLICY_FILE with
// the message
// "<source_name>:<line>: <reason>". The hash of the set is the SHA-256 of `text`.
Result<RuleSet> LoadRules(std::string_view text, std::string source_name);
Result<RuleSet> LoadRulesFile(const std::string& path);
// What such a file may not be without (law.md §9.8); of one that LoadRules refuses, nothing.
std::vector<std::string> FloorsOf(std::string_view text);
// The same, with the text that they were read from: what goes onto the log is the text.
struct LoadedRules {
  std::string text;
  RuleSet rules;
};
Result<std::shared_ptr<const LoadedRules>> LoadWithText(std::string text, std::string source_name);
// The same rules as one controller has changed them. It may tighten any row but a FIXED one, and loosen what says
// `loosen: "YES"`; anything else refuses the whole file, so whoever calls goes on with the last good set. The format is
// in deploy/policy/README.md too; faults name the overrides' line.
Result<RuleSet> LoadOverridden(std::string_view text, std::string source_name, std::string_view overrides,
                               std::string overrides_name);

// "EDUC", or "*" for all; an agency or one of the groups EDU, HEALTH, ANYPUB, FVL, SERVICES, ANY (law.md §9.0).
std::optional<CategorySet> CategorySetFromName(std::string_view name);
std::optional<AgencySet> AgencySetFromName(std::string_view name);
// A map of `all`, `any`, `none`, each a list of facts.
Condition ReadCondition(yaml::Reader& reader, const YAML::Node& node);

}  // namespace stafett::policy
