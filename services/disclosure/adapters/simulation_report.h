// `stafett-disclosure --simulate FILE`, as an operator reads it: a line for each delivery that would be another, a
// table by recipient, a sentence. Deliveries are named by their ids; no child and no case is.
#pragma once

#include <ostream>

#include "disclosure/adapters/simulation.h"

namespace stafett::disclosure::adapters {

// "- d-… r-ppt event no.stafett.cases.note-written.v1 EDUC by T021": not told any more; "+": told; "~": other fields.
void Print(std::ostream& out, const domain::Change& change);

enum class Outcome { kSame = 0, kFailed = 1, kRefused = 2, kOther = 3 };  // the exit code
// Judges the file, runs, and prints. `file`: the rules that might come into force. Progress goes to `progress`, unless
// it is nullptr.
Outcome Simulate(Simulation& simulation, Regimes& regimes, const std::string& file, std::ostream& out,
                 std::ostream& errors, std::ostream* progress);

}  // namespace stafett::disclosure::adapters
