// The atomic store under the gate: a transaction is a list of guards and a list of writes, and it happens whole or
// not at all. The real one is Redis with one Lua script (redis_store.h); the fake is memory_store.h; one suite runs
// over both (tests/contract/store_suite.h).
//
// Why a list and not one script per service: Lua does not roll back, so every check must stand before the first
// write. Here that is so by construction, for every service, and the script knows no policy.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::gate {

// ---- reading: several keys in one atomic step, with the store's time -------------------------------------------

struct Get {
  enum class Kind { kString, kList, kListAt, kLength, kHash, kHashField, kHashFields, kSorted, kDue, kAfter };
  Kind kind;
  std::string key;
  std::int64_t from = 0;                 // kList: first index wanted; kListAt: the index; kSorted: from this rank
  std::int64_t count = 0;                // kSorted, kDue, kAfter, kList: how many; kList: 0 means all
  std::string field;                     // kHashField; kAfter: the member
  std::vector<std::string> fields = {};  // kHashFields

  static Get String(std::string key) { return {Kind::kString, std::move(key), 0, 0, {}}; }
  static Get List(std::string key, std::int64_t from) { return {Kind::kList, std::move(key), from, 0, {}}; }
  // At most `n` elements from index `from` on.
  static Get ListPart(std::string key, std::int64_t from, std::int64_t n) {
    return {Kind::kList, std::move(key), from, n, {}};
  }
  static Get ListAt(std::string key, std::int64_t index) { return {Kind::kListAt, std::move(key), index, 0, {}}; }
  static Get Length(std::string key) { return {Kind::kLength, std::move(key), 0, 0, {}}; }
  static Get Hash(std::string key) { return {Kind::kHash, std::move(key), 0, 0, {}}; }
  static Get HashField(std::string key, std::string field) {
    return {Kind::kHashField, std::move(key), 0, 0, std::move(field)};
  }
  // The values of these fields, in their order; empty where there is none. At most 1,000.
  static Get HashFields(std::string key, std::vector<std::string> fields) {
    return {Kind::kHashFields, std::move(key), 0, 0, {}, std::move(fields)};
  }
  static Get Sorted(std::string key, std::int64_t from, std::int64_t count) {
    return {Kind::kSorted, std::move(key), from, count, {}};
  }
  // At most `count` members of a sorted set whose scores, as times, the store's clock has reached; the oldest first.
  static Get Due(std::string key, std::int64_t count) { return {Kind::kDue, std::move(key), 0, count, {}}; }
  // At most `count` members of a sorted set, all of one score, that come behind `member` in the order of their bytes;
  // empty: from the first.
  static Get After(std::string key, std::string member, std::int64_t count) {
    return {Kind::kAfter, std::move(key), 0, count, std::move(member)};
  }
};

struct Value {
  bool present = false;  // kString, kHashField, kListAt: the key, field or element exists
  std::string string;
  std::int64_t number = 0;  // kLength
  // kList; kHash: field, value, field, value…; kSorted, kDue, kAfter: members in order
  // kHashFields: values
  std::vector<std::string> list;
};

struct Answer {
  Time now;                   // max(store's clock, highest time ever written): never falls
  Time clock;                 // the store's clock itself, which an operator may set back; for freshness only
  std::vector<Value> values;  // one per Get
};

// ---- writing ----------------------------------------------------------------------------------------------------

struct Guard {
  enum class Kind {
    kAbsent,       // key does not exist
    kLength,       // list has exactly `number` elements (absent: 0)
    kEquals,       // string is exactly `value` ("" also matches absent)
    kOutboxBelow,  // fewer than `number` entries of the outbox are unacknowledged (`value`: the acked key)
    kFreshWithin,  // the number stored at key is at most `number` ms before the store's clock; absent, or a time
                   // that is yet to come (the clock was set back), fails
    kFieldAbsent,  // hash has no field `value`
    kFieldEquals,  // hash has a field `field` that is exactly `value`
    kNotBefore,    // store's time is at least `number` ms: decided on a time that has come
  };
  Kind kind;
  std::string key;
  std::string value;
  std::int64_t number = 0;
  std::string field = {};

  static Guard Absent(std::string key) { return {Kind::kAbsent, std::move(key), {}, 0}; }
  static Guard Length(std::string key, std::uint64_t n) {
    return {Kind::kLength, std::move(key), {}, static_cast<std::int64_t>(n)};
  }
  static Guard Equals(std::string key, std::string value) {
    return {Kind::kEquals, std::move(key), std::move(value), 0};
  }
  static Guard OutboxBelow(std::string outbox, std::string acked, std::int64_t n) {
    return {Kind::kOutboxBelow, std::move(outbox), std::move(acked), n};
  }
  static Guard FreshWithin(std::string key, Millis age) {
    return {Kind::kFreshWithin, std::move(key), {}, age.count()};
  }
  static Guard FieldAbsent(std::string key, std::string field) {
    return {Kind::kFieldAbsent, std::move(key), std::move(field), 0};
  }
  static Guard FieldEquals(std::string key, std::string field, std::string value) {
    return {Kind::kFieldEquals, std::move(key), std::move(value), 0, std::move(field)};
  }
  static Guard NotBefore(std::string clock_key, Time t) { return {Kind::kNotBefore, std::move(clock_key), {}, t.ms}; }
};

// One write. Built by the named functions only; `args` go to the script as they are.
struct Write {
  std::string op;
  std::vector<std::string> args;

  // One transaction holds at most some 3,000 elements of one list (Lua's stack), whether pushed one by one or not.
  static Write Push(std::string key, std::string value);
  static Write Set(std::string key, std::string value);
  static Write SetFor(std::string key, std::string value, Millis ttl);
  // The key, whatever it holds, is there for so long from now on; nothing if there is none.
  static Write Expire(std::string key, Millis ttl);
  static Write Delete(std::string key);
  static Write HashSet(std::string key, std::string field, std::string value);
  // Several fields of one hash: field, value, field, value…
  static Write HashSetAll(std::string key, std::vector<std::string> pairs);
  static Write HashDelete(std::string key, std::string field);
  static Write SortedAdd(std::string key, std::int64_t score, std::string member);
  // The same, but a member that is there already is never moved to a higher score: "look at it then, or before".
  static Write SortedSooner(std::string key, std::int64_t score, std::string member);
  static Write SortedRemove(std::string key, std::string member);
  // `member` stands, with score 0, in the sorted sets "<key>:<name>" of these names, and what this field of the hash
  // stood for before stands in none any more. No names: in none. So an index whose entries move is written, and
  // restored, without a look at where they stood.
  static Write Place(std::string key, std::string field, std::string member, const std::vector<std::string>& names);
  // The number at key, never falling.
  static Write Max(std::string key, std::int64_t n);
  // Store's clock in ms at key.
  static Write Stamp(std::string key);
  // Appends to an outbox; entries are numbered 1, 2, 3… without a gap. The entry also gets the value at `mark_key` at
  // this moment (field "o"): the input offset below which nothing behind this entry was caused. Put it before the write
  // that moves the mark. An empty value is sent as a tombstone.
  static Write Outbox(std::string key, std::string mark_key, std::string topic, std::string record_key,
                      std::string value, std::string headers);
  // Remembers a command's outcome with the number of the last outbox entry that this transaction appended: a string
  // of lines, number, partition, child, version, hash.
  static Write Remember(std::string key, Millis ttl, std::string hash, int partition, std::string child,
                        std::uint64_t version);
  // Appends text (outbox number and offset of each entry) to the ack stream.
  static Write AckLog(std::string ack_stream, std::string pairs);
  // Takes away all entries of a stream before `first_kept` (StreamPlace::Id). Their numbers are not given again.
  static Write Trim(std::string stream, std::string first_kept);
  // fence := max(fence, "o" of the first outbox entry behind acked; the mark if there is none). Where the mark was set
  // back (Rewind), entries from then on count too as long as any from before is not acknowledged.
  static Write Fence(std::string fence, std::string outbox, std::string acked, std::string mark);
  // A mark that is above `to` is set back to it, and the fence with it: what is read again is derived, and to be
  // acknowledged, anew. Nothing otherwise. Put it before the Outbox writes of the same transaction. How often it was
  // set back is counted at RewindsOf(mark): a mark that stands where it stood is not the same mark.
  static Write Rewind(std::string mark, std::int64_t to, std::string fence, std::string outbox);
  // Takes or renews a lease if it is free or ours; no effect otherwise (read it to see whose it is).
  static Write Lease(std::string key, std::string owner, Millis ttl);
  static Write Release(std::string key, std::string owner);
};

// Writes that do the same in fewer steps: what is pushed to one list, set in one hash or sorted set, is one write, and
// so are values of several keys ("mset").
// Order is kept wherever it can be seen. For transactions of hundreds of writes, where the store's one thread is what
// all wait for.
std::vector<Write> Joined(std::vector<Write> writes);

inline std::string RewindsOf(const std::string& mark_key) { return mark_key + ":rewinds"; }

struct Transaction {
  std::vector<Guard> guards;
  std::vector<Write> writes;
  // The Store::Generation() of what it was decided on: it happens only in that one (else kUnavailable, nothing done).
  // 0: in any, for what needs no earlier reading.
  std::uint64_t generation = 0;
};

struct Outcome {
  bool done = false;
  Time now;
  std::size_t failed_guard = 0;       // index, when !done
  std::vector<std::uint64_t> outbox;  // numbers of the Outbox writes, in order, when done
};

// ---- streams ----------------------------------------------------------------------------------------------------

struct StreamEntry {
  std::string stream;
  std::string id;
  std::vector<std::pair<std::string, std::string>> fields;
};

// Follows streams by id; waits for new entries. One owner thread each.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  // Entries behind `positions` (stream, id; "$": behind the end as it is now), at most `max` per stream, waiting up to
  // `wait` for the first.
  virtual Result<std::vector<StreamEntry>> Read(const std::vector<std::pair<std::string, std::string>>& positions,
                                                std::size_t max, Millis wait) = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Result<Answer> Read(const std::vector<Get>& gets, Deadline deadline) = 0;
  // kUnknownOutcome: it may or may not have happened; read before trying again.
  virtual Result<Outcome> Run(const Transaction& tx, Deadline deadline) = 0;
  virtual std::unique_ptr<StreamReader> OpenStreams() = 0;
  // Grows whenever the store may be another one or may have lost its end (another server process, or this one lost
  // data): what was read before is not to be trusted, and nothing decided on it may be written (Transaction). 0: never
  // connected.
  virtual std::uint64_t Generation() const = 0;
  virtual bool Connected() const = 0;
};

// The place of an entry in its stream. In an outbox the first part is the entry's number; in an ack stream it is when
// it was noted, in ms by the store's own clock (no test clock).
struct StreamPlace {
  std::uint64_t first = 0, second = 0;
  static StreamPlace Of(std::string_view id);
  std::string Id() const { return std::to_string(first) + "-" + std::to_string(second); }
  auto operator<=>(const StreamPlace&) const = default;
};
// The number of an outbox entry from its stream id "<number>-0", and back.
std::uint64_t OutboxNumber(std::string_view stream_id);
std::string OutboxId(std::uint64_t number);

}  // namespace stafett::gate
