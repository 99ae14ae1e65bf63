// What a service that takes part submits to the holder's, and the holder's answer to it. Shapes and errors as in
// decide.h.
#pragma once

#include <string>
#include <vector>

#include "cases/domain/decide.h"

namespace stafett::cases::domain {

// So many of one service stand in one case at most, and so many of them unanswered. Counted for each service by itself:
// a limit that others help to reach would tell of them (promise P1).
inline constexpr std::size_t kContributionsPerService = 200;
inline constexpr std::size_t kUnansweredPerService = 20;

// The id of what a command submits.
std::string ContributionMadeBy(const std::string& command);

Result<Events> SubmitContribution(const Child& child, const Change& change, std::vector<Section> sections,
                                  const std::string& answer_by);
// Two events: the answer, for the service that submitted it; and its words, as a note of the one who wrote them.
Result<Events> AcceptContribution(const Child& child, const Change& change, const std::string& contribution_id);
Result<Events> DeclineContribution(const Child& child, const Change& change, const std::string& contribution_id,
                                   DeclineReason reason);

}  // namespace stafett::cases::domain
