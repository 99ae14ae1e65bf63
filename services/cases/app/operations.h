// The use cases, one file each. They find what is named, decide (domain/decide.h) and commit once.
#pragma once

#include <string>
#include <vector>

#include "cases/app/ports.h"
#include "cases/domain/contributions.h"
#include "cases/domain/decide.h"
#include "cases/domain/measures.h"
#include "lib/host/who.h"

namespace stafett::cases::app {

// What every operation on a case is called with.
struct OnCase {
  const host::Who& who;
  const gate::Command& command;
  Deadline deadline;
  std::string case_id;
  std::string etag;
};

Result<gate::Committed> RegisterChild(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                                      const std::string& national_number, const std::string& name,
                                      std::vector<domain::Guardian> guardians);
// `child`: the service's private reference.
Result<gate::Committed> NoteConcern(App& app, const host::Who& who, const gate::Command& command, Deadline deadline,
                                    const std::string& child, const std::string& concern, std::string next_date);
// The case that a NoteConcern makes: derived from the command, so that a retry names the same one.
std::string CaseIdOf(const gate::Command& command, const std::string& child);
Result<gate::Committed> RecordConversation(App& app, const OnCase& on, domain::ConversationHeld held);
Result<gate::Committed> OpenLog(App& app, const OnCase& on, const std::string& goal, std::string next_date);
Result<gate::Committed> SetLevel(App& app, const OnCase& on, domain::Level level, const std::string& reason,
                                 std::string next_date);
Result<gate::Committed> AddParticipant(App& app, const OnCase& on, const std::string& recipient);
Result<gate::Committed> RemoveParticipant(App& app, const OnCase& on, const std::string& recipient);
Result<gate::Committed> OfferBaton(App& app, const OnCase& on, const std::string& to);
Result<gate::Committed> AcceptBaton(App& app, const OnCase& on, std::string next_date);
Result<gate::Committed> DeclineBaton(App& app, const OnCase& on, const std::string& reason);
Result<gate::Committed> WriteNote(App& app, const OnCase& on, std::vector<domain::Section> sections);
Result<gate::Committed> AddBrightSpot(App& app, const OnCase& on, std::vector<domain::Section> sections);
Result<gate::Committed> SubmitContribution(App& app, const OnCase& on, std::vector<domain::Section> sections);
Result<gate::Committed> AcceptContribution(App& app, const OnCase& on, const std::string& contribution);
Result<gate::Committed> DeclineContribution(App& app, const OnCase& on, const std::string& contribution,
                                            domain::DeclineReason reason);
Result<gate::Committed> AddGoal(App& app, const OnCase& on, const std::string& goal);
Result<gate::Committed> EndGoal(App& app, const OnCase& on, const std::string& goal, bool reached,
                                const std::string& reason);
// Of the measure, what is empty gets its default.
Result<gate::Committed> StartMeasure(App& app, const OnCase& on, const domain::Measure& measure);
// The case of this id, or of the name under which the caller's service was told of it ("k-…", disclosure's case_ref): a
// participant knows no other.
Result<std::string> CaseNamed(App& app, const host::Who& who, const std::string& name);
// The case in which a measure was started or a contribution submitted: what changes one is called with that case.
// To whom may not know the part there is none, and it costs as much.
Result<std::string> CaseOfPart(App& app, const host::Who& who, const std::string& part, Deadline deadline);
Result<gate::Committed> ChangeMeasure(App& app, const OnCase& on, const domain::Measure& wanted);
Result<gate::Committed> EvaluateMeasure(App& app, const OnCase& on, const std::string& measure,
                                        domain::Evaluation evaluation);
Result<gate::Committed> EndMeasure(App& app, const OnCase& on, const std::string& measure, const std::string& reason);
Result<gate::Committed> CloseCase(App& app, const OnCase& on, const std::string& reason);
// The case as it stands, if this person may read it or has just been part of it (`also_offered`).
struct Reading {
  domain::Case c;
  std::string child;  // internal
};
Result<Reading> ReadCase(App& app, const host::Who& who, const std::string& case_id, Deadline deadline);

// Shared by the files of this folder: finds the child, builds the Change, commits.
using DecideOnCase = std::function<Result<domain::Events>(const domain::Child&, const domain::Change&)>;
Result<gate::Committed> ChangeCase(App& app, const OnCase& on, const DecideOnCase& decide);
domain::Person ToPerson(const host::Who& who);
std::string NameOf(const gate::Command& command);

}  // namespace stafett::cases::app
