// Schedules by the thousand, and what each weakened variant of them breaks. README.md beside this file.
//
//   simulation_test                     some seconds of schedules
//   simulation_test --seconds 600       ten minutes of them; --from S: other ones
//   simulation_test --seed S            one, with all that happens in it; --without NAME: as the weakened variant
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <string>

#include "simulation/simulation.h"

namespace stafett::simulation {
namespace {

double seconds = 8;
std::uint64_t from = 1;
constexpr std::uint64_t kUntilAll = 400;  // schedules, in which everything happens that is counted, however slow it is

bool AllHappened(const Counts& counts) {
  return std::all_of(counts.begin(), counts.end(), [](const auto& count) { return count.second > 0; });
}

void Print(std::uint64_t seed, const Violation& violation) {
  std::cout << "seed " << seed << ": " << violation.invariant << ": " << violation.what << "\n"
            << "  again, with all that happened: build/dev/bin/simulation_test --seed " << seed << std::endl;
}

TEST(Simulation, Every_schedule_keeps_every_invariant) {
  const auto begun = WallSeconds();
  std::uint64_t schedules = 0;
  Counts counts;
  int broken = 0;
  while (broken < 5 && (WallSeconds() - begun < seconds || (!AllHappened(counts) && schedules < kUntilAll))) {
    const auto seed = from + schedules++;
    const auto outcome = RunSchedule(seed, {});
    for (const auto& [what, n] : outcome.counts) counts[what] += n;
    if (!outcome.violation) continue;
    ++broken;
    Print(seed, *outcome.violation);
    ADD_FAILURE() << "seed " << seed;
  }
  const auto took = WallSeconds() - begun;
  std::cout << schedules << " schedules, " << static_cast<int>(static_cast<double>(schedules) / took * 60)
            << " a minute" << std::endl;
  for (const auto& [what, n] : counts) {
    std::cout << "  " << what << ": " << n << std::endl;
    // Else the invariants may hold because nothing ever happens.
    EXPECT_TRUE(n > 0 || broken > 0) << what;
  }
}

std::string TraceOf(std::uint64_t seed) {
  std::string out;
  const auto outcome = RunSchedule(seed, {Weakness::kNone, [&](const std::string& line) { out += line + "\n"; }});
  return out + (outcome.violation ? outcome.violation->what : "");
}

TEST(Simulation, A_seed_gives_the_same_schedule_again) {
  for (std::uint64_t seed : {3U, 8U, 17U}) {
    const auto first = TraceOf(seed);
    EXPECT_GT(first.size(), 1000U);
    EXPECT_EQ(first, TraceOf(seed));
  }
}

// A check that has never failed proves nothing.
class Weakened : public testing::TestWithParam<Weakness> {};

TEST_P(Weakened, Is_found) {
  // From where the rarest is found soon, and the suite takes a minute and not five.
  constexpr std::uint64_t kFrom = 500, kWithin = 1000;
  for (std::uint64_t seed = kFrom; seed < kFrom + kWithin; ++seed) {
    const auto outcome = RunSchedule(seed, {GetParam(), {}});
    if (!outcome.violation) continue;
    std::cout << "without " << NameOf(GetParam()) << ": schedule " << seed << " breaks " << outcome.violation->invariant
              << ": " << outcome.violation->what << std::endl;
    return;
  }
  FAIL() << "without " << NameOf(GetParam()) << ": " << kWithin << " schedules break nothing";
}

INSTANTIATE_TEST_SUITE_P(Simulation, Weakened, testing::ValuesIn(AllWeaknesses()), [](const auto& one) {
  std::string name = NameOf(one.param);
  for (auto& c : name) c = c == ' ' ? '_' : c;
  return name;
});

int Replay(std::uint64_t seed, const std::string& without) {
  Options options;
  options.trace = [](const std::string& line) { std::cout << line << "\n"; };
  for (auto weakness : AllWeaknesses()) {
    if (without == NameOf(weakness)) options.weakness = weakness;
  }
  const auto outcome = RunSchedule(seed, options);
  if (outcome.violation) {
    Print(seed, *outcome.violation);
    return 1;
  }
  std::cout << "seed " << seed << ": every invariant holds\n";
  return 0;
}

}  // namespace
}  // namespace stafett::simulation

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::optional<std::uint64_t> seed;
  std::string without;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (option == "--without") without = argv[i + 1];
    if (option == "--from") stafett::simulation::from = std::strtoull(argv[i + 1], nullptr, 10);
    if (option == "--seconds") stafett::simulation::seconds = std::strtod(argv[i + 1], nullptr);
  }
  if (seed) return stafett::simulation::Replay(*seed, without);
  return RUN_ALL_TESTS();
}
