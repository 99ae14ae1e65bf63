// The second of the two verbs: Apply(records). Reads a topic partition from the mark on and writes, in one step
// guarded by the mark: inputs, restored own records, what the service derives, and the mark itself. Two copies may
// read the same records; one wins, the other starts again from the mark it finds.
//
// What a record can be:
//   own, version <= stored   what we wrote: nothing to do. Other bytes than stored: the log and the store part ways
//                            (FORK), and the partition is halted
//   own, version == stored+1 the store has lost it (empty or older Redis): restored, with its remembered request_id
//   own, version  > stored+1 the log has a hole before it: the partition is halted, unless it is filled further on
//   foreign, taken already   a repeat (zombie relay): dropped by its version
//   foreign, next            taken; the service may react
//   foreign, behind a gap    the child is parked: kept aside in order, said so by a metric; others go on. When the
//   record
//                            that was missing comes after all (a tail that was lost and written again behind others),
//                            it is taken, and the log is read again from where the child was parked
//   unreadable               its key's child is parked
//   discarded                left out, for good (parked.h); what waits behind it goes on
//
// Whenever a partition is taken up and the mark is not at the log's end, a first pass restores own records only, and
// only then foreign ones are taken: an own record that lies behind a foreign one in the log may be the very reaction
// to it, or a command that raced with it. So a rebuild never reacts to what had been reacted to, or had been looked at
// and left alone: own records say how many inputs they follow (Envelope::inputs), and inputs up to the highest such
// number are taken without asking the service again. A topic of own records alone gets such a pass when one is missing.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/executor.h"
#include "lib/base/heartbeat.h"
#include "lib/gate/commit.h"
#include "lib/gate/envelope.h"
#include "lib/gate/keys.h"
#include "lib/gate/parked.h"
#include "lib/gate/patience.h"
#include "lib/gate/ports.h"
#include "lib/gate/shards.h"
#include "lib/gate/store.h"

namespace stafett::gate {

// What a service derives from one record, perhaps nothing: guarded by the lengths of the child's lists that it was
// decided on (before this record), and written together with it. The target is of the same partition, and of the same
// child unless the record is about none.
struct Reaction {
  Target target;
  std::uint64_t own = 0;
  std::uint64_t inputs = 0;
  Proposal proposal;
  // Cause and actor of the derived events. Its request_id has no scope and is not remembered: nobody sends it again,
  // and the mark alone says whether it was done.
  Command command;
};

class Applier {
 public:
  virtual ~Applier() = default;
  // Is a record of this type (of another service) kept for the child?
  virtual bool Takes(const Envelope& e) const = 0;
  // May this record lead to a Reaction? Then nothing else about its child is in the same step, and it is kept whatever
  // Takes says.
  virtual bool Reacts(const Envelope& e) const = 0;
  // React (or Restore, if `restoring`) will be asked about these children of the partition next: what has to be read
  // for that, all at once; and about none that it was told of before, so that nothing is decided on what was read for
  // another batch. Perhaps about none at all. A hint; what it reads may be old by then, and the guards see to that. One
  // thread at a time and partition.
  virtual void Expect(int /*partition*/, const std::vector<std::string>& /*children*/, bool /*restoring*/) {}
  // kUnavailable: try again later (the child's key has not come yet); the rest of the partition waits, until `patience`
  // is over and the child is parked. Nothing to say, because of what was read: a Reaction without events, so that the
  // lengths are guarded all the same. Pure but for reading the child. Its guards may not rest on what other reactions
  // write: several may happen in one step. Different partitions at once, on threads of the tailer.
  virtual Result<std::optional<Reaction>> React(int partition, const Envelope& e, const kafka::Record& record) = 0;
  // Writes that a restored own record implies beyond its list (indexes). May be asked again for the same record.
  virtual Result<std::vector<Write>> Restore(int partition, const Envelope& e) = 0;
  // Writes for a record of another service that is taken, in the same step; pure. Also asked again in a rebuild, where
  // own records have come before.
  virtual std::vector<Write> Taken(int /*partition*/, const Envelope& /*e*/) { return {}; }
  // May a record of this type, which could not be handled, be left out for good? Only where that opens nothing to
  // anybody and stops nothing that others rely on. Default deny: whoever is asked first has thought of none.
  virtual bool MayDiscard(const std::string& /*type*/) const { return false; }
  // Services whose records about a child must not be missed by this one. What nobody can read is left out only when
  // each of them has said that it was none of its own.
  virtual std::vector<std::string> RestsOn() const = 0;
  // Writes for an own record at its place in the log, stored before or restored just now: for what takes effect from
  // an offset on (a policy). They are made once, in the step that moves the mark past the record: not in the first
  // pass, which may be ahead of the mark or long behind it, and not where a zombie relay repeats the record.
  virtual std::vector<Write> Passed(int /*partition*/, const Envelope& /*e*/) { return {}; }
};

class Tailer {
 public:
  static constexpr Millis kPatience{5000};  // with a record that can not be handled (design §3.6)
  // `mark`: name of the mark ("log", "ledger"). `wait_for`: this tailer stands still until it returns true.
  Tailer(Store& store, Keys keys, Shards& shards, MakeReader make, std::string topic, std::string mark,
         Applier& applier, const Committer& committer, std::function<bool()> wait_for = nullptr,
         Millis patience = kPatience);
  ~Tailer();
  // Told, on threads of the reader, of each child that is parked. Before Start.
  void OnParked(std::function<void(int partition, const Parked&)> told) { told_ = std::move(told); }
  void Start(const Beats& beats = {});
  void Stop();
  struct Stats {
    std::uint64_t applied = 0, restored = 0, dropped = 0, parked = 0, conflicts = 0, retries = 0;
    std::uint64_t passed = 0;  // records, in whichever pass
    std::uint64_t left = 0;    // to be passed, up to the ends that were met when partitions were taken up
  };
  Stats GetStats() const;
  // One round of the thread's loop; for simulations, instead of Start. Whatever is read is applied at once.
  void TurnForTest() {
    (void)Turn(Millis(0), [] {});
  }

 private:
  // A partition that is followed.
  struct Part {
    std::int64_t next = 0;
    std::int64_t from = 0;   // the mark that it began at
    std::int64_t end = 0;    // of the partition, when it was taken up
    bool restoring = false;  // the first pass, up to that end, which neither reads nor moves the mark…
    // Own records before this place were given to the store by the first pass, or compared with it.
    std::int64_t proven = 0;
    bool compares = true;       // the first pass asks for what is stored: not while it finds nothing to compare with
    bool holes = false;         // before own records that this pass has left out…
    bool restored = false;      // …and it restored others: another pass may fill them
    bool look_ahead = false;    // own records are missing here: another such pass from the mark on…
    bool looked_ahead = false;  // …which was made, and nothing has been applied since
    bool raced = false;         // a transaction failed at another guard than the mark
    bool rewound = false;       // the mark was set back: read again from there
    bool again = true;          // to be assigned anew from the mark…
    SteadyTime not_before;      // …but not at once
    Patience patience;          // with the record that it stands before
    std::vector<kafka::Record> idle;  // read, not applied yet: nothing but the mark would move
    SteadyTime idle_since;
  };
  class Questions;
  struct Item;
  struct Batch;

  Millis Turn(Millis wait, const Beat& beat);  // how long to pause then
  bool Assign(const std::set<int>& held, const Beat& beat);
  // All records of one partition, transaction after transaction.
  void ApplyAll(int p, Part& part, std::span<const kafka::Record> records, const Beat& beat);
  bool Idle(const Part& part, const kafka::Record& record) const;
  // Applies a prefix of `records` of one partition; how many were applied (0: conflict or not now).
  std::size_t Apply(int p, Part& part, std::span<const kafka::Record> records);
  std::vector<Item> Look(int p, const Part& part, std::span<const kafka::Record> records, Questions& ask) const;
  void Expect(int p, const Part& part, const std::vector<Item>& items, const Answer& read);
  enum class Took { kYes, kNoYet, kStop };
  Took Own(int p, Part& part, const kafka::Record& record, const Item& item, const Answer& read, Batch& batch);
  bool End(int p, const Part& part, const Item& item, const Answer& read, Batch& batch) const;
  void Resume(int p, const std::string& child, std::int64_t offset, Batch& batch) const;
  void Unread(int p, const kafka::Record& record, const Item& item, const Answer& read, Batch& batch) const;
  bool IsDiscarded(const kafka::Record& record, const Item& item, const Answer& read) const;
  void Pass(int p, const Part& part, const Item& item, const Answer& read, Batch& batch);
  Took Foreign(int p, Part& part, const kafka::Record& record, const Item& item, const Answer& read, Batch& batch);
  Status React(int p, const kafka::Record& record, const Item& item, Batch& batch);
  std::uint64_t Left() const;
  // Whose mark was set back (the log was mended behind it) is read again from there.
  void Rewind();
  void NotThere(int p);
  void Park(int p, const kafka::Record& record, const Item& item, const Answer& read, const std::string& why,
            Batch& batch) const;

  Store& store_;
  Keys keys_;
  Shards& shards_;
  MakeReader make_;
  std::string topic_;
  std::string mark_;
  Applier& applier_;
  const Committer& committer_;
  std::function<bool()> wait_for_;
  std::function<void(int, const Parked&)> told_;
  const Millis patience_;
  std::unique_ptr<LogReader> reader_;
  std::map<int, Part> parts_;
  std::uint64_t generation_ = 0;
  SteadyTime looked_;                  // at the marks, while nothing came
  std::unique_ptr<Executor> workers_;  // partitions do not wait for each other; none in a simulation
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> applied_{0}, restored_{0}, dropped_{0}, parked_{0}, conflicts_{0}, retries_{0};
  std::atomic<std::uint64_t> passed_{0}, left_{0};
  std::thread thread_;
};

}  // namespace stafett::gate
