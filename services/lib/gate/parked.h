// What is set aside (parked) of a child, and which records are left out for good: as values, their text in the store,
// and the writes that belong together. Pure. Who parks is the Tailer; operators come by parking.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/gate/envelope.h"
#include "lib/gate/keys.h"
#include "lib/gate/store.h"

namespace stafett::gate {

inline constexpr char kGap[] = "GAP";
inline constexpr char kUnreadable[] = "UNREADABLE";

// The record for which a child was set aside: of its other records, those behind it wait.
struct Parked {
  std::string why;  // kGap, kUnreadable, or the reason with which the service refused it
  std::int64_t offset = -1;
  std::string stream;  // empty: unreadable, as are the next two
  std::uint64_t version = 0;
  std::string type;
  Time appended;
  std::string mark = "log";  // of the topic
  std::string digest;        // of the record's bytes; empty: parked by an earlier version
};
Parked ParkedBecause(std::string why, const Envelope* e, std::int64_t offset, Time appended, std::string mark,
                     std::string_view record);
// Of log lines about a record that was set aside: the same in every service, and nobody has to remember it.
std::string TraceIdOf(int partition, const Parked& parked);
// One line of words; the first two are why and offset.
std::string EncodeParked(const Parked& parked);
std::optional<Parked> DecodeParked(std::string_view text);

// What waits of a child, itself included: member of a sorted set, by offset. The records are on the log.
std::string EncodeWaiting(std::int64_t offset, const Envelope* e);
struct Waiting {
  std::int64_t offset = -1;
  std::string stream;  // empty: unreadable
  std::uint64_t version = 0;
};
Waiting DecodeWaiting(std::string_view text);

// ---- left out for good ------------------------------------------------------------------------------------------

inline constexpr char kDiscardedType[] = "no.stafett.operations.record-discarded.v1";

struct Discarded {
  std::int64_t offset = -1;
  std::string stream;
  std::uint64_t version = 0;
  std::string type, child, digest, why;
  int reason = 0;         // operations.v1.DiscardReason
  std::string reference;  // of a ticket
  std::uint64_t own_records = 0;
};
std::string EncodeDiscarded(const Discarded& d);
Result<Discarded> DecodeDiscarded(const std::string& bytes);

// Stands for "no child" in the stream of what was discarded of a partition: "cases/parking-03".
std::string ParkingStream(int partition);
// What a discarded record is known by: stream and version wherever it stands, or its place if nobody can read it.
std::string DiscardedAs(const std::string& stream, std::uint64_t version, std::int64_t offset);
std::string DigestOf(std::string_view record);

// What is remembered of it: by the service itself, and by the others, who learn what it says of its own records.
Write Discards(const Keys& keys, int partition, const Discarded& d);
Write Vouches(const Keys& keys, int partition, const std::string& service, const Discarded& d);
// The hash field of a Vouches; and how many own records its value speaks of, if it is about these bytes.
std::string VouchedBy(const std::string& service, std::int64_t offset);
std::optional<std::uint64_t> Vouched(std::string_view value, const std::string& digest);

// The child goes on from where it was parked: marks and fence go back to there, as what is read again is derived again,
// and the view is not fresh before that has come to the log's end. Before the Outbox writes of the same transaction.
std::vector<Write> GoOn(const Keys& keys, int partition, const std::string& child, std::int64_t offset);

}  // namespace stafett::gate
