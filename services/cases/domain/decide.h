// What a person may do with a case: one pure function per operation, from the child as it stands to events or a no.
//
// Errors: kPermissionDenied/NOT_ALLOWED is the one answer to everybody who may not know the case, existing or not.
// Everything else is only said to those who may.
#pragma once

#include <string>
#include <vector>

#include "cases/domain/types.h"

namespace stafett::cases::domain {

// Who acts, reduced to what a decision needs.
struct Person {
  std::string id, role, unit, recipient;
  bool leads = false;  // HEAD or LEADER of its service
  bool guardian = false;
};

// What every change of a case brings along.
struct Change {
  Person who;
  std::string case_id;
  std::string etag;   // "" or the case's version as it was read
  std::string today;  // ISO date in Europe/Oslo
  Time now;
  std::string command = {};  // its name: what it makes has an id derived from it, so that a retry makes the same
};

// "" if the date is free of objections: an ISO date, today or later, within a year.
std::string DateFault(const std::string& date, const std::string& today);

Result<Events> NoteConcern(const Child& child, const Change& change, const std::string& concern,
                           const std::string& next_date);
Result<Events> RecordConversation(const Child& child, const Change& change, ConversationHeld held);
Result<Events> OpenLog(const Child& child, const Change& change, const std::string& goal, const std::string& next_date);
Result<Events> SetLevel(const Child& child, const Change& change, Level level, const std::string& reason,
                        const std::string& next_date);
Result<Events> AddParticipant(const Child& child, const Change& change, const std::string& recipient);
Result<Events> RemoveParticipant(const Child& child, const Change& change, const std::string& recipient);
Result<Events> OfferBaton(const Child& child, const Change& change, const std::string& to,
                          const std::string& to_recipient, const std::string& answer_by);
Result<Events> AcceptBaton(const Child& child, const Change& change, const std::string& next_date);
Result<Events> DeclineBaton(const Child& child, const Change& change, const std::string& reason);
Result<Events> WriteNote(const Child& child, const Change& change, std::vector<Section> sections);
// Something good, by anybody who may read the log: also its guardians and staff of the services in it.
Result<Events> AddBrightSpot(const Child& child, const Change& change, std::vector<Section> sections);
Result<Events> CloseCase(const Child& child, const Change& change, const std::string& reason);

// May this person read the case? (Recipients read by Fetch from disclosure.)
bool MayRead(const Case& c, const Person& who);
// May this person know that the case has this measure or contribution? Whoever may read the case, and who is
// responsible for the measure while a consent keeps his service in the log.
bool MayKnowPart(const Child& child, const Case& c, const std::string& part_id, const Person& who, Time now);
tl::unexpected<Error> NotAllowed();

}  // namespace stafett::cases::domain
