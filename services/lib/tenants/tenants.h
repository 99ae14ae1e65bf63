// The controllers' files (deploy/controllers/*.yaml): who answers for what data, which recipients
// they have, who works there, which systems may call. Read once at start; immutable afterwards,
// hence safe from every thread. The format is documented in deploy/controllers/README.md.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/awaited.h"
#include "lib/base/error.h"
#include "lib/calendar/calendar.h"
#include "lib/policy/policy.h"

namespace stafett::tenants {

// Whom to call when a child cannot wait (design P5).
struct OnCall {
  std::string name;
  std::string phone;
};

struct Person {
  std::string id;    // "p-…"
  std::string name;  // never in logs, metrics or the log of record (P8)
  std::string role;  // "TEACHER"
  // How the person is told that somebody waits. The inbox always; mail only to an address.
  std::string email;  // empty: no mail. Like the name in nothing that others read (P8)
  std::string language = "nb";
  std::optional<calendar::DailyHours> quiet_hours;  // no mail then
};

inline constexpr std::array<std::string_view, 5> kLanguages = {"nb", "nn", "en", "ti", "ar"};

struct Unit {
  std::string id;  // "u-…"
  std::string name;
  std::vector<Person> people;
};

// What a recipient's system can tell about a delivery.
enum class Receipt { kStored, kOpened };
std::string_view Name(Receipt receipt);  // "STORED"

// One service that may learn something: its topic is stafett.to.<id>.
struct Recipient {
  std::string id;          // "r-…"
  std::string controller;  // "c-…"
  policy::Agency agency = policy::Agency::kUnknown;
  std::string organisation_number;
  std::string name;
  std::vector<Receipt> receipts;
  std::vector<Unit> units;
};

// A machine that calls for one recipient (OAuth2 client).
struct Client {
  std::string id;         // "<something>-record-system"; unique over all controllers
  std::string recipient;  // of the same controller
  std::vector<std::string> scopes;
  std::string supplier;  // organisation number of who runs it; empty: the recipient itself
};

// How long somebody has: to the end, in Oslo, of the working day so many working days on; or hours.
struct Waiting {
  bool working_days = true;
  int amount = 0;
  bool operator==(const Waiting&) const = default;
};
struct WaitingTimes {
  Waiting first;         // from the end of the awaited day to the first in the line
  Waiting next;          // from one in the line to the next
  Waiting acknowledged;  // the same, when the owner has said that he has seen it, or has taken it over
};
// To whom it goes when a service leaves something undone.
struct Escalation {
  std::map<std::string, std::vector<std::string>> lines;  // every recipient: people, in order; roles are resolved
  std::string last;                                       // the controller's own person behind every line
  std::map<AwaitedKind, WaitingTimes> waiting;            // every kind
};

// A service of another controller that serves this one's children too: host municipality cooperation (kommuneloven
// kapittel 20). It is defined once, by its host; whoever answers for the data of its children is the host.
struct Shared {
  std::string recipient;
  std::string host;       // controller
  std::string agreement;  // what it rests on, for people to read
  int line = 0;           // of the file
};

struct Controller {
  std::string id;  // "c-…"
  std::string name;
  std::string municipality;  // a dated alias, four digits; empty if the controller is none
  std::string organisation_number;
  OnCall oncall;
  std::vector<Recipient> recipients;
  std::vector<Shared> shared;
  std::vector<Client> clients;
  Escalation escalation;
};

struct UnitPlace {
  const Recipient* recipient = nullptr;
  const Unit* unit = nullptr;
};
struct PersonPlace {
  const Recipient* recipient = nullptr;
  const Unit* unit = nullptr;
  const Person* person = nullptr;
};
struct ClientPlace {
  const Recipient* recipient = nullptr;
  const Client* client = nullptr;
};

// All controllers. Pointers from the lookups live as long as this object.
class Tenants {
 public:
  Tenants() = default;  // nobody
  // Precondition: loaded and checked by the functions below (ids unique, references whole).
  Tenants(std::vector<Controller> controllers, std::string canonical);

  const std::vector<Controller>& controllers() const { return controllers_; }
  // The files' names, sizes and texts in the order of their names: what `hash` is the SHA-256 of.
  const std::string& canonical() const { return canonical_; }
  const std::string& hash() const { return hash_; }

  // nullptr or nullopt: there is none.
  const Controller* FindController(std::string_view id) const;
  const Recipient* FindRecipient(std::string_view id) const;
  const Recipient* RecipientOfOrganisation(std::string_view organisation_number) const;
  const Controller* ControllerOf(std::string_view recipient_id) const;
  // Its own recipients and those that it shares, in the file's order.
  std::vector<const Recipient*> ServicesFor(const Controller& controller) const;
  std::optional<UnitPlace> FindUnit(std::string_view id) const;
  std::optional<PersonPlace> FindPerson(std::string_view id) const;
  std::optional<ClientPlace> FindClient(std::string_view id) const;

 private:
  // Positions and not pointers, so that a copy's index points into the copy.
  struct Position {
    std::size_t controller = 0, recipient = 0, unit = 0, person = 0, client = 0;
  };
  using Index = std::map<std::string, Position, std::less<>>;
  static const Position* At(const Index& index, std::string_view key);
  const Recipient& RecipientAt(const Position& at) const;

  std::vector<Controller> controllers_;
  std::string canonical_;
  std::string hash_;
  Index by_controller_, by_recipient_, by_organisation_, by_unit_, by_person_, by_client_;
};

// All *.yaml of the directory, in the order of their names; one controller each. Faults are
// kInvalidArgument/TENANTS_FILE with the message "<file>:<line>: <reason>".
Result<Tenants> LoadTenants(const std::string& directory);
// (name, text) pairs.
Result<Tenants> LoadTenantsFromText(std::vector<std::pair<std::string, std::string>> files);

// Nine digits whose last is the modulo-11 check of the others (weights 3 2 7 6 5 4 3 2).
bool IsOrganisationNumber(std::string_view text);
// "name@place.no": what a mail server is given as it stands. No comments, quotes or spaces, so that nothing can slip
// into a header; no letters beyond ASCII, as we do not ask servers whether they take them.
bool IsMailAddress(std::string_view text);

}  // namespace stafett::tenants
