// The closed vocabulary in which rules speak of a situation, and what is known of it.
//
// A fact is yes, no or unknown. An allow needs a yes to its condition; a gate and a duty yield only to a no. So an
// unknown fact is never better than a known one. What each name means, and which of them are "recorded", stands in the
// rule file (deploy/policy/rules.yaml, `facts`).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stafett::policy {

enum class Fact : std::uint8_t {
  // Of the child, worked out from the age that the register's birth date gives.
  kChildUnder7,
  kChildUnder12,
  kChildUnder15,
  kChildUnder16,
  kChildUnder18,
  // Of the reader, worked out from who it is and whom the item describes.
  kReaderIsChild,
  kReaderUnder12,
  kReaderUnder15,
  kReaderUnder16,
  kReaderIsDescribed,
  kOnlyAboutReader,
  // Worked out from the refusals.
  kObjected,
  // Said by whoever asks the engine.
  kParentalResponsibility,
  kParty,
  kPartyAccessRefused,
  kLocationShield,
  kWithheldFromGuardian,
  kChildAskedToKeep,
  kChildAgrees,
  kSameService,
  kSecrecyOrder,
  kSealedReport,
  kOrderToInform,
  kSeriousCrime,
  kSeriousHarm,
  kSupervisionRequest,
  kMovedHere,
  kHiddenAddress,
  kPregnantSubstanceAbuse,
  kReceiverReported,
  kAllConsented,
  kSeparatePurpose,
  kKindergartenTransition,
  kSchoolChange,
  kExpertAssessment,
  kAnonymised,
  kSameOffice,
  kChildIsNextOfKin,
  kDeceased,
  // Of who must consent (capacity.h).
  kInCare,
  kCannotDecide,
  kOneParentEnough,
  kChildAlone
};
inline constexpr int kFactCount = static_cast<int>(Fact::kChildAlone) + 1;

struct FactSet {
  std::uint64_t bits = 0;
  constexpr bool Has(Fact f) const { return (bits >> static_cast<unsigned>(f)) & 1U; }
  constexpr FactSet With(Fact f) const { return {bits | (std::uint64_t{1} << static_cast<unsigned>(f))}; }
  constexpr FactSet And(FactSet o) const { return {bits & o.bits}; }
  constexpr FactSet Or(FactSet o) const { return {bits | o.bits}; }
  constexpr FactSet Minus(FactSet o) const { return {bits & ~o.bits}; }
  constexpr bool Empty() const { return bits == 0; }
  constexpr bool operator==(const FactSet&) const = default;
};
static_assert(kFactCount <= 64);

// Worked out by the engine: what a caller says of these is not listened to.
constexpr FactSet Derived() {
  FactSet out;
  for (auto f = static_cast<unsigned>(Fact::kChildUnder7); f <= static_cast<unsigned>(Fact::kObjected); ++f) {
    out = out.With(static_cast<Fact>(f));
  }
  return out;
}

enum class Truth : std::uint8_t { kNo, kUnknown, kYes };

// What is known. A fact in both sets is a contradiction and counts as unknown.
struct Known {
  FactSet yes, no;
  constexpr Known With(Fact f, Truth truth) const {
    Known out{yes.Minus(FactSet{}.With(f)), no.Minus(FactSet{}.With(f))};
    if (truth == Truth::kYes) out.yes = out.yes.With(f);
    if (truth == Truth::kNo) out.no = out.no.With(f);
    return out;
  }
  constexpr Truth Of(Fact f) const {
    if (yes.Has(f) == no.Has(f)) return Truth::kUnknown;
    return yes.Has(f) ? Truth::kYes : Truth::kNo;
  }
};

// All of `all`, none of `none`, and one of `any` if there are any.
struct Condition {
  FactSet all, any, none;
  constexpr bool Empty() const { return all.Empty() && any.Empty() && none.Empty(); }
  constexpr FactSet Names() const { return all.Or(any).Or(none); }
};

// Kleene's three values: more knowledge never turns a yes into a no, or back.
constexpr Truth Judge(const Condition& when, const Known& known) {
  const FactSet yes = known.yes.Minus(known.no);
  const FactSet no = known.no.Minus(known.yes);
  const bool some = when.any.Empty() || !when.any.And(yes).Empty();
  if (!when.all.And(no).Empty() || !when.none.And(yes).Empty()) return Truth::kNo;
  if (!some && when.any.Minus(no).Empty()) return Truth::kNo;
  return some && when.all.Minus(yes).Empty() && when.none.Minus(no).Empty() ? Truth::kYes : Truth::kUnknown;
}

std::string_view Name(Fact);  // "location-shield"
std::optional<Fact> FactFromName(std::string_view);
std::string_view Name(Truth);  // "yes", "no", "unknown"
std::optional<Truth> TruthFromName(std::string_view);

}  // namespace stafett::policy
