#include "lib/tenants/tenants.h"

#include <array>

#include "lib/seal/seal.h"

namespace stafett::tenants {

std::string_view Name(Receipt receipt) {
  switch (receipt) {
    case Receipt::kStored: return "STORED";
    case Receipt::kOpened: return "OPENED";
  }
  return "?";
}

bool IsOrganisationNumber(std::string_view text) {
  constexpr std::array<int, 8> kWeights = {3, 2, 7, 6, 5, 4, 3, 2};
  if (text.size() != 9 || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return false;
  }
  int sum = text[8] - '0';
  for (std::size_t i = 0; i < kWeights.size(); ++i) sum += kWeights[i] * (text[i] - '0');
  return text[0] != '0' && sum % 11 == 0;
}

bool IsMailAddress(std::string_view text) {
  constexpr std::string_view kAlnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  auto dotted = [&](std::string_view part, std::string_view more) {
    if (part.empty() || part.front() == '.' || part.back() == '.') return false;
    if (part.find("..") != std::string_view::npos) return false;
    return part.find_first_not_of(std::string(kAlnum) + "." + std::string(more)) == std::string_view::npos;
  };
  const auto at = text.find('@');
  if (at == std::string_view::npos || text.size() > 254 || at > 64) return false;
  const auto place = text.substr(at + 1);
  return dotted(text.substr(0, at), "!#$%&'*+-/=?^_`{|}~") && dotted(place, "-") &&
         place.find('.') != std::string_view::npos;
}

Tenants::Tenants(std::vector<Controller> controllers, std::string canonical)
    : controllers_(std::move(controllers)), canonical_(std::move(canonical)), hash_(seal::Sha256(canonical_)) {
  Position at;
  for (at.controller = 0; at.controller < controllers_.size(); ++at.controller) {
    const Controller& controller = controllers_[at.controller];
    by_controller_[controller.id] = at;
    std::map<std::string_view, std::size_t> own;
    for (at.recipient = 0; at.recipient < controller.recipients.size(); ++at.recipient) {
      const Recipient& recipient = controller.recipients[at.recipient];
      own[recipient.id] = at.recipient;
      by_recipient_[recipient.id] = at;
      by_organisation_[recipient.organisation_number] = at;
      for (at.unit = 0; at.unit < recipient.units.size(); ++at.unit) {
        const Unit& unit = recipient.units[at.unit];
        by_unit_[unit.id] = at;
        for (at.person = 0; at.person < unit.people.size(); ++at.person) {
          by_person_[unit.people[at.person].id] = at;
        }
        at.person = 0;
      }
      at.unit = 0;
    }
    for (at.client = 0; at.client < controller.clients.size(); ++at.client) {
      at.recipient = own[controller.clients[at.client].recipient];
      by_client_[controller.clients[at.client].id] = at;
    }
    at.recipient = 0;
    at.client = 0;
  }
}

const Tenants::Position* Tenants::At(const Index& index, std::string_view key) {
  auto found = index.find(key);
  return found == index.end() ? nullptr : &found->second;
}

const Recipient& Tenants::RecipientAt(const Position& at) const {
  return controllers_[at.controller].recipients[at.recipient];
}

const Controller* Tenants::FindController(std::string_view id) const {
  const Position* at = At(by_controller_, id);
  return at == nullptr ? nullptr : &controllers_[at->controller];
}

const Recipient* Tenants::FindRecipient(std::string_view id) const {
  const Position* at = At(by_recipient_, id);
  return at == nullptr ? nullptr : &RecipientAt(*at);
}

const Recipient* Tenants::RecipientOfOrganisation(std::string_view organisation_number) const {
  const Position* at = At(by_organisation_, organisation_number);
  return at == nullptr ? nullptr : &RecipientAt(*at);
}

const Controller* Tenants::ControllerOf(std::string_view recipient_id) const {
  const Position* at = At(by_recipient_, recipient_id);
  return at == nullptr ? nullptr : &controllers_[at->controller];
}

std::vector<const Recipient*> Tenants::ServicesFor(const Controller& controller) const {
  std::vector<const Recipient*> out;
  for (const auto& recipient : controller.recipients) out.push_back(&recipient);
  for (const auto& shared : controller.shared) out.push_back(FindRecipient(shared.recipient));
  return out;
}

std::optional<UnitPlace> Tenants::FindUnit(std::string_view id) const {
  const Position* at = At(by_unit_, id);
  if (at == nullptr) return std::nullopt;
  const Recipient& recipient = RecipientAt(*at);
  return UnitPlace{&recipient, &recipient.units[at->unit]};
}

std::optional<PersonPlace> Tenants::FindPerson(std::string_view id) const {
  const Position* at = At(by_person_, id);
  if (at == nullptr) return std::nullopt;
  const Recipient& recipient = RecipientAt(*at);
  const Unit& unit = recipient.units[at->unit];
  return PersonPlace{&recipient, &unit, &unit.people[at->person]};
}

std::optional<ClientPlace> Tenants::FindClient(std::string_view id) const {
  const Position* at = At(by_client_, id);
  if (at == nullptr) return std::nullopt;
  return ClientPlace{&RecipientAt(*at), &controllers_[at->controller].clients[at->client]};
}

}  // namespace stafett::tenants
