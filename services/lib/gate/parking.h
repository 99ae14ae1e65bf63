// What operators do about children that are set aside (tailer.h): list, look, try again, leave a record out for good.
// Any copy may do it for any partition; who reads the partition notices by its mark or by the log.
//
// Try again (Replay): the child goes on from the record for which it was parked, as when a gap has closed. Whoever
// meets that record again handles it, or parks the child again.
//
// Leave out (Discard): an own record says so (RecordDiscarded, parked.h), first on the store, then on the log. From
// then on every reader of this service passes that record, known by its bytes, as if it said nothing; when the own
// record comes back from the log, the child goes on. A rebuild reads own records first: it never meets what was left
// out unprepared. Refused, with what to do instead, wherever it could open something to somebody: README.md, "Left out
// for good".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/gate/children.h"
#include "lib/gate/commit.h"
#include "lib/gate/parked.h"
#include "lib/gate/tailer.h"

namespace stafett::gate {

// Where a record stands: what operators call the child by, whose id they need not know.
struct ParkedAt {
  int partition = 0;
  std::int64_t offset = -1;
  bool operator==(const ParkedAt&) const = default;
  auto operator<=>(const ParkedAt&) const = default;
};
struct ParkedChild {
  int partition = 0;
  Parked parked;
  std::string child;
  std::string text;         // as it is stored
  std::size_t waiting = 0;  // behind it; at most kMostWaiting
  Status discardable;       // or why not
  ParkedAt at() const { return {partition, parked.offset}; }
};

// What became of a child.
struct AfterParking {
  enum class Kind { kWentOn, kAgain, kUnderWay } kind = Kind::kUnderWay;
  std::optional<ParkedChild> again;  // kAgain: for what
};

class Parking {
 public:
  static constexpr std::size_t kMostWaiting = 1000;   // counted
  static constexpr std::size_t kMostProof = 10'000;   // waiting records looked at
  static constexpr std::size_t kMostDiscarded = 500;  // of one partition: each batch of its readers asks for them
  Parking(Store& store, Keys keys, Committer& committer, const Applier& applier, std::string log_topic);

  // By partition and offset, behind `after`, at most `count`.
  Result<std::vector<ParkedChild>> List(std::optional<ParkedAt> after, std::size_t count, Deadline deadline);
  Result<ParkedChild> Find(ParkedAt at, Deadline deadline);  // kNotFound

  // Both wait, until the deadline at most, for what becomes of the child.
  Result<AfterParking> Replay(ParkedAt at, Deadline deadline);
  Result<AfterParking> AfterDiscard(const Committed& committed, Deadline deadline);
  struct Why {
    int reason = 0;         // operations.v1.DiscardReason
    std::string reference;  // of a ticket
  };
  Result<Committed> Discard(const Command& command, ParkedAt at, const Why& why, Deadline deadline);

 private:
  struct Nothing {};
  Status Complete(ParkedChild& child, Deadline deadline);
  Status Proven(const ParkedChild& child, const std::string& service, Deadline deadline);
  Result<AfterParking> Await(int partition, const std::string& child, std::optional<std::int64_t> not_yet,
                             Deadline deadline);
  Store& store_;
  Keys keys_;
  Committer& committer_;
  const Applier& applier_;
  std::string log_topic_;
  Children<Nothing> streams_;
};

}  // namespace stafett::gate
