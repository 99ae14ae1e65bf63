// Who must consent for this child, in this field of law, in this family: computed from a table of the law
// (deploy/policy/consent.yaml), explained by its row, asked anew at birthdays. Consent here lifts confidentiality; it
// is not the ground of the processing.
//
// Pure. Nobody is to be asked on a guess: while a fact that could change the answer is unknown, or only a row that
// nobody has verified answers, the answer is not settled and names nobody. Silence is never consent.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/time.h"
#include "lib/policy/facts.h"

namespace stafett::policy {

// What is to be shared, by the act that governs it.
enum class Domain : std::uint8_t {
  kHealth,
  kEducation,
  kKindergarten,
  kChildWelfare,
  kNav,
  kMediation,
  kGeneral,
  kThird
};
inline constexpr int kDomainCount = static_cast<int>(Domain::kThird) + 1;
std::string_view Name(Domain);  // "HEALTH_SHARE"
std::optional<Domain> DomainFromName(std::string_view);

enum class Consenter : std::uint8_t {
  kParents,    // all holders of parental responsibility
  kOneParent,  // one of them is enough
  kChild,
  kCare,  // child welfare, and the foster home or institution under it
  kNextOfKin,
  kSelf  // the adult or third person whom it is about
};
inline constexpr int kConsenterCount = static_cast<int>(Consenter::kSelf) + 1;
std::string_view Name(Consenter);  // "PARENTS"
std::optional<Consenter> ConsenterFromName(std::string_view);

struct ConsenterSet {
  std::uint8_t bits = 0;
  constexpr bool Has(Consenter c) const { return ((bits >> static_cast<unsigned>(c)) & 1U) != 0; }
  constexpr ConsenterSet With(Consenter c) const {
    return {static_cast<std::uint8_t>(bits | (1U << static_cast<unsigned>(c)))};
  }
  constexpr bool Empty() const { return bits == 0; }
  constexpr bool operator==(const ConsenterSet&) const = default;
};

// What the child's own view weighs. There is no age below which hearing it may be skipped silently (law.md R3-13).
enum class Voice : std::uint8_t { kHearIfAble, kHear, kGreatWeight, kParty, kDecides };
std::string_view Name(Voice);  // "GREAT_WEIGHT"
std::optional<Voice> VoiceFromName(std::string_view);

struct CapacityRow {
  std::string id;
  std::uint8_t domains = 0;  // by bit
  int from_age = 0;
  std::optional<int> to_age;  // the last year of age it holds for
  Condition when;
  ConsenterSet who, informed;
  Voice voice = Voice::kHear;
  Time valid_from;
  std::optional<Time> valid_to;  // exclusive
  std::string source;
  std::string confidence;  // T settles nothing
};

struct Capacity {
  bool settled = false;
  ConsenterSet who, informed;  // empty unless settled
  Voice voice = Voice::kHear;
  const CapacityRow* row = nullptr;  // that answers, verified or not; null: none does
  FactSet missing;                   // facts that would settle it
  bool age_missing = false;
  std::optional<int> again_at;  // the birthday at which the answer may be another one
};

// `age`: whole years by the register's birth date, never by the number. `family`: in-care, cannot-decide,
// one-parent-enough, child-alone.
Capacity WhoMustConsent(std::span<const CapacityRow> law, std::optional<int> age, Domain domain, const Known& family,
                        Time now);

enum class Reply : std::uint8_t { kSilent, kYes, kNo };
// One person who was asked. A person may be asked as one thing only.
struct Asked {
  Consenter as = Consenter::kParents;  // a parent: kParents, though one may be enough
  Reply reply = Reply::kSilent;
};
// Whether all who must have said yes. Each holder of parental responsibility is among `asked`, silent or not: one who
// is left out would be taken for one who does not exist.
bool AllHaveConsented(const Capacity& capacity, std::span<const Asked> asked);

}  // namespace stafett::policy
