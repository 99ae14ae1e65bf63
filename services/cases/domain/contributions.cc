#include "cases/domain/contributions.h"

#include <algorithm>
#include <utility>

#include "cases/domain/rules.h"
#include "lib/base/id.h"

namespace stafett::cases::domain {
namespace {

Status RoomForContribution(const Case& c, const std::string& recipient) {
  auto count = [&](auto which) {
    return static_cast<std::size_t>(
        std::count_if(c.contributions.begin(), c.contributions.end(),
                      [&](const Contribution& x) { return x.author_recipient == recipient && which(x); }));
  };
  if (count([](const Contribution& x) { return x.state == ContributionState::kUnanswered; }) >= kUnansweredPerService) {
    return Fail(Code::kResourceExhausted, "TOO_MANY_UNANSWERED",
                std::to_string(kUnansweredPerService) + " contributions of your service wait for an answer already");
  }
  if (count([](const Contribution&) { return true; }) >= kContributionsPerService) {
    return Fail(Code::kResourceExhausted, "TOO_MANY_CONTRIBUTIONS",
                "a service contributes " + std::to_string(kContributionsPerService) +
                    " times to one case at most, answered ones counted");
  }
  return {};
}

// The contribution, if this person may answer it. Of what was addressed to another service, which held the log before,
// there is none here.
Result<const Contribution*> Unanswered(const Case& c, const std::string& contribution_id) {
  const auto* x = c.FindContribution(contribution_id);
  if (x == nullptr || x->to_recipient != c.holder_recipient) return NotAllowed();
  if (x->state != ContributionState::kUnanswered) {
    return State("NOT_UNANSWERED", "the contribution was answered, or has ended");
  }
  return x;
}

// The holder cannot fetch it otherwise: what is accepted was read.
bool MayTellHolder(const Child& child, const Case& c, const std::string& author_recipient, Time now) {
  return child.HasConsentFrom(author_recipient, kFollowUp, c.holder_recipient, now);
}

}  // namespace

std::string ContributionMadeBy(const std::string& command) { return DerivedId("cb", command); }

Result<Events> SubmitContribution(const Child& child, const Change& change, std::vector<Section> sections,
                                  const std::string& answer_by) {
  STAFETT_TRY(const Case* c, SharedLog(child, change));
  if (change.who.guardian) {
    return Fail(Code::kPermissionDenied, "STAFF_ONLY", "a contribution is submitted by staff of a service");
  }
  if (!c->participants.contains(change.who.recipient)) {
    return State("NOT_PARTICIPANT", "your service holds the log or takes no part in it; a participant contributes");
  }
  if (!MayTellHolder(child, *c, change.who.recipient, change.now)) {
    return State("LOG_NOT_OPEN", "the log takes no words of your service now; ask the service that holds it");
  }
  STAFETT_CHECK_OK(CheckSections(sections));
  STAFETT_CHECK_OK(RoomForContribution(*c, change.who.recipient));
  return Events{ContributionSubmitted{c->id, ContributionMadeBy(change.command), change.who.id, change.who.recipient,
                                      c->holder_recipient, std::move(sections), answer_by}};
}

Result<Events> AcceptContribution(const Child& child, const Change& change, const std::string& contribution_id) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  STAFETT_TRY(const Contribution* x, Unanswered(*c, contribution_id));
  if (!Consented(child, *c, x->author_recipient, change.now) ||
      !MayTellHolder(child, *c, x->author_recipient, change.now)) {
    return State("NO_CONSENT", "the consent between the service that submitted it and yours has ended since");
  }
  return Events{ContributionAccepted{c->id, x->id, x->author_recipient},
                NoteWritten{c->id, x->author, x->author_recipient, x->sections}};
}

Result<Events> DeclineContribution(const Child& child, const Change& change, const std::string& contribution_id,
                                   DeclineReason reason) {
  STAFETT_TRY(const Case* c, WritableLog(child, change));
  STAFETT_TRY(const Contribution* x, Unanswered(*c, contribution_id));
  return Events{ContributionDeclined{c->id, x->id, x->author_recipient, reason}};
}

}  // namespace stafett::cases::domain
