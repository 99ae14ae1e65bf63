#include "lib/policy/capacity.h"

#include <algorithm>
#include <array>

#include "lib/policy/names.h"

namespace stafett::policy {
namespace {

constexpr std::array<std::string_view, kDomainCount> kDomains = {"HEALTH_SHARE", "EDU_SHARE", "BHG_SHARE", "BVT_SHARE",
                                                                 "NAV_SHARE",    "KON_SHARE", "GENERAL",   "THIRD"};
constexpr std::array<std::string_view, kConsenterCount> kConsenters = {"PARENTS", "ONE_PARENT",  "CHILD",
                                                                       "CARE",    "NEXT_OF_KIN", "SELF"};
constexpr std::array<std::string_view, 5> kVoices = {"HEAR_IF_ABLE", "HEAR", "GREAT_WEIGHT", "PARTY", "DECIDES"};
static_assert(static_cast<std::size_t>(Voice::kDecides) == kVoices.size() - 1);

bool HoldsFor(const CapacityRow& row, Domain domain, Time now) {
  return ((row.domains >> static_cast<unsigned>(domain)) & 1U) != 0 && row.valid_from <= now &&
         (!row.valid_to || now < *row.valid_to);
}

bool OfAge(const CapacityRow& row, int age) { return row.from_age <= age && (!row.to_age || age <= *row.to_age); }

// The next birthday at which a row begins or ends to hold.
std::optional<int> NextTurn(std::span<const CapacityRow> law, int age, Domain domain, Time now) {
  std::optional<int> next;
  for (const CapacityRow& row : law) {
    if (!HoldsFor(row, domain, now)) continue;
    for (std::optional<int> turn :
         {std::optional(row.from_age), row.to_age ? std::optional(*row.to_age + 1) : row.to_age}) {
      if (turn && *turn > age && (!next || *turn < *next)) next = turn;
    }
  }
  return next;
}

bool Said(std::span<const Asked> asked, Consenter who, Reply reply) {
  return std::any_of(asked.begin(), asked.end(), [&](const Asked& a) { return a.as == who && a.reply == reply; });
}

}  // namespace

std::string_view Name(Domain domain) { return At(kDomains, domain); }
std::string_view Name(Consenter consenter) { return At(kConsenters, consenter); }
std::string_view Name(Voice voice) { return At(kVoices, voice); }
std::optional<Domain> DomainFromName(std::string_view name) { return From<Domain>(kDomains, name); }
std::optional<Consenter> ConsenterFromName(std::string_view name) { return From<Consenter>(kConsenters, name); }
std::optional<Voice> VoiceFromName(std::string_view name) { return From<Voice>(kVoices, name); }

Capacity WhoMustConsent(std::span<const CapacityRow> law, std::optional<int> age, Domain domain, const Known& family,
                        Time now) {
  Capacity out;
  if (!age) {
    out.age_missing = true;
    return out;
  }
  out.again_at = NextTurn(law, *age, domain, now);
  for (const CapacityRow& row : law) {
    if (!HoldsFor(row, domain, now) || !OfAge(row, *age)) continue;
    const Truth met = Judge(row.when, family);
    if (met == Truth::kNo) continue;
    // This row might answer. Whoever goes on to the next one is guessing.
    if (met == Truth::kUnknown) {
      out.missing = row.when.Names().Minus(family.yes.Minus(family.no)).Minus(family.no.Minus(family.yes));
      return out;
    }
    out.row = &row;
    out.voice = row.voice;
    out.settled = row.confidence == "V" || row.confidence == "G" || row.confidence == "I";
    if (out.settled) {
      out.who = row.who;
      out.informed = row.informed;
    }
    return out;
  }
  return out;
}

bool AllHaveConsented(const Capacity& capacity, std::span<const Asked> asked) {
  if (!capacity.settled || capacity.who.Empty()) return false;
  for (int i = 0; i < kConsenterCount; ++i) {
    auto who = static_cast<Consenter>(i);
    if (!capacity.who.Has(who)) continue;
    const bool one = who == Consenter::kOneParent;
    const Consenter as = one ? Consenter::kParents : who;
    if (!Said(asked, as, Reply::kYes)) return false;
    // Of several, each: a silent one has not consented.
    if (!one && (Said(asked, as, Reply::kNo) || Said(asked, as, Reply::kSilent))) return false;
  }
  return true;
}

}  // namespace stafett::policy
