// Norwegian national numbers (fødselsnummer, D-number) and the synthetic ones of tests (month + 80).
// Source: Skatteetaten, "Fødselsnummer" and "Testnorge" (month + 80).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stafett::cases::domain {

struct NationalNumber {
  std::string birth_date;  // ISO
  bool synthetic = false;  // month + 80: never a person
  bool d_number = false;   // day + 40
};

// Nothing if the form, the date or a check digit is wrong.
std::optional<NationalNumber> ParseNationalNumber(std::string_view number);

}  // namespace stafett::cases::domain
