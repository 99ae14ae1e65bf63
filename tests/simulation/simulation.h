// One schedule: two copies of each service, clients, guardians and recipients, over stores and a log in memory. A seed
// says what happens next, and what fails.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulation/copies.h"
#include "simulation/invariants.h"
#include "simulation/seeded.h"

namespace stafett::simulation {

// What is left out, to see that it is found: at the rim, so that the services themselves stay as they are.
enum class Weakness {
  kNone,
  kVersionGuard,       // a command is written on whatever is there by then
  kMarkGuard,          // a record may be taken again
  kGenerationGuard,    // what was decided in a lost store is written to the next
  kFence,              // the fence passes with the mark, and does not wait for Kafka
  kForgetfulBroker,    // acknowledges, and keeps nothing
  kForgottenRequests,  // outcomes are not remembered
};
const char* NameOf(Weakness weakness);
std::vector<Weakness> AllWeaknesses();

struct Options {
  Weakness weakness = Weakness::kNone;
  std::function<void(const std::string&)> trace;  // a line for each thing that happens; none: nobody reads it
};

struct Outcome {
  std::optional<Violation> violation;
  Counts counts;
};

// A schedule begins where all of them do: children are registered and followed up by consent. One in eight begins with
// nothing.
Outcome RunSchedule(std::uint64_t seed, const Options& options);

}  // namespace stafett::simulation
