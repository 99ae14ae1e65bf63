// stafett-policy: rules before they come into force. Reads files, writes nothing.
//
//   stafett-policy check RULES                is it a rule file?
//   stafett-policy diff RULES OTHER           which rows are others, and in what
//   stafett-policy test RULES FILES...        who learns what, and who does not, line by line (tests/policy)
//   stafett-policy explain RULES FILES...     the answer to each of those lines, in sentences
//
// RULES may be followed by --overrides FILE: as one controller has changed them.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "lib/policy/assertion_file.h"
#include "lib/policy/differences.h"
#include "lib/policy/file.h"
#include "lib/policy/strict_yaml.h"
#include "lib/policy/words.h"

namespace {
using namespace stafett;
namespace fs = std::filesystem;

constexpr int kWell = 0, kRefused = 2, kOther = 3;

int Refused(const Error& error) {
  std::cerr << error.message << '\n';
  return kRefused;
}

struct Given {
  std::string rules, overrides, other, texts, language = "nb";
  std::vector<std::string> files;
  bool officer = false;
};

Result<policy::RuleSet> Load(const std::string& path, const std::string& overrides) {
  if (overrides.empty()) return policy::LoadRulesFile(path);
  STAFETT_TRY(auto text, yaml::ReadFile(path, "POLICY_FILE"));
  STAFETT_TRY(auto changes, yaml::ReadFile(overrides, "POLICY_FILE"));
  return policy::LoadOverridden(text, path, changes, overrides);
}

// Folders stand for all *.yaml below them.
std::vector<std::string> Expanded(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const auto& path : paths) {
    if (!fs::is_directory(path)) {
      out.push_back(path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file() && entry.path().extension() == ".yaml") out.push_back(entry.path().string());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::vector<policy::files::AssertionFile>> Read(const std::vector<std::string>& paths) {
  std::vector<policy::files::AssertionFile> out;
  for (const auto& path : Expanded(paths)) {
    STAFETT_TRY(auto text, yaml::ReadFile(path, "ASSERTION_FILE"));
    STAFETT_TRY(auto file, policy::files::Parse(text, path));
    out.push_back(std::move(file));
  }
  if (out.empty()) return Fail(Code::kInvalidArgument, "ASSERTION_FILE", "there is no *.yaml in " + paths.front());
  return out;
}

int Check(const Given& given) {
  auto rules = Load(given.rules, given.overrides);
  if (!rules) return Refused(rules.error());
  std::cout << rules->rules().size() << " rows, sha256 " << rules->hash() << '\n';
  return kWell;
}

std::vector<std::string> Floors(const std::string& path) {
  return policy::FloorsOf(yaml::ReadFile(path, "POLICY_FILE").value_or(""));
}

int Diff(const Given& given) {
  if (given.other.empty() == given.overrides.empty()) {
    return Refused({Code::kInvalidArgument, "", "diff: name another rule file, or --overrides; one of both", "", {}});
  }
  auto before = policy::LoadRulesFile(given.rules);
  if (!before) return Refused(before.error());
  auto after = given.other.empty() ? Load(given.rules, given.overrides) : policy::LoadRulesFile(given.other);
  if (!after) return Refused(after.error());
  const bool other_floors = !given.other.empty() && Floors(given.rules) != Floors(given.other);
  const auto differences = policy::Compare(*before, *after);
  using Kind = policy::Difference::Kind;
  for (const auto& row : differences.rows) {
    std::cout << (row.kind == Kind::kAdded ? '+' : row.kind == Kind::kRemoved ? '-' : '~') << ' ' << row.row << '\n';
    for (const auto& part : row.parts) {
      std::cout << "    " << part.key << ": " << (part.before.empty() ? "(nothing)" : part.before);
      std::cout << " -> " << (part.after.empty() ? "(nothing)" : part.after) << '\n';
    }
  }
  if (differences.reordered) std::cout << "rows stand in another order\n";
  if (other_floors) std::cout << "other floors: what no file may be without\n";
  if (differences.Any() || other_floors) return kOther;
  std::cout << (before->hash() == after->hash() ? "the same file\n" : "the same rows and floors in another text\n");
  return kWell;
}

int Test(const Given& given) {
  auto rules = Load(given.rules, given.overrides);
  if (!rules) return Refused(rules.error());
  auto files = Read(given.files);
  if (!files) return Refused(files.error());
  std::size_t lines = 0, turns = 0, failures = 0;
  for (const auto& file : *files) {
    policy::files::Coverage coverage;
    for (const auto& failed : {policy::files::Check(*rules, file), policy::files::CheckTurns(*rules, file, coverage)}) {
      for (const auto& failure : failed) std::cout << failure << '\n';
      failures += failed.size();
    }
    for (const auto& step : file.steps) lines += step.lines.size();
    turns += file.turns.size();
  }
  std::cout << files->size() << " files, " << lines << " lines, " << turns << " turns: ";
  std::cout << (failures == 0 ? "all hold" : std::to_string(failures) + " do not hold") << '\n';
  return failures == 0 ? kWell : kOther;
}

// For the one who learns it, or for the disclosure officer, who may know what is withheld.
int Explain(const Given& given) {
  auto rules = Load(given.rules, given.overrides);
  if (!rules) return Refused(rules.error());
  auto files = Read(given.files);
  if (!files) return Refused(files.error());
  const auto beside = (fs::path(given.rules).parent_path() / "texts").string();
  auto words = policy::LoadWords(given.texts.empty() ? beside : given.texts);
  if (!words) return Refused(words.error());
  const auto audience = given.officer ? policy::Audience::kOfficer : policy::Audience::kReader;
  for (const auto& file : *files) {
    for (const auto& answer : policy::files::Explained(*rules, file)) {
      std::cout << file.source << ':' << answer.line << ": " << answer.text << '\n';
      auto told = policy::Tell(*words, given.language, answer.explanation, audience);
      if (!told) return Refused(told.error());
      for (const auto& sentence : *told) std::cout << "    " << sentence << '\n';
    }
  }
  return kWell;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Stafett: rules before they come into force");
  app.require_subcommand(1);
  Given given;
  auto command = [&](const char* name, const char* help) {
    auto* sub = app.add_subcommand(name, help);
    sub->add_option("rules", given.rules, "the rule file")->required()->check(CLI::ExistingFile);
    sub->add_option("--overrides", given.overrides, "what one controller changes in it")->check(CLI::ExistingFile);
    return sub;
  };
  auto* check = command("check", "is it a rule file? Which row is at fault, and why");
  auto* diff = command("diff", "which rows differ; 3: some do. With --overrides: what a controller has changed");
  diff->add_option("other", given.other, "another rule file")->check(CLI::ExistingFile);
  auto* test = command("test", "does each line about who learns what hold? 3: some do not");
  auto* explain = command("explain", "the answer to each of these lines, in sentences");
  for (auto* sub : {test, explain}) {
    sub->add_option("files", given.files, "files of lines, or folders of them")->required()->check(CLI::ExistingPath);
  }
  explain->add_option("--texts", given.texts, "folder of nb.yaml and en.yaml; absent: texts beside the rule file")
      ->check(CLI::ExistingDirectory);
  explain->add_option("--language", given.language, "nb or en")->check(CLI::IsMember({"nb", "en"}));
  explain->add_flag("--officer", given.officer, "for the disclosure officer: what is withheld, too");
  app.set_version_flag("--version", std::string("policy ") + STAFETT_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    return app.exit(stop) == 0 ? kWell : kRefused;
  }

  try {
    if (check->parsed()) return Check(given);
    if (diff->parsed()) return Diff(given);
    return test->parsed() ? Test(given) : Explain(given);
  } catch (const std::exception& failure) {  // of a folder that cannot be read
    return Refused({Code::kInvalidArgument, "", failure.what(), "", {}});
  }
}
