#include "cases/domain/rules.h"

#include <algorithm>

namespace stafett::cases::domain {
namespace {

// A log is shared with the child's guardians, and with the services in it for as long as a consent names them. A
// concern is not.
bool IsInTheLog(const Child& child, const Case& c, const Change& change) {
  if (c.state == CaseState::kConcernNoted) return false;
  const auto& who = change.who;
  if (who.guardian) {
    return std::any_of(child.guardians.begin(), child.guardians.end(),
                       [&](const Guardian& g) { return g.person == who.id && g.parental_responsibility; });
  }
  return c.InTheLog(who.recipient) && Consented(child, c, who.recipient, change.now);
}

}  // namespace

bool Consented(const Child& child, const Case& c, const std::string& recipient, Time now) {
  return child.HasConsentFrom(c.holder_recipient, kFollowUp, recipient, now);
}

bool IsResponsible(const Measure& m, const Person& who) {
  return !who.guardian && m.responsible == who.id && m.responsible_recipient == who.recipient;
}

tl::unexpected<Error> State(std::string_view reason, std::string message) {
  return Fail(Code::kFailedPrecondition, reason, std::move(message));
}

bool Holds(const Case& c, const Person& who) {
  return !who.guardian && c.holder == who.id && c.holder_recipient == who.recipient;
}

Status Fits(const Case& c, const Change& change) {
  if (!MayRead(c, change.who)) return {};
  if (!change.etag.empty() && change.etag != std::to_string(c.VersionFor(change.who.recipient))) {
    return Fail(Code::kAborted, "ETAG_MISMATCH", "the case has changed since it was read; read it again");
  }
  return {};
}

Result<const Case*> Writable(const Child& child, const Change& change) {
  const Case* c = child.Find(change.case_id);
  if (c == nullptr || !MayRead(*c, change.who)) return NotAllowed();
  STAFETT_CHECK_OK(Fits(*c, change));
  if (c->state == CaseState::kClosed) return State("CASE_CLOSED", "the case is closed");
  if (!Holds(*c, change.who)) {
    return Fail(Code::kPermissionDenied, "NOT_HOLDER", "only the one who holds the baton writes in the case");
  }
  return c;
}

Status InOpenLog(const Child& child, const Case& c, const Person& who, Time now) {
  if (c.state == CaseState::kConcernNoted) return State("LOG_NOT_OPEN", "open the log first");
  if (c.state == CaseState::kLogSuspended || !child.HasConsent(kFollowUp, c.holder_recipient, now)) {
    if (!who.guardian && !MayRead(c, who)) {
      return State("LOG_NOT_OPEN", "the log takes no words now; ask the service that holds it");
    }
    return State("NO_CONSENT",
                 "no valid consent names the service that holds the log; ask for a new one and open it again");
  }
  return {};
}

Result<const Case*> WritableLog(const Child& child, const Change& change) {
  STAFETT_TRY(const Case* c, Writable(child, change));
  STAFETT_CHECK_OK(InOpenLog(child, *c, change.who, change.now));
  return c;
}

Result<const Case*> SharedLog(const Child& child, const Change& change) {
  const Case* c = child.Find(change.case_id);
  if (c == nullptr || (!MayRead(*c, change.who) && !IsInTheLog(child, *c, change))) return NotAllowed();
  STAFETT_CHECK_OK(Fits(*c, change));
  if (c->state == CaseState::kClosed) return State("CASE_CLOSED", "the case is closed");
  STAFETT_CHECK_OK(InOpenLog(child, *c, change.who, change.now));
  return c;
}

Status CheckDate(const char* field, const std::string& date, const std::string& today) {
  auto fault = DateFault(date, today);
  if (fault.empty()) return {};
  return Invalid(field, std::string(field) + ": " + fault);
}

Status CheckSections(const std::vector<Section>& sections) {
  using policy::Category;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    auto path = "sections[" + std::to_string(i) + "]";
    switch (sections[i].category) {
      case Category::kConcern:
      case Category::kPlan:
      case Category::kEduc:
      case Category::kHealthd:
      case Category::kSocial:
      case Category::kThird:
      case Category::kChildsay:
      case Category::kWelfare: break;
      default:
        return Invalid(path + ".section_category", path +
                                                       ": free text is CONCERN, PLAN, EDUC, HEALTHD, WELFARE, "
                                                       "SOCIAL, THIRD or CHILDSAY");
    }
    if (sections[i].text.empty()) return Invalid(path + ".text", path + ".text: is required");
  }
  return {};
}

}  // namespace stafett::cases::domain
