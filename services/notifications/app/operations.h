// The use cases, one file each. They find what is named, decide (domain/decide.h) and commit once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/host/who.h"
#include "notifications/app/ports.h"
#include "notifications/domain/decide.h"

namespace stafett::notifications::app {

// A message as this person may see it.
struct Reading {
  domain::Message message;
  domain::Sight sight = domain::Sight::kNone;
};
struct InboxPage {
  std::vector<domain::Message> messages;
  std::string next;
  std::int64_t unread = 0;
};
Result<InboxPage> ListInbox(App& app, const host::Who& who, int page_size, const std::string& token, Deadline deadline);
Result<gate::Committed> MarkRead(App& app, const host::Who& who, const gate::Command& command,
                                 const std::string& message_id, Deadline deadline);
Result<Reading> ReadMessage(App& app, const host::Who& who, const std::string& message_id, Deadline deadline);

// ---- mail ------------------------------------------------------------------------------------------------------

struct Sending {
  domain::Retries retries;
  std::string link;      // where the reader logs in
  Millis claim{60'000};  // longer than HandOver may take
};
// The rest of the world, for one round of sending.
struct Round {
  std::function<bool()> stopping;
  std::function<void(Millis)> pause;  // says that the loop goes round; then waits, less if it is to stop
  std::function<void(const domain::Tried& tried, bool given_up)> told;
};
// Tries every mail that may be sent now, each by itself: claim, hand over, write down what came of it. Between handing
// over and writing down lies the one gap that cannot be closed: who dies in it, or is cut off from the store for longer
// than the claim, leads to a second mail with the same Message-ID.
Status SendDue(App& app, Post& post, const Sending& sending, const Round& round);

// How a person is reached by mail from `now` on.
domain::Reach ReachAt(const tenants::Tenants& tenants, const std::string& person, Time now);

// ---- words -----------------------------------------------------------------------------------------------------

// Every text that this service writes, with its placeholders (deploy/texts).
texts::Texts::Wanted Words();
// What stands in the inbox, in the reader's language.
Result<std::string> LineOf(const App& app, const domain::Message& message);
// The language of a person; nb if nobody knows the person.
std::string LanguageOf(const tenants::Tenants& tenants, const std::string& person);

}  // namespace stafett::notifications::app
