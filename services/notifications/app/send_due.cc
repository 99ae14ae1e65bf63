#include "lib/base/id.h"
#include "notifications/app/operations.h"

namespace stafett::notifications::app {
namespace {

constexpr std::int64_t kHeads = 64;  // of each partition in one round
constexpr Millis kStore{3'000};
constexpr Millis kAgain{200};
constexpr int kTriesWhileStopping = 10;

// Hands one claimed mail over. The address and the language are those of the file as it is now.
Result<domain::Cause> Try(App& app, Post& post, const Sending& sending, const domain::Message& m, Time now) {
  auto place = app.tenants.FindPerson(m.person);
  if (!place || place->person->email.empty()) return domain::Cause::kNoAddress;
  const auto& language = place->person->language;
  STAFETT_TRY(auto unread, app.store.Unread(m.person, Deadline::In(kStore)));
  Letter letter;
  letter.to = place->person->email;
  letter.language = language;
  letter.id = m.id;
  letter.date = now;
  STAFETT_TRY(letter.subject, app.texts.Format(language, "mail.subject", {}));
  STAFETT_TRY(letter.body,
              app.texts.Format(language, "mail.body", {{"count", unread}, {"date", now}, {"link", sending.link}}));
  return post.HandOver(letter);
}

// Until it is written down: by us, or, when the claim has run out, by somebody else.
void WriteDown(App& app, const Sending& sending, const Place& place, const domain::Message& m,
               const domain::Tried& tried, const Round& round) {
  gate::Command command;
  command.request_scope = "notifications";
  command.request_id = DerivedId("rq", m.id + "/try/" + std::to_string(tried.tries));
  command.request_hash = std::to_string(static_cast<int>(tried.failure));
  command.cause = m.cause;
  const auto until = Deadline::In(sending.claim);
  int left = kTriesWhileStopping;
  while (!until.Passed() && left > 0) {
    bool given_up = false;
    auto done = app.store.Change(command, place.child, Deadline::In(kStore),
                                 [&](const domain::Child& child, Time now) -> Result<domain::Events> {
                                   auto later = [&](Time t) { return ReachAt(app.tenants, m.person, t).not_before; };
                                   STAFETT_TRY(auto events, domain::Settle(child, tried, sending.retries, now, later));
                                   const auto* failed = std::get_if<domain::MessageFailed>(&events.front());
                                   given_up = failed != nullptr && !failed->again;
                                   return events;
                                 });
    if (done) {
      if (!done->replay) round.told(tried, given_up);
      return;
    }
    if (done.error().code == Code::kFailedPrecondition || done.error().code == Code::kAlreadyExists) return;
    if (round.stopping()) --left;
    round.pause(kAgain);
  }
}

}  // namespace

Status SendDue(App& app, Post& post, const Sending& sending, const Round& round) {
  STAFETT_TRY(auto waiting, app.store.Waiting(kHeads, Deadline::In(kStore)));
  for (const auto& place : waiting) {
    if (round.stopping()) break;
    round.pause(Millis(0));
    STAFETT_TRY(auto view, app.store.Load(place.child, Deadline::In(kStore)));
    const auto* m = view.child.Find(place.message_id);
    if (m == nullptr || !domain::MaySend(view.child, *m, view.now, view.published)) continue;
    STAFETT_TRY(auto claimed, app.store.Claim(place, view, sending.claim, Deadline::In(kStore)));
    if (!claimed) continue;
    round.pause(Millis(0));
    STAFETT_TRY(auto failure, Try(app, post, sending, *m, view.now));
    WriteDown(app, sending, place, *m, {m->id, m->tries, failure}, round);
  }
  return {};
}

}  // namespace stafett::notifications::app
