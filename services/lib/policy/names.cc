// Every enum's spelling in files, logs and explanations. The tables are in the order of the enums.
#include <algorithm>

#include "lib/policy/policy.h"

namespace stafett::policy {
namespace {

constexpr std::array<std::string_view, kCategoryCount> kCategories = {
    "NONE",    "EXIST",  "IDENT", "ADDR_G", "CONCERN",  "PLAN",   "EDUC", "HEALTHD",
    "WELFARE", "SOCIAL", "THIRD", "CRIME",  "CHILDSAY", "REPORT", "LOG"};
static_assert(static_cast<int>(Category::kLog) == kCategoryCount - 1);

constexpr std::array<std::string_view, 22> kAgencies = {
    "UNKNOWN", "BVT",  "SKOLE_K", "SKOLE_P", "VGS",   "PPT",  "BHG_K", "BHG_P", "HST", "HKOM", "GP",
    "BUP",     "HOSP", "DENT",    "NAV_K",   "NAV_S", "KRIS", "FAMV",  "FLYK",  "KE",  "POL",  "KON"};
static_assert(static_cast<std::size_t>(Agency::kKon) == kAgencies.size() - 1);

constexpr std::array<std::string_view, 7> kEffects = {
    "DENY", "ALLOW", "ALLOW_WITH_CONSENT", "ALLOW_UNLESS_OBJECTED", "HUMAN_DECISION", "MUST_DISCLOSE", "DEFAULT"};
static_assert(static_cast<std::size_t>(Effect::kDefault) == kEffects.size() - 1);

constexpr std::array<std::string_view, 3> kStarts = {"push", "request", "duty"};
static_assert(static_cast<std::size_t>(Start::kDuty) == kStarts.size() - 1);

constexpr std::array<std::string_view, 3> kVerdicts = {"DISCLOSE", "HUMAN", "WITHHOLD"};
static_assert(static_cast<std::size_t>(Verdict::kWithhold) == kVerdicts.size() - 1);

constexpr std::array<std::string_view, 10> kMissing = {
    "NOTHING", "FACTS",         "RECIPIENT_INACTIVE", "OWN_INFORMATION",   "RULE",
    "CONSENT", "CONSENT_SCOPE", "CONSENT_EXPIRED",    "CONSENT_WITHDRAWN", "HUMAN_DECISION"};
static_assert(static_cast<std::size_t>(Missing::kHumanDecision) == kMissing.size() - 1);

// A value outside its enum (a cast from untrusted bytes) must not read past the table.
template <class Enum, std::size_t N>
std::string_view At(const std::array<std::string_view, N>& names, Enum value) {
  auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view("?");
}

template <class Enum, std::size_t N>
std::optional<Enum> From(const std::array<std::string_view, N>& names, std::string_view name) {
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view Name(Category category) { return At(kCategories, category); }
std::string_view Name(Agency agency) { return At(kAgencies, agency); }
std::string_view Name(Effect effect) { return At(kEffects, effect); }
std::string_view Name(Start start) { return At(kStarts, start); }
std::string_view Name(Verdict verdict) { return At(kVerdicts, verdict); }
std::string_view Name(Missing missing) { return At(kMissing, missing); }

std::optional<Category> CategoryFromName(std::string_view name) { return From<Category>(kCategories, name); }

std::optional<Agency> AgencyFromName(std::string_view name) {
  auto agency = From<Agency>(kAgencies, name);
  // "UNKNOWN" is what an agency is called that nobody named; it is not a name to ask for.
  if (agency == Agency::kUnknown) return std::nullopt;
  return agency;
}

std::optional<Effect> EffectFromName(std::string_view name) { return From<Effect>(kEffects, name); }
std::optional<Start> StartFromName(std::string_view name) { return From<Start>(kStarts, name); }

std::string Join(CategorySet set) {
  std::string out;
  for (int i = 1; i < kCategoryCount; ++i) {
    auto category = static_cast<Category>(i);
    if (!set.Has(category)) continue;
    if (!out.empty()) out += '|';
    out += Name(category);
  }
  return out;
}

}  // namespace stafett::policy
