// What the use cases need of the world. The real ones: adapters/gate_message_store.h, adapters/smtp_post.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/time.h"
#include "lib/gate/commit.h"
#include "lib/tenants/tenants.h"
#include "lib/texts/texts.h"
#include "notifications/domain/types.h"

namespace stafett::notifications::app {

// Where a message is found.
struct Place {
  std::string child;  // internal
  std::string message_id;
  auto operator<=>(const Place&) const = default;
};

class MessageStore {
 public:
  virtual ~MessageStore() = default;
  using Decide = std::function<Result<domain::Events>(const domain::Child& child, Time now)>;

  // Load, decide, commit once; decides again when something changed meanwhile.
  virtual Result<gate::Committed> Change(const gate::Command& command, const std::string& child, Deadline deadline,
                                         const Decide& decide) = 0;
  struct View {
    domain::Child child;
    Time now;
    std::int64_t published = 0;  // of the child's partition: all that came of records below is on the log
    std::uint64_t own = 0, inputs = 0, generation = 0;  // what it rests on
  };
  virtual Result<View> Load(const std::string& child, Deadline deadline) = 0;
  // kPermissionDenied/NOT_ALLOWED if there is no such message.
  virtual Result<Place> Find(const std::string& message_id, Deadline deadline) = 0;

  struct Page {
    std::vector<Place> places;  // newest first
    std::int64_t before = 0;    // where the next, older page ends; 0: there is none
    std::string series;         // changes when the order began anew (a rebuilt store)
  };
  // Entries of a person's inbox that are older than `before`; the newest if nothing is given.
  virtual Result<Page> Inbox(const std::string& person, std::optional<std::int64_t> before, std::int64_t count,
                             Deadline deadline) = 0;
  virtual Result<std::int64_t> Unread(const std::string& person, Deadline deadline) = 0;  // kMostUnread at most

  // Mails without a result; of each partition at most `most`, those that are due first.
  virtual Result<std::vector<Place>> Waiting(std::int64_t most, Deadline deadline) = 0;
  // True for one asker: nobody else gets the message before `ttl` is over or it is settled. Not, if the child is
  // another than in `view`.
  virtual Result<bool> Claim(const Place& place, const View& view, Millis ttl, Deadline deadline) = 0;
};

inline constexpr std::int64_t kMostUnread = 1000;

// A mail, ready.
struct Letter {
  std::string to, language, subject, body;
  std::string id;  // opaque; the same at every try
  Time date;
};

class Post {
 public:
  virtual ~Post() = default;
  // kNone: taken. Blocks, with a limit.
  virtual domain::Cause HandOver(const Letter& letter) = 0;
};

struct App {
  MessageStore& store;
  const tenants::Tenants& tenants;
  const texts::Texts& texts;
};

}  // namespace stafett::notifications::app
