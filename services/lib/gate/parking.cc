#include "lib/gate/parking.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <thread>
#include <utility>

namespace stafett::gate {
namespace {
constexpr Millis kLook{20};

tl::unexpected<Error> NotParked() {
  return Fail(Code::kNotFound, "NOT_PARKED", "nothing is set aside there: list what is");
}
tl::unexpected<Error> Refused(std::string_view reason, std::string message) {
  return Fail(Code::kFailedPrecondition, reason, std::move(message));
}

void Fill(int partition, const std::vector<std::string>& hash, std::vector<ParkedChild>& out) {
  for (std::size_t i = 0; i + 1 < hash.size(); i += 2) {
    auto parked = DecodeParked(hash[i + 1]);
    if (!parked) continue;
    ParkedChild child;
    child.partition = partition;
    child.parked = std::move(*parked);
    child.child = hash[i];
    child.text = hash[i + 1];
    out.push_back(std::move(child));
  }
}
}  // namespace

Parking::Parking(Store& store, Keys keys, Committer& committer, const Applier& applier, std::string log_topic)
    : store_(store),
      keys_(std::move(keys)),
      committer_(committer),
      applier_(applier),
      log_topic_(std::move(log_topic)),
      streams_(store, keys_, [](Nothing&, const Entry&) -> Status { return {}; }) {}

Result<std::vector<ParkedChild>> Parking::List(std::optional<ParkedAt> after, std::size_t count, Deadline deadline) {
  std::vector<Get> gets;
  for (int p = 0; p < keys_.partitions(); ++p) gets.push_back(Get::Hash(keys_.Index(p, "parked")));
  STAFETT_TRY(auto read, store_.Read(gets, deadline));
  std::vector<ParkedChild> out;
  for (int p = 0; p < keys_.partitions(); ++p) Fill(p, read.values[static_cast<std::size_t>(p)].list, out);
  if (after) std::erase_if(out, [&](const ParkedChild& c) { return c.at() <= *after; });
  std::sort(out.begin(), out.end(), [](const ParkedChild& a, const ParkedChild& b) { return a.at() < b.at(); });
  if (out.size() > count) out.resize(count);
  for (auto& child : out) STAFETT_CHECK_OK(Complete(child, deadline));
  return out;
}

Result<ParkedChild> Parking::Find(ParkedAt at, Deadline deadline) {
  if (at.partition < 0 || at.partition >= keys_.partitions()) return NotParked();
  STAFETT_TRY(auto read, store_.Read({Get::Hash(keys_.Index(at.partition, "parked"))}, deadline));
  std::vector<ParkedChild> all;
  Fill(at.partition, read.values[0].list, all);
  for (auto& child : all) {
    if (child.at() != at) continue;
    STAFETT_CHECK_OK(Complete(child, deadline));
    return std::move(child);
  }
  return NotParked();
}

// How much waits, and whether it could be left out.
Status Parking::Complete(ParkedChild& child, Deadline deadline) {
  const auto p = child.partition;
  STAFETT_TRY(auto read, store_.Read({Get::Sorted(keys_.Waiting(p, child.child), 0, kMostWaiting + 1),
                                      Get::Hash(keys_.Discarded(p))},
                                     deadline));
  const auto waiting = read.values[0].list.size();
  child.waiting = waiting == 0 ? 0 : waiting - 1;
  const auto& parked = child.parked;
  child.discardable = [&]() -> Status {
    if (parked.mark != "log") {
      return Refused("NOT_ON_THE_LOG",
                     "it stands on the service's own topic, where only the service writes: "
                     "call a developer");
    }
    if (parked.digest.empty()) {
      return Refused("REPLAY_FIRST", "it was set aside by an earlier version: replay it, then look again");
    }
    if (parked.why == kGap) {
      return Refused("MISSING_RECORD",
                     "a record before this one is missing, and nobody knows what it says: see that the "
                     "auditor publishes it again; the child goes on by itself then");
    }
    if (!parked.stream.empty() && !applier_.MayDiscard(parked.type)) {
      return Refused("WOULD_OPEN",
                     "from such records this service learns who may see what, or what has to stop: bring a "
                     "version that can handle it, and replay");
    }
    if (parked.stream.empty()) {
      for (const auto& service : applier_.RestsOn()) STAFETT_CHECK_OK(Proven(child, service, deadline));
    }
    if (read.values[1].list.size() / 2 >= kMostDiscarded) {
      return Fail(Code::kResourceExhausted, "TOO_MANY_DISCARDED", "too many records of this partition were left out");
    }
    return {};
  }();
  return {};
}

// That what nobody can read is no record of this service about the child: it has said how many it has written, and all
// of these are taken or wait.
Status Parking::Proven(const ParkedChild& child, const std::string& service, Deadline deadline) {
  const auto p = child.partition;
  const auto stream = service + "/" + child.child;
  STAFETT_TRY(auto read, store_.Read({Get::HashField(keys_.Vouched(p), VouchedBy(service, child.parked.offset)),
                                      Get::HashField(keys_.Seen(p), stream),
                                      Get::Sorted(keys_.Waiting(p, child.child), 0, kMostProof)},
                                     deadline));
  const auto written = Vouched(read.values[0].string, child.parked.digest);
  if (!written) {
    auto refused =
        Refused("NOT_VOUCHED", "it may be a record of " + service + " that takes something away: discard it in " +
                                   service + " first, which then says on the log what it has written");
    refused.value().metadata["service"] = service;
    return refused;
  }
  std::set<std::uint64_t> waiting;
  for (const auto& member : read.values[2].list) {
    const auto w = DecodeWaiting(member);
    if (w.stream == stream) waiting.insert(w.version);
  }
  auto have = std::strtoull(read.values[1].string.c_str(), nullptr, 10);
  while (have < *written && waiting.contains(have + 1)) ++have;
  if (have >= *written) return {};
  auto refused = Refused("RECORD_MISSING", "a record of " + service +
                                               " about this child has not come, and this may be it: "
                                               "it has to be published again before anything is left out");
  refused.value().metadata["service"] = service;
  return refused;
}

Result<AfterParking> Parking::Replay(ParkedAt at, Deadline deadline) {
  const auto generation = store_.Generation();
  STAFETT_TRY(auto found, Find(at, deadline));
  if (!committer_.Admits(generation)) return Recovering();
  if (found.parked.mark != "log") {
    return Refused("NOT_ON_THE_LOG",
                   "it stands on the service's own topic, where only the service writes: call a developer");
  }
  Transaction tx;
  tx.generation = generation;
  tx.guards = {Guard::FieldEquals(keys_.Index(at.partition, "parked"), found.child, found.text)};
  tx.writes = GoOn(keys_, at.partition, found.child, at.offset);
  auto ran = store_.Run(tx, deadline);
  // An unknown outcome is looked at like any other.
  if (!ran && ran.error().code != Code::kUnknownOutcome) return tl::unexpected(std::move(ran).error());
  if (ran && !ran->done) return NotParked();  // it has gone on, or somebody else was quicker
  return Await(at.partition, found.child, std::nullopt, deadline);
}

Result<Committed> Parking::Discard(const Command& command, ParkedAt at, const Why& why, Deadline deadline) {
  if (at.partition < 0 || at.partition >= keys_.partitions()) return NotParked();
  const Target target{at.partition, ParkingStream(at.partition), false};
  STAFETT_TRY(auto remembered,
              store_.Read(committer_.RememberedGets(command.request_scope, command.request_id), deadline));
  Discarded discarded;
  Proposal proposal;
  if (!committer_.FromValues(remembered.values)) {
    STAFETT_TRY(auto found, Find(at, deadline));
    STAFETT_CHECK_OK(found.discardable);
    // Before the step that says so: more may have come by then, never less.
    STAFETT_TRY(auto own, store_.Read({Get::Length(keys_.Own(at.partition, found.child))}, deadline));
    const auto& parked = found.parked;
    discarded = {
        parked.offset, parked.stream, parked.version, parked.type,   found.child,
        parked.digest, parked.why,    why.reason,     why.reference, static_cast<std::uint64_t>(own.values[0].number)};
    proposal.events.push_back({kDiscardedType, EncodeDiscarded(discarded), "", log_topic_});
    proposal.indexes.push_back(Discards(keys_, at.partition, discarded));
    proposal.guards.push_back(Guard::FieldEquals(keys_.Index(at.partition, "parked"), found.child, found.text));
  }
  return Execute<Nothing>(streams_, committer_, command, target, deadline,
                          [&](const Loaded<Nothing>&) -> Result<Proposal> {
                            if (proposal.events.empty()) return NotParked();  // remembered, and then not
                            return proposal;
                          });
}

Result<AfterParking> Parking::AfterDiscard(const Committed& committed, Deadline deadline) {
  const auto own = keys_.Own(committed.partition, committed.child);
  STAFETT_TRY(auto read, store_.Read({Get::ListAt(own, static_cast<std::int64_t>(committed.version) - 1)}, deadline));
  STAFETT_TRY(auto envelope, Decode(read.values[0].string));
  STAFETT_TRY(auto discarded, DecodeDiscarded(envelope.clear));
  return Await(committed.partition, discarded.child, discarded.offset, deadline);
}

// `not_yet`: still parked there means that the reader has not come to it.
Result<AfterParking> Parking::Await(int partition, const std::string& child, std::optional<std::int64_t> not_yet,
                                    Deadline deadline) {
  AfterParking out;
  for (; !deadline.Passed(); std::this_thread::sleep_for(kLook)) {
    auto read = store_.Read(
        {Get::HashField(keys_.Index(partition, "parked"), child), Get::String(keys_.Fresh(partition))}, deadline);
    if (!read) break;
    const auto& text = read->values[0];
    if (text.present) {
      auto parked = DecodeParked(text.string);
      if (!parked || parked->offset == not_yet) continue;
      out.kind = AfterParking::Kind::kAgain;
      STAFETT_TRY(out.again, Find({partition, parked->offset}, deadline));
      return out;
    }
    // Fresh again: the mark has come to the log's end since it was set back.
    if (!read->values[1].present) continue;
    out.kind = AfterParking::Kind::kWentOn;
    return out;
  }
  return out;
}

}  // namespace stafett::gate
