#include "lib/base/layered.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace stafett {
namespace {

using Numbers = Layered<std::string, int>;

std::map<std::string, int> All(const Numbers& numbers) { return {numbers.begin(), numbers.end()}; }

TEST(Layered, WhatIsWrittenToACopyIsNotInWhatItWasCopiedFrom) {
  Numbers one;
  one["a"] = 1;
  one["b"] = 2;
  auto other = one;
  other["a"] = 10;
  other["c"] = 3;
  *other.Change("b") += 5;
  EXPECT_EQ(All(one), (std::map<std::string, int>{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(All(other), (std::map<std::string, int>{{"a", 10}, {"b", 7}, {"c", 3}}));
}

TEST(Layered, WhatIsWrittenWhileACopyLivesIsNotInTheCopy) {
  Numbers one;
  one["a"] = 1;
  {
    const auto before = one;
    one["a"] = 2;
    EXPECT_EQ(before.at("a"), 1);
  }
  one["b"] = 3;  // now alone again
  EXPECT_EQ(All(one), (std::map<std::string, int>{{"a", 2}, {"b", 3}}));
}

TEST(Layered, ChangesNothingThatIsNotThere) {
  Numbers one;
  EXPECT_EQ(one.Change("a"), nullptr);
  const auto copy = one;
  EXPECT_EQ(one.Change("a"), nullptr);
  EXPECT_TRUE(one.empty());
  EXPECT_THROW((void)one.at("a"), std::out_of_range);
}

// Each of several copies of copies is what a std::map of its own would be.
TEST(Layered, IsAMapHoweverItWasCopied) {
  std::mt19937 random(7);
  auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 300; ++round) {
    std::vector<Numbers> is(1);
    std::vector<std::map<std::string, int>> ought(1);
    for (int step = 0; step < 60; ++step) {
      const auto i = static_cast<std::size_t>(pick(static_cast<int>(is.size())));
      const auto key = std::to_string(pick(12));
      switch (pick(6)) {
        case 0:
          if (is.size() < 5) is.push_back(is[i]), ought.push_back(ought[i]);
          break;
        case 1:
          if (is.size() > 1) {
            is.erase(is.begin() + static_cast<std::ptrdiff_t>(i));
            ought.erase(ought.begin() + static_cast<std::ptrdiff_t>(i));
          }
          break;
        case 2:
          if (auto* n = is[i].Change(key)) ++*n;
          if (ought[i].contains(key)) ++ought[i][key];
          break;
        default: is[i][key] = ought[i][key] = step;
      }
      for (std::size_t k = 0; k < is.size(); ++k) {
        ASSERT_EQ(All(is[k]), ought[k]);
        ASSERT_EQ(is[k].size(), ought[k].size());
        ASSERT_EQ(is[k].contains(key), ought[k].contains(key));
        ASSERT_EQ(is[k] == is[0], ought[k] == ought[0]);
        if (ought[k].contains(key)) {
          ASSERT_EQ(is[k].at(key), ought[k].at(key));
        }
      }
    }
  }
}

}  // namespace
}  // namespace stafett
