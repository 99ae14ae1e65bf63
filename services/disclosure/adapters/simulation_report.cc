#include "disclosure/adapters/simulation_report.h"

#include <iomanip>
#include <utility>

#include "lib/policy/strict_yaml.h"

namespace stafett::disclosure::adapters {
namespace {
constexpr Millis kPatience{10'000};  // for the service beside it to come to the log's end

std::string_view Name(domain::DeliveryKind kind) {
  switch (kind) {
    case domain::DeliveryKind::kEvent: return "event";
    case domain::DeliveryKind::kSnapshot: return "snapshot";
    case domain::DeliveryKind::kRetraction: return "retraction";
  }
  return "";
}

void Print(std::ostream& out, const domain::Told& told) {
  if (!told.fields.Empty()) out << ' ' << policy::Join(told.fields);
  out << " by " << told.rule;
}

void PrintTable(std::ostream& out, const Simulated& simulated) {
  auto row = [&](const auto& name, const auto& told, const auto& lost, const auto& gained, const auto& changed) {
    out << std::left << std::setw(28) << name << std::right << std::setw(10) << told << std::setw(12) << lost
        << std::setw(10) << gained << std::setw(14) << changed << '\n';
  };
  row("recipient", "told", "not told", "told", "told other");
  row("", "in force", "any more", "newly", "fields");
  Simulated::Count sum;
  for (const auto& [recipient, c] : simulated.recipients) {
    row(recipient, c.told, c.lost, c.gained, c.changed);
    sum.told += c.told;
    sum.lost += c.lost;
    sum.gained += c.gained;
    sum.changed += c.changed;
  }
  row("all", sum.told, sum.lost, sum.gained, sum.changed);
}

Outcome Fault(std::ostream& errors, const std::string& why, Outcome outcome) {
  errors << "disclosure: " << why << '\n';
  return outcome;
}

}  // namespace

void Print(std::ostream& out, const domain::Change& change) {
  out << (!change.after    ? '-'
          : !change.before ? '+'
                           : '~')
      << ' ' << change.delivery_id << ' ' << change.recipient << ' ' << Name(change.kind) << ' ' << change.item_type;
  if (change.before) Print(out, *change.before);
  if (change.before && change.after) out << " ->";
  if (change.after) Print(out, *change.after);
  out << '\n';
}

Outcome Simulate(Simulation& simulation, Regimes& regimes, const std::string& file, std::ostream& out,
                 std::ostream& errors, std::ostream* progress) {
  auto text = yaml::ReadFile(file, "POLICY_FILE");
  if (!text) return Fault(errors, text.error().message, Outcome::kRefused);
  auto others = policy::LoadRules(*text, file);
  if (!others) return Fault(errors, others.error().message, Outcome::kRefused);
  auto in_force = regimes.LastActivated(Deadline::In(Millis(10'000)));
  if (!in_force) return Fault(errors, in_force.error().message, Outcome::kFailed);
  if (!*in_force) return Fault(errors, "no rules have come into force yet", Outcome::kFailed);
  out << "in force  " << (*in_force)->rules.hash() << "\nsimulated " << others->hash() << '\n';
  auto done = simulation.Run((*in_force)->rules, *others, [&](const domain::Change& change) { Print(out, change); },
                             [&](std::uint64_t children, std::uint64_t of) {
                               if (progress == nullptr) return;
                               *progress << "\rsimulating: child " << children << " of " << of
                                         << (children == of ? "\n" : "") << std::flush;
                             },
                             kPatience);
  if (!done) return Fault(errors, done.error().message, Outcome::kFailed);
  PrintTable(out, *done);
  if (done->unlike > 0) {
    return Fault(errors,
                 "by the rules of their time " + std::to_string(done->unlike) + " of " +
                     std::to_string(done->decisions) +
                     " decisions come out otherwise than the ledger has them: nothing above can be relied on",
                 Outcome::kFailed);
  }
  out << done->decisions << " decisions about " << done->children
      << " children: " << (done->Changes() ? "some deliveries would be others.\n" : "nobody would see more or less.\n");
  return done->Changes() ? Outcome::kOther : Outcome::kSame;
}

}  // namespace stafett::disclosure::adapters
