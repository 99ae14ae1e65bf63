// Reading and checking. Whatever a lookup or a token check later relies on is checked here, once.
#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "lib/policy/strict_yaml.h"
#include "lib/tenants/tenants.h"

namespace stafett::tenants {
namespace {

constexpr char kReason[] = "TENANTS_FILE";
// More than Norway's municipalities, trusts and practices that one installation could serve.
constexpr std::size_t kMostFiles = 2000;
// Names and phone numbers are printed in answers; longer ones are pasted by mistake.
constexpr std::size_t kLongestName = 120;

constexpr std::string_view kIdDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool Only(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

// Ids here are hand-written or random, opaque either way; the digits are those of lib/base/id.h.
bool IsId(char kind, std::string_view id) {
  return id.size() >= 8 && id.size() <= 28 && id[0] == kind && id[1] == '-' && Only(id.substr(2), kIdDigits);
}

bool IsRole(std::string_view role) {
  return role.size() >= 2 && role.size() <= 40 && role[0] != '_' && Only(role, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
}

bool IsClientId(std::string_view id) {
  return id.size() >= 3 && id.size() <= 64 && id.front() != '-' && id.back() != '-' &&
         Only(id, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

bool IsScope(std::string_view scope) {
  constexpr std::string_view kPrefix = "stafett:";
  return scope.size() > kPrefix.size() && scope.starts_with(kPrefix) &&
         Only(scope.substr(kPrefix.size()), "abcdefghijklmnopqrstuvwxyz.-");
}

// What must be unique over all files.
struct Taken {
  std::set<std::string> ids;            // controllers, recipients, units, people, clients
  std::set<std::string> organisations;  // of recipients: a token names its recipient by it
  std::set<std::string> controllers;    // organisation numbers of controllers
  std::set<std::string> municipalities;
};

class FileReader {
 public:
  FileReader(std::string name, Taken& taken) : reader_(std::move(name), kReason), taken_(taken) {}

  Result<Controller> Read(std::string_view text) {
    Controller out;
    YAML::Node root = reader_.Parse(text);
    reader_.Keys(root, "the file",
                 {"controller", "name", "organisation_number", "oncall", "recipients", "clients", "escalation"},
                 {"municipality", "shared"});
    out.id = Id(root, "controller", 'c');
    out.name = NameOf(root, "name");
    ReadMunicipality(root, out);
    out.organisation_number = Organisation(root, "organisation_number");
    Take(taken_.controllers, root, "organisation_number", out.organisation_number);
    ReadOnCall(reader_.Child(root, "oncall"), out.oncall);
    for (const YAML::Node& node : reader_.List(root, "recipients")) {
      out.recipients.push_back(ReadRecipient(node, out.id));
    }
    if (out.recipients.empty()) reader_.Fault(root, "recipients: at least one is needed");
    ReadShared(root, out);
    for (const YAML::Node& node : reader_.List(root, "clients")) {
      out.clients.push_back(ReadClient(node, out));
    }
    ReadEscalation(reader_.Child(root, "escalation"), out);
    if (!reader_.Ok()) return tl::unexpected(reader_.error());
    return out;
  }

 private:
  void Fault(const YAML::Node& map, std::string_view key, const std::string& message) {
    reader_.Fault(reader_.KeyOf(map, key), std::string(key) + ": " + message);
  }

  void Take(std::set<std::string>& taken, const YAML::Node& map, std::string_view key, const std::string& value) {
    if (reader_.Ok() && !taken.insert(value).second) {
      Fault(map, key, Quoted(value) + " is used already");
    }
  }

  std::string Id(const YAML::Node& map, std::string_view key, char kind) {
    std::string id = reader_.Text(map, key);
    if (!IsId(kind, id)) {
      Fault(map, key,
            std::string("must be ") + kind + "- and 6 to 26 digits of 0-9 a-z without i l o u, found " + Quoted(id));
    }
    Take(taken_.ids, map, key, id);
    return id;
  }

  std::string NameOf(const YAML::Node& map, std::string_view key) {
    std::string name = reader_.Text(map, key);
    if (name.empty() || name.size() > kLongestName) Fault(map, key, "a name is expected");
    return name;
  }

  std::string Organisation(const YAML::Node& map, std::string_view key) {
    std::string number = reader_.Text(map, key);
    if (!IsOrganisationNumber(number)) {
      Fault(map, key, Quoted(number) + " is no organisation number (nine digits, modulo-11 check)");
    }
    return number;
  }

  void ReadMunicipality(const YAML::Node& root, Controller& out) {
    if (!reader_.Child(root, "municipality").IsDefined()) return;
    out.municipality = reader_.Text(root, "municipality");
    if (out.municipality.size() != 4 || !Only(out.municipality, kDigits)) {
      Fault(root, "municipality", "four digits are expected");
    }
    Take(taken_.municipalities, root, "municipality", out.municipality);
  }

  void ReadOnCall(const YAML::Node& node, OnCall& out) {
    reader_.Keys(node, "oncall", {"name", "phone"});
    out.name = NameOf(node, "name");
    out.phone = reader_.Text(node, "phone");
    // It is shown beside "not delivered": a number that cannot be dialled is worse than a refusal
    // to start.
    auto digits = std::count_if(out.phone.begin(), out.phone.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!Only(out.phone, "+ 0123456789") || digits < 3 || digits > 15) {
      Fault(node, "phone", Quoted(out.phone) + " is no phone number");
    }
  }

  Recipient ReadRecipient(const YAML::Node& node, const std::string& controller) {
    Recipient out;
    reader_.Keys(node, "recipient", {"id", "agency", "organisation_number", "name", "receipts", "units"});
    out.id = Id(node, "id", 'r');
    out.controller = controller;
    std::string agency = reader_.Text(node, "agency");
    auto known = policy::AgencyFromName(agency);
    if (!known) Fault(node, "agency", "unknown agency " + Quoted(agency));
    out.agency = known.value_or(policy::Agency::kUnknown);
    out.organisation_number = Organisation(node, "organisation_number");
    Take(taken_.organisations, node, "organisation_number", out.organisation_number);
    out.name = NameOf(node, "name");
    ReadReceipts(node, out);
    for (const YAML::Node& unit : reader_.List(node, "units")) out.units.push_back(ReadUnit(unit));
    if (out.units.empty()) Fault(node, "units", "at least one is needed: somebody must be responsible");
    return out;
  }

  void ReadReceipts(const YAML::Node& node, Recipient& out) {
    for (const std::string& name : reader_.Texts(node, "receipts")) {
      auto receipt = name == "STORED"   ? std::optional(Receipt::kStored)
                     : name == "OPENED" ? std::optional(Receipt::kOpened)
                                        : std::nullopt;
      if (!receipt) {
        Fault(node, "receipts", "STORED or OPENED is expected, found " + Quoted(name));
        return;
      }
      if (std::find(out.receipts.begin(), out.receipts.end(), *receipt) != out.receipts.end()) {
        Fault(node, "receipts", name + " stands twice");
        return;
      }
      out.receipts.push_back(*receipt);
    }
  }

  Unit ReadUnit(const YAML::Node& node) {
    Unit out;
    reader_.Keys(node, "unit", {"id", "name", "people"}, {"language", "quiet_hours"});
    out.id = Id(node, "id", 'u');
    out.name = NameOf(node, "name");
    Person of_all;
    ReadHabits(node, of_all);
    for (const YAML::Node& person : reader_.List(node, "people")) {
      out.people.push_back(ReadPerson(person, of_all));
    }
    return out;
  }

  // Of a person, or of all in a unit who have no own.
  void ReadHabits(const YAML::Node& node, Person& out) {
    if (reader_.Child(node, "language").IsDefined()) {
      out.language = reader_.Text(node, "language");
      if (std::find(kLanguages.begin(), kLanguages.end(), out.language) == kLanguages.end()) {
        Fault(node, "language", "nb, nn, en, ti or ar is expected, found " + Quoted(out.language));
      }
    }
    if (reader_.Child(node, "quiet_hours").IsDefined()) {
      out.quiet_hours = calendar::ParseHours(reader_.Text(node, "quiet_hours"));
      if (!out.quiet_hours) Fault(node, "quiet_hours", "two times of the day are expected, like \"22:00-06:30\"");
    }
  }

  // INBOX always, so that a mail that does not arrive is never the only word.
  void ReadChannels(const YAML::Node& node, Person& out) {
    bool mail = false;
    if (reader_.Child(node, "channels").IsDefined()) {
      auto channels = reader_.Texts(node, "channels");
      mail = channels == std::vector<std::string>{"INBOX", "EMAIL"};
      if (!mail && channels != std::vector<std::string>{"INBOX"}) {
        Fault(node, "channels", "[INBOX] or [INBOX, EMAIL] is expected");
      }
    }
    const bool address = reader_.Child(node, "email").IsDefined();
    // An address that nothing uses is not for us to keep.
    if (mail != address) Fault(node, "email", "email and the channel EMAIL stand together or not at all");
    if (!address) return;
    out.email = reader_.Text(node, "email");
    // Not quoted: a fault is printed.
    if (!IsMailAddress(out.email)) Fault(node, "email", "this is no mail address");
  }

  Person ReadPerson(const YAML::Node& node, const Person& of_all) {
    Person out = of_all;
    reader_.Keys(node, "person", {"id", "name", "role"}, {"channels", "email", "language", "quiet_hours"});
    ReadHabits(node, out);
    ReadChannels(node, out);
    out.id = Id(node, "id", 'p');
    out.name = NameOf(node, "name");
    out.role = reader_.Text(node, "role");
    if (!IsRole(out.role)) {
      Fault(node, "role", "capital letters and _ are expected, found " + Quoted(out.role));
    }
    return out;
  }

  void ReadShared(const YAML::Node& root, Controller& out) {
    if (!reader_.Child(root, "shared").IsDefined()) return;
    std::set<std::string> seen;
    for (const YAML::Node& node : reader_.List(root, "shared")) {
      reader_.Keys(node, "shared service", {"recipient", "host", "agreement"});
      Shared one{reader_.Text(node, "recipient"), reader_.Text(node, "host"), NameOf(node, "agreement"),
                 node.Mark().line + 1};
      if (one.host == out.id) Fault(node, "host", "is this controller: its own services stand under recipients");
      if (!seen.insert(one.recipient).second) Fault(node, "recipient", Quoted(one.recipient) + " stands twice");
      out.shared.push_back(std::move(one));
    }
  }

  Client ReadClient(const YAML::Node& node, const Controller& controller) {
    Client out;
    reader_.Keys(node, "client", {"id", "recipient", "scopes"}, {"supplier"});
    out.id = reader_.Text(node, "id");
    if (!IsClientId(out.id)) Fault(node, "id", "a-z, 0-9 and - are expected, found " + Quoted(out.id));
    Take(taken_.ids, node, "id", out.id);
    out.recipient = reader_.Text(node, "recipient");
    bool own = std::any_of(controller.recipients.begin(), controller.recipients.end(),
                           [&](const Recipient& r) { return r.id == out.recipient; });
    if (!own) {
      Fault(node, "recipient", Quoted(out.recipient) + " is no recipient of this controller");
    }
    out.scopes = reader_.Texts(node, "scopes");
    if (out.scopes.empty()) Fault(node, "scopes", "at least one is needed");
    std::set<std::string_view> seen;
    for (const std::string& scope : out.scopes) {
      if (!IsScope(scope)) Fault(node, "scopes", "stafett:… is expected, found " + Quoted(scope));
      if (!seen.insert(scope).second) Fault(node, "scopes", Quoted(scope) + " stands twice");
    }
    if (reader_.Child(node, "supplier").IsDefined()) out.supplier = Organisation(node, "supplier");
    return out;
  }

  // People of a line's entry: everybody of the service in a role, in the file's order, or one person of the controller.
  static std::vector<std::string> PeopleOf(const Controller& controller, const Recipient* service,
                                           const std::string& entry) {
    std::vector<std::string> out;
    for (const auto& recipient : controller.recipients) {
      for (const auto& unit : recipient.units) {
        for (const auto& person : unit.people) {
          if (person.id == entry || (&recipient == service && person.role == entry)) out.push_back(person.id);
        }
      }
    }
    return out;
  }

  std::vector<std::string> ReadLine(const YAML::Node& lines, const Controller& controller, const Recipient& service) {
    std::vector<std::string> out;
    for (const auto& entry : reader_.Texts(lines, service.id)) {
      const auto people = PeopleOf(controller, &service, entry);
      if (people.empty()) Fault(lines, service.id, "nobody here is, or has the role, " + Quoted(entry));
      for (const auto& person : people) {
        if (std::find(out.begin(), out.end(), person) != out.end()) Fault(lines, service.id, person + " stands twice");
        out.push_back(person);
      }
    }
    if (out.empty()) Fault(lines, service.id, "at least one role or person is needed");
    return out;
  }

  Waiting ReadWaiting(const YAML::Node& map, std::string_view key) {
    const std::string text = reader_.Text(map, key);
    const auto space = text.find(' ');
    const auto number = text.substr(0, space);
    const auto unit = space == std::string::npos ? std::string() : text.substr(space + 1);
    const bool days = unit == "working day" || unit == "working days";
    const bool hours = unit == "hour" || unit == "hours";
    if (number.empty() || number.size() > 3 || !Only(number, kDigits) || !(days || hours)) {
      Fault(map, key, "\"3 working days\" or \"4 hours\" is expected, found " + Quoted(text));
      return {};
    }
    return {days, std::stoi(number)};
  }

  void ReadEscalation(const YAML::Node& node, Controller& controller) {
    auto& out = controller.escalation;
    reader_.Keys(node, "escalation", {"lines", "last", "waiting"});
    const YAML::Node lines = reader_.Child(node, "lines");
    if (reader_.Ok() && !lines.IsMap()) Fault(node, "lines", "services with lists of roles and people are expected");
    std::set<std::string> seen;
    for (const auto& entry : reader_.Ok() ? lines : YAML::Node()) {
      const auto id = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      const bool own = std::any_of(controller.recipients.begin(), controller.recipients.end(),
                                   [&](const Recipient& r) { return r.id == id; });
      if (!own) reader_.Fault(entry.first, "lines: " + Quoted(id) + " is no recipient of this controller");
      if (!seen.insert(id).second) reader_.Fault(entry.first, "lines: " + Quoted(id) + " stands twice");
    }
    for (const auto& service : controller.recipients) {
      if (!reader_.Ok()) return;
      if (!reader_.Child(lines, service.id).IsDefined()) {
        Fault(node, "lines", service.id + " is missing: it would leave things undone and nobody be told");
        return;
      }
      out.lines[service.id] = ReadLine(lines, controller, service);
    }
    out.last = reader_.Text(node, "last");
    if (PeopleOf(controller, nullptr, out.last).empty()) {
      Fault(node, "last", Quoted(out.last) + " is no person of this controller");
    }
    const YAML::Node waiting = reader_.Child(node, "waiting");
    reader_.Keys(waiting, "waiting",
                 {"NEXT_DATE", "BATON_ANSWER", "EVALUATION", "DELIVERY_STORED", "CONTRIBUTION_ANSWER"});
    for (const auto& [kind, name] : kAwaitedKinds) {
      const YAML::Node times = reader_.Child(waiting, name);
      reader_.Keys(times, name, {"first", "next", "acknowledged"});
      out.waiting[kind] = {ReadWaiting(times, "first"), ReadWaiting(times, "next"), ReadWaiting(times, "acknowledged")};
    }
  }

  yaml::Reader reader_;
  Taken& taken_;
};

}  // namespace

Result<Tenants> LoadTenantsFromText(std::vector<std::pair<std::string, std::string>> files) {
  if (files.empty() || files.size() > kMostFiles) {
    return Fail(Code::kInvalidArgument, kReason, ": no controllers' files, or too many");
  }
  std::sort(files.begin(), files.end());
  Taken taken;
  std::vector<Controller> controllers;
  std::string canonical;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& [name, text] = files[i];
    if (i > 0 && files[i - 1].first == name) {
      return Fail(Code::kInvalidArgument, kReason, name + ":0: this file is given twice");
    }
    STAFETT_TRY(Controller controller, FileReader(name, taken).Read(text));
    controllers.push_back(std::move(controller));
    // With sizes, so that text cannot move from one file to the next under the same hash.
    canonical += name + " " + std::to_string(text.size()) + "\n" + text + "\n";
  }
  // Only now are the others' files known.
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const auto& shared : controllers[i].shared) {
      const auto host = std::find_if(controllers.begin(), controllers.end(),
                                     [&](const Controller& c) { return c.id == shared.host; });
      const bool has =
          host != controllers.end() && std::any_of(host->recipients.begin(), host->recipients.end(),
                                                   [&](const Recipient& r) { return r.id == shared.recipient; });
      if (!has) {
        return Fail(Code::kInvalidArgument, kReason,
                    files[i].first + ":" + std::to_string(shared.line) + ": shared: " + Quoted(shared.recipient) +
                        " is no recipient of " + Quoted(shared.host));
      }
    }
  }
  return Tenants(std::move(controllers), std::move(canonical));
}

Result<Tenants> LoadTenants(const std::string& directory) {
  std::error_code failed;
  std::vector<std::pair<std::string, std::string>> files;
  std::filesystem::directory_iterator entries(directory, failed);
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    const std::filesystem::path& path = entries->path();
    if (path.extension() != ".yaml") continue;
    if (files.size() > kMostFiles) break;  // refused below
    STAFETT_TRY(std::string text, yaml::ReadFile(path.string(), kReason));
    // The name without the directory: the hash must not depend on where the files lie.
    files.emplace_back(path.filename().string(), std::move(text));
  }
  if (failed) {
    return Fail(Code::kInvalidArgument, kReason, directory + ": cannot be read as a directory");
  }
  auto out = LoadTenantsFromText(std::move(files));
  // Whoever reads the fault shall be able to open the file.
  if (!out) out.error().message = directory + "/" + out.error().message;
  return out;
}

}  // namespace stafett::tenants
