// Reads questions, one JSON object a line, and writes the engine's answers, one a line, for whoever compares them with
// an engine of its own (tools/stafett_policy/compare.py).
//
//   policy_decide RULES < questions > answers
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lib/policy/file.h"

namespace stafett::policy {
namespace {

using Json = nlohmann::json;

CategorySet Set(const Json& json) { return {json.get<std::uint32_t>()}; }
std::string_view View(const Json& json) { return json.get_ref<const std::string&>(); }

Known ReadKnown(const Json& line) {
  Known out;
  for (const Json& name : line["yes"]) out.yes = out.yes.With(FactFromName(View(name)).value());
  for (const Json& name : line["no"]) out.no = out.no.With(FactFromName(View(name)).value());
  return out;
}

std::string Answer(const RuleSet& rules, const Json& line) {
  std::vector<Described> described;
  for (const Json& one : line["described"]) described.push_back({View(one[0]), one[1].get<bool>()});
  std::vector<Consent> consents;
  for (const Json& c : line["consents"]) {
    consents.push_back({View(c[0]), View(c[1]), Set(c[2]), View(c[3]), Time{c[4].get<std::int64_t>()},
                        Time{c[5].get<std::int64_t>()}, c[6].get<bool>(), View(c[7]),
                        View(c[8]) == "self" ? ConsentBy::kSelf : ConsentBy::kParents});
  }
  std::vector<Refusal> refusals;
  for (const Json& r : line["refusals"]) {
    refusals.push_back(
        {View(r[0]) == "objection" ? Refusal::Kind::kObjection : Refusal::Kind::kExclusion, View(r[1]), Set(r[2])});
  }
  const Item item{AgencyFromName(View(line["origin"])).value_or(Agency::kUnknown),
                  View(line["origin_recipient"]),
                  Set(line["categories"]),
                  View(line["purpose"]),
                  described,
                  Set(line["placed"])};
  const Recipient to{View(line["recipient"]),
                     AgencyFromName(View(line["agency"])).value_or(Agency::kUnknown),
                     line["active"].get<bool>(),
                     RoleFromName(View(line["role"])).value_or(Role::kNone),
                     AssuranceFromName(View(line["assurance"])).value_or(Assurance::kNone),
                     View(line["person"])};
  Facts facts{line["known"].get<bool>(), consents, Set(line["gated"]), ReadKnown(line), refusals, {}};
  if (!line["age"].is_null()) facts.child_age = line["age"].get<int>();
  const Time now{line["now"].get<std::int64_t>()};
  const Start start = StartFromName(View(line["start"])).value();
  const Decision d = Decide(rules, item, to, facts, start, now);
  std::string out;
  out += Name(d.verdict);
  out += ' ' + Join(d.fields) + ' ';
  out += Name(d.missing);
  out += ' ' + std::to_string(d.rule) + ' ' + (d.neither_nor ? "neither" : "-") + ' ';
  for (std::size_t i = 0; i < d.ground_count; ++i) {
    const Ground& g = d.grounds[i];
    out += Name(g.category);
    out += ':' + std::to_string(g.rule) + ':' + std::to_string(g.consent);
    for (std::int16_t other : g.others) {
      if (other >= 0) out += ':' + std::to_string(other);
    }
    out += ',';
  }
  out += ' ';
  for (std::int16_t way : OpenToPeople(rules, item, to, facts, now)) out += std::to_string(way) + ',';
  return out;
}

int Main(const std::string& path) {
  auto rules = LoadRulesFile(path);
  if (!rules) {
    std::cerr << rules.error().message << '\n';
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << Answer(*rules, Json::parse(line)) << '\n';
  }
  return 0;
}

}  // namespace
}  // namespace stafett::policy

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: policy_decide RULES < questions > answers\n";
    return 2;
  }
  return stafett::policy::Main(argv[1]);
}
