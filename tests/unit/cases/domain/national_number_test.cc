// Vectors of the rule catalogue (number_checks.csv) and invented ones. All are synthetic or deliberately impossible.
#include "cases/domain/national_number.h"

#include <gtest/gtest.h>

namespace stafett::cases::domain {
namespace {

TEST(NationalNumber, Of_a_person) {
  auto n = ParseNationalNumber("02013299997");
  ASSERT_TRUE(n);
  EXPECT_EQ(n->birth_date, "2032-01-02");  // individual number 999 and year 32: this century
  EXPECT_FALSE(n->synthetic);
  EXPECT_FALSE(n->d_number);
}

TEST(NationalNumber, Of_somebody_without_permanent_residence) {
  auto n = ParseNationalNumber("41010199946");
  ASSERT_TRUE(n);
  EXPECT_TRUE(n->d_number);
  EXPECT_EQ(n->birth_date, "2001-01-01");
}

TEST(NationalNumber, Of_nobody) {
  auto n = ParseNationalNumber("10915596784");
  ASSERT_TRUE(n);
  EXPECT_TRUE(n->synthetic);
  EXPECT_EQ(n->birth_date, "1955-11-10");
}

TEST(NationalNumber, Help_numbers_are_taken_from_no_one_but_their_source) {
  EXPECT_FALSE(ParseNationalNumber("13527248013"));  // month + 40
  EXPECT_FALSE(ParseNationalNumber("68467038838"));  // day + 40 and month + 40
}

// From 2032 the first check digit may leave a rest of 1 to 3; until that date such a number is wrong.
TEST(NationalNumber, The_check_of_2032_is_not_in_force) {
  EXPECT_FALSE(ParseNationalNumber("02013299903"));
  EXPECT_FALSE(ParseNationalNumber("30108299939"));
  EXPECT_TRUE(ParseNationalNumber("02013299806"));  // rest 0 by both
  EXPECT_TRUE(ParseNationalNumber("30108299920"));
}

TEST(NationalNumber, Every_single_wrong_digit_is_found) {
  const std::string right = "10915596784";
  for (std::size_t i = 0; i < right.size(); ++i) {
    for (char d = '0'; d <= '9'; ++d) {
      if (d == right[i]) continue;
      auto wrong = right;
      wrong[i] = d;
      EXPECT_FALSE(ParseNationalNumber(wrong)) << wrong;
    }
  }
}

TEST(NationalNumber, Two_neighbours_swapped_are_found) {
  const std::string right = "10915596784";
  for (std::size_t i = 0; i + 1 < right.size(); ++i) {
    auto wrong = right;
    std::swap(wrong[i], wrong[i + 1]);
    if (wrong == right) continue;
    EXPECT_FALSE(ParseNationalNumber(wrong)) << wrong;
  }
}

TEST(NationalNumber, Only_eleven_digits) {
  for (const char* wrong :
       {"", "1091559678", "109155967840", "1091559678x", "10915 596784", "-0915596784", "00000000000\n", "１０９１"}) {
    EXPECT_FALSE(ParseNationalNumber(wrong)) << wrong;
  }
}

// Both check digits of eleven zeros are right; the day is not.
TEST(NationalNumber, A_day_that_never_was_is_nobodys_birthday) { EXPECT_FALSE(ParseNationalNumber("00000000000")); }

}  // namespace
}  // namespace stafett::cases::domain
