// What the decisions of this folder have in common. Not for others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cases/domain/decide.h"

namespace stafett::cases::domain {

// A no because of how things stand.
tl::unexpected<Error> State(std::string_view reason, std::string message);

bool Holds(const Case& c, const Person& who);
// Is it still the version that the caller has read? Who may not read the case was shown none, and by trying them would
// count what is not told to him (P1): his etag says nothing.
Status Fits(const Case& c, const Change& change);
// The case, if this person holds it, the etag fits and it is open: what every writer of a case needs. Who may not
// know the case gets the one answer before anything else is looked at.
Result<const Case*> Writable(const Child& child, const Change& change);
// A valid consent names this service, and it is one with the service that holds the log (decision 0017).
bool Consented(const Child& child, const Case& c, const std::string& recipient, Time now);
bool IsResponsible(const Measure& m, const Person& who);
// The log is open, and a valid consent names the service that holds it. Why it is not, is the holder's service's and
// the family's to know: who only takes part is not told what parents said of another.
Status InOpenLog(const Child& child, const Case& c, const Person& who, Time now);
Result<const Case*> WritableLog(const Child& child, const Change& change);
// The case, if its log is open and this person is in it: what those need who do not hold it and yet add to it.
Result<const Case*> SharedLog(const Child& child, const Change& change);

// `field`: how the request calls it.
Status CheckDate(const char* field, const std::string& date, const std::string& today);
// Each text has one category, and one that free text may have.
Status CheckSections(const std::vector<Section>& sections);
Status RoomForGoal(const Case& c);

}  // namespace stafett::cases::domain
