#include "lib/gate/commit.h"

#include <algorithm>
#include <cstdlib>

namespace stafett::gate {
namespace {
constexpr std::int64_t kNoLimit = 1LL << 50;
}  // namespace

tl::unexpected<Error> Recovering() {
  return Fail(Code::kUnavailable, "RECOVERING",
              "the service is bringing its store to the log's end; nothing was done; try again shortly");
}
tl::unexpected<Error> RequestIdReused() {
  return Fail(Code::kAlreadyExists, "REQUEST_ID_REUSED",
              "this request_id was used for another command; use a new UUID for a new command");
}
tl::unexpected<Error> TooManyConflicts() {
  return Fail(Code::kAborted, "CONFLICT", "others changed the same case at the same time; read it and try again");
}
tl::unexpected<Error> UnknownRequest() {
  return Fail(Code::kNotFound, "UNKNOWN_REQUEST", "no command with this request_id was accepted in the last 7 days");
}

Result<Committer::Built> Committer::Build(const Command& command, const Target& target, std::uint64_t own,
                                          std::uint64_t inputs, Time now, const Proposal& proposal) const {
  auto too_large = [] {
    return Fail(Code::kInvalidArgument, "TOO_LARGE", "the content is larger than a record can be");
  };
  for (const auto* messages : {&proposal.messages, &proposal.after}) {
    for (const auto& m : *messages) {
      if (m.key.size() + m.value.size() + m.headers.size() > kMaxRecordBytes) return too_large();
    }
  }
  Built built;
  auto& writes = built.writes;
  auto outbox = keys_.Outbox(target.partition);
  auto mark = keys_.Mark(target.partition, "log");
  for (const auto& m : proposal.messages) {
    writes.push_back(Write::Outbox(outbox, mark, m.topic, m.key, m.value, m.headers));
  }
  auto stream = keys_.service() + "/" + target.child;
  const auto& about = target.about.empty() ? target.child : target.about;
  for (std::size_t i = 0; i < proposal.events.size(); ++i) {
    const auto& event = proposal.events[i];
    Envelope e;
    e.stream = stream;
    e.version = own + i + 1;
    e.event_id = EventId(stream, e.version);
    e.type = event.type;
    if (target.about_child) e.child = about;
    e.recorded = now;
    e.request_id = command.request_id;
    e.request_scope = command.request_scope;
    e.request_hash = command.request_hash;
    e.cause = command.cause;
    e.actor = command.actor;
    e.purpose = command.purpose;
    e.subject = event.subject;
    e.inputs = inputs;
    e.awaited = event.awaited;
    if (target.about_child && !event.clear) {
      STAFETT_TRY(e.sealed, seal_(about, event.body, Bound(stream, e.version, event.type)));
    } else {
      e.clear = event.body;
    }
    auto bytes = Encode(e);
    if (bytes.size() > kMaxRecordBytes) return too_large();
    // What nobody could read back (a text that is not UTF-8) would stop every reader of the log, for good.
    if (!Decode(bytes)) return Fail(Code::kInvalidArgument, "BAD_TEXT", "a text of the request is not valid UTF-8");
    writes.push_back(Write::Push(keys_.Own(target.partition, target.child), bytes));
    writes.push_back(Write::Outbox(outbox, mark, event.topic, about, std::move(bytes), ""));
    built.event_ids.push_back(e.event_id);
  }
  for (const auto& m : proposal.after) {
    writes.push_back(Write::Outbox(outbox, mark, m.topic, m.key, m.value, m.headers));
  }
  writes.insert(writes.end(), proposal.indexes.begin(), proposal.indexes.end());
  return built;
}

namespace {
constexpr std::size_t kBound = 4;  // the guard of Prepare that the outbox's limit is
}

Result<Committer::Step> Committer::Prepare(const Command& command, const Target& target, const Basis& basis,
                                           const Proposal& proposal) const {
  if (!Admits(basis.generation)) return Recovering();
  STAFETT_TRY(auto built, Build(command, target, basis.own, basis.inputs, basis.now, proposal));
  auto p = target.partition;
  auto remember = keys_.Command(command.request_scope, command.request_id);
  Step step;
  auto& tx = step.tx;
  // Between the lengths' reading and this moment the store may have been replaced by one that lost its end: equal
  // lengths would not be equal content then.
  tx.generation = basis.generation;
  tx.guards = {Guard::Absent(remember),
               Guard::FieldAbsent(keys_.Restored(), Keys::RestoredAs(command.request_scope, command.request_id)),
               Guard::Length(keys_.Own(p, target.child), basis.own),
               Guard::Length(keys_.Inputs(p, target.child), basis.inputs),
               Guard::OutboxBelow(keys_.Outbox(p), keys_.Acked(p), proposal.beyond_limit ? kNoLimit : outbox_limit_)};
  tx.guards.insert(tx.guards.end(), proposal.guards.begin(), proposal.guards.end());
  tx.writes = std::move(built.writes);
  step.version = basis.own + proposal.events.size();
  tx.writes.push_back(Write::Remember(remember, kRememberFor, command.request_hash, p, target.child, step.version));
  step.event_ids = std::move(built.event_ids);
  return step;
}

Result<Committer::Attempt> Committer::Try(const Command& command, const Target& target, const Basis& basis,
                                          const Proposal& proposal, Deadline deadline) {
  STAFETT_TRY(auto step, Prepare(command, target, basis, proposal));
  auto ran = store_.Run(step.tx, deadline);
  if (!ran && ran.error().code == Code::kUnknownOutcome) ++unknown_;
  STAFETT_TRY(auto outcome, std::move(ran));
  if (!outcome.done) {
    if (outcome.failed_guard == kBound) {
      return Fail(Code::kResourceExhausted, "OUTBOX_FULL",
                  "too much waits to be published; nothing was done; try again later");
    }
    ++conflicts_;
    return Attempt{Attempt::Kind::kConflict, {}};
  }
  Committed done{target.partition,
                 target.child,
                 step.version,
                 outcome.outbox.empty() ? 0 : outcome.outbox.back(),
                 basis.generation,
                 false,
                 std::move(step.event_ids)};
  return Attempt{Attempt::Kind::kDone, std::move(done)};
}

std::optional<std::string> Committer::Restored(const std::string& hash, int partition, const std::string& child,
                                               std::uint64_t version, Time recorded, Time now) {
  if (now.ms - recorded.ms > kForgotten.count()) return std::nullopt;
  return "0\n" + std::to_string(partition) + "\n" + child + "\n" + std::to_string(version) + "\n" + hash;
}

std::vector<Get> Committer::RememberedGets(std::string_view scope, std::string_view request_id) const {
  return {Get::String(keys_.Command(scope, request_id)),
          Get::HashField(keys_.Restored(), Keys::RestoredAs(scope, request_id))};
}

std::optional<Committer::Remembered> Committer::FromValues(std::span<const Value> values) const {
  const auto found = std::find_if(values.begin(), values.end(), [](const Value& v) { return v.present; });
  if (found == values.end()) return std::nullopt;
  std::string_view rest = found->string;
  auto line = [&rest] {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto is = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return std::string(is);
  };
  auto number = [&line] { return std::strtoull(line().c_str(), nullptr, 10); };
  Remembered r;
  r.committed.outbox = number();
  r.committed.partition = static_cast<int>(number());
  r.committed.child = line();
  r.committed.version = number();
  r.hash = rest;
  r.committed.event_ids.push_back(EventId(keys_.service() + "/" + r.committed.child, r.committed.version));
  return r;
}

}  // namespace stafett::gate
