#include "cases/domain/national_number.h"

#include <array>
#include <cstdio>

#include "cases/domain/day.h"

namespace stafett::cases::domain {
namespace {

int Rest(const std::array<int, 11>& d, const int* weights, std::size_t n) {
  int sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += d[i] * weights[i];
  return sum % 11;
}

// The century is told by the individual number (Skatteetaten): 000-499 1900s; 500-749 1854-1899 or 2000s;
// 750-899 2000s; 900-999 1940-1999 or 2000s.
std::optional<int> Year(int yy, int individual) {
  if (individual < 500) return 1900 + yy;
  if (individual < 750 && yy >= 54) return 1800 + yy;
  if (yy < 40) return 2000 + yy;
  if (individual >= 900) return 1900 + yy;
  return std::nullopt;
}

}  // namespace

std::optional<NationalNumber> ParseNationalNumber(std::string_view number) {
  static constexpr int kFirst[] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};
  static constexpr int kSecond[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
  if (number.size() != 11) return std::nullopt;
  std::array<int, 11> d{};
  for (std::size_t i = 0; i < 11; ++i) {
    if (number[i] < '0' || number[i] > '9') return std::nullopt;
    d[i] = number[i] - '0';
  }
  if (Rest(d, kFirst, 10) != 0 || Rest(d, kSecond, 11) != 0) return std::nullopt;
  NationalNumber out;
  int day = d[0] * 10 + d[1];
  int month = d[2] * 10 + d[3];
  if (day > 40) {
    day -= 40;
    out.d_number = true;
  }
  if (month > 80) {
    month -= 80;
    out.synthetic = true;
  }
  auto year = Year(d[4] * 10 + d[5], d[6] * 100 + d[7] * 10 + d[8]);
  if (!year || !DayExists(*year, month, day)) return std::nullopt;
  char iso[40];
  std::snprintf(iso, sizeof iso, "%04d-%02d-%02d", *year, month, day);
  out.birth_date = iso;
  return out;
}

}  // namespace stafett::cases::domain
