// The first of the two verbs: Commit(command). Guards: request_id not seen, and the lengths (versions) that the
// decision was made on. Effects: records, outbox, indexes, the remembered outcome; all or nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/gate/children.h"
#include "lib/gate/envelope.h"
#include "lib/gate/keys.h"
#include "lib/gate/store.h"

namespace stafett::gate {

inline constexpr int kMaxConflicts = 5;  // then kAborted: the caller reads again
// A record that the broker would refuse must not get into the outbox, where nothing may be skipped: below the
// producer's and the topics' limit of 1 MB, with room for key and headers.
inline constexpr std::size_t kMaxRecordBytes = 900'000;
inline constexpr Millis kRememberFor{7LL * 24 * 3600 * 1000};  // a request_id is kept 7 days (design §3.2)
// What a rebuild does not remember anew: an old log would fill the store with it. Much longer than kRememberFor, as the
// clock that tells may have jumped, and a request that is forgotten too early is done twice.
inline constexpr Millis kForgotten{30LL * 24 * 3600 * 1000};

// The clear part of a command, the same for every service.
struct Command {
  std::string request_scope;  // organisation: the scope of request_id
  std::string request_id;     // UUID
  std::string request_hash;   // of method and content
  Actor actor;
  std::string purpose;
  std::string cause;  // event_id, for derived commands
};

// Where it goes: one stream of this service.
struct Target {
  int partition = 0;
  std::string child;  // names the lists; also Record.child when about_child
  bool about_child = true;
  // Record.child and the records' key, if the lists are not named after it: a second stream about the same child.
  std::string about = {};
};

// What a decision wants written.
struct NewEvent {
  std::string type;
  std::string body;                   // serialised event message, clear
  std::string subject;                // case or consent id, clear
  std::string topic;                  // log or ledger
  std::vector<Awaited> awaited = {};  // what it changes in what is waited for
  // Opaque ids and dates only, from a service that holds no keys: not sealed, though about a child.
  bool clear = false;
};
struct Message {
  std::string topic, key, value, headers;
};
struct Proposal {
  std::vector<NewEvent> events;   // at least one
  std::vector<Message> messages;  // further outbox entries, before the events' own (keys, identity)
  std::vector<Message> after;     // further outbox entries, behind the events' own (signals)
  std::vector<Write> indexes;     // also derivable from the events (rebuild)
  std::vector<Guard> guards;
  bool beyond_limit = false;  // even if the outbox is full: what the relay itself needs to go on
};

// What happened to a command.
struct Committed {
  int partition = 0;
  std::string child;
  std::uint64_t version = 0;     // of the last event
  std::uint64_t outbox = 0;      // number of the last outbox entry; 0: nothing left to publish
  std::uint64_t generation = 0;  // of the store that `outbox` is a number of
  bool replay = false;           // the request_id had been seen with the same content
  std::vector<std::string> event_ids;
};

// Turns events into records. `seal_body` encrypts for the child; fails when the key is not there.
using SealBody =
    std::function<Result<seal::Box>(const std::string& child, std::string_view body, std::string_view bound)>;

class Committer {
 public:
  Committer(Store& store, Keys keys, SealBody seal_body, std::int64_t outbox_limit)
      : store_(store), keys_(std::move(keys)), seal_(std::move(seal_body)), outbox_limit_(outbox_limit) {}

  struct Attempt {
    enum class Kind { kDone, kConflict } kind;
    Committed committed;
  };
  // What a decision rests on, as Children::Load gave it.
  struct Basis {
    std::uint64_t own = 0;
    std::uint64_t inputs = 0;
    std::uint64_t generation = 0;
    Time now;
  };
  // The step that a try is: guards and writes, nothing done. So several, of one generation, can be put into one.
  struct Step {
    Transaction tx;
    std::uint64_t version = 0;  // of the last event
    std::vector<std::string> event_ids;
  };
  Result<Step> Prepare(const Command& command, const Target& target, const Basis& basis,
                       const Proposal& proposal) const;
  // One try. kConflict: something that the decision rests on has changed; load and decide again. kUnavailable, nothing
  // done, when the store is not the one of `basis`, or has not passed the barrier.
  Result<Attempt> Try(const Command& command, const Target& target, const Basis& basis, const Proposal& proposal,
                      Deadline deadline);
  // The only generation of the store in which commands are taken; 0: in none. Any, until this is called (no gate).
  void Admit(std::uint64_t generation) { admitted_ = generation; }
  bool Admits(std::uint64_t generation) const {
    auto admitted = admitted_.load();
    return admitted == kAny || (admitted != 0 && admitted == generation);
  }

  // The records of a proposal as they would be written, and their writes. Also used by Apply.
  struct Built {
    std::vector<Write> writes;
    std::vector<std::string> event_ids;
  };
  Result<Built> Build(const Command& command, const Target& target, std::uint64_t own, std::uint64_t inputs, Time now,
                      const Proposal& proposal) const;

  // What is remembered of a request_id: nothing, or its outcome.
  struct Remembered {
    std::string hash;
    Committed committed;
  };
  // It is at one of two places: its own key, or with all that a rebuild gave back. `values`: of RememberedGets.
  std::vector<Get> RememberedGets(std::string_view scope, std::string_view request_id) const;
  std::optional<Remembered> FromValues(std::span<const Value> values) const;
  // The same as it is remembered anew from the log, where what is there is acknowledged: what a field of the hash
  // Keys::Restored is; none where that is long over.
  static std::optional<std::string> Restored(const std::string& hash, int partition, const std::string& child,
                                             std::uint64_t version, Time recorded, Time now);
  const Keys& keys() const { return keys_; }
  Store& store() { return store_; }
  // Tries since start that others were quicker than, and whose outcome the store did not tell.
  std::uint64_t Conflicts() const { return conflicts_; }
  std::uint64_t Unknown() const { return unknown_; }

 private:
  Store& store_;
  Keys keys_;
  SealBody seal_;
  std::int64_t outbox_limit_;
  static constexpr std::uint64_t kAny = UINT64_MAX;
  std::atomic<std::uint64_t> admitted_{kAny};
  std::atomic<std::uint64_t> conflicts_{0}, unknown_{0};
};

tl::unexpected<Error> Recovering();
tl::unexpected<Error> RequestIdReused();
tl::unexpected<Error> TooManyConflicts();
tl::unexpected<Error> UnknownRequest();

// Load, decide, commit; decide again on a conflict; never twice for one request_id.
// `decide` is called with a consistent state and its time; it must be pure.
template <class State>
Result<Committed> Execute(Children<State>& children, Committer& committer, const Command& command, const Target& target,
                          Deadline deadline, const std::function<Result<Proposal>(const Loaded<State>&)>& decide) {
  bool unknown = false;
  for (int attempt = 0; attempt < kMaxConflicts; ++attempt) {
    if (deadline.Passed()) {
      if (attempt == 0) return Fail(Code::kDeadlineExceeded, "DEADLINE", "too little time was left; nothing was done");
      break;
    }
    auto loaded = children.Load(target.partition, target.child, deadline,
                                committer.RememberedGets(command.request_scope, command.request_id));
    if (!loaded) {
      if (unknown) break;  // the earlier try may have happened: say so, not "nothing was done"
      return tl::unexpected(std::move(loaded).error());
    }
    if (auto remembered = committer.FromValues(loaded->extra)) {
      if (remembered->hash != command.request_hash) return RequestIdReused();
      remembered->committed.replay = true;
      remembered->committed.generation = loaded->generation;
      return std::move(remembered->committed);
    }
    // Neither yes nor no may rest on a store that has not been brought to the log's end.
    if (!committer.Admits(loaded->generation)) {
      if (unknown) break;
      return Recovering();
    }
    STAFETT_TRY(auto proposal, decide(*loaded));
    auto tried = committer.Try(command, target, {loaded->own, loaded->inputs, loaded->generation, loaded->now},
                               proposal, deadline);
    if (!tried) {
      if (tried.error().code != Code::kUnknownOutcome) {
        // "Nothing was done" is true of this try only. Where the store is another one by now, not finding the request
        // remembered says nothing about the earlier one.
        if (unknown) break;
        return tl::unexpected(std::move(tried).error());
      }
      unknown = true;  // same request_id again on a new connection: it is remembered, or it never happened
      continue;
    }
    if (tried->kind == Committer::Attempt::Kind::kDone) return std::move(tried->committed);
  }
  if (unknown) {
    return Fail(Code::kUnknownOutcome, "OUTCOME_UNKNOWN",
                "it may or may not have been done: send it again with the same request_id");
  }
  return TooManyConflicts();
}

}  // namespace stafett::gate
