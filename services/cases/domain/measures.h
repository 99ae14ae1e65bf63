// What a person may do with the goals and measures of a log. The holder writes them; who is responsible for a measure
// evaluates it too, from a service that takes part. Shapes and errors as in decide.h.
#pragma once

#include <string>
#include <vector>

#include "cases/domain/decide.h"

namespace stafett::cases::domain {

// So many stand in one case at most, ended ones counted: all of them come with every reading of it.
inline constexpr std::size_t kGoalsPerCase = 50;
inline constexpr std::size_t kMeasuresPerCase = 200;

// The id of what a command makes in a case.
std::string GoalMadeBy(const std::string& command, const std::string& case_id);
std::string MeasureMadeBy(const std::string& command, const std::string& case_id);

Result<Events> AddGoal(const Child& child, const Change& change, const std::string& goal);
Result<Events> EndGoal(const Child& child, const Change& change, const std::string& goal_id, bool reached,
                       const std::string& reason);

// Its id is made here.
Result<Events> StartMeasure(const Child& child, const Change& change, Measure measure);
// `wanted`: what is empty stays as it is.
Result<Events> ChangeMeasure(const Child& child, const Change& change, const Measure& wanted);

struct Evaluation {
  Outcome outcome = Outcome::kNone;
  std::vector<Section> sections;
  std::string evaluation_date;  // the next one; empty if it ends
  bool end = false;
};
Result<Events> EvaluateMeasure(const Child& child, const Change& change, const std::string& measure_id,
                               Evaluation evaluation);
Result<Events> EndMeasure(const Child& child, const Change& change, const std::string& measure_id,
                          const std::string& reason);

}  // namespace stafett::cases::domain
