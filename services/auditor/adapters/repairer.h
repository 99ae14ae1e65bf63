// Mends a partition whose log lost its tail (design §3.7): what services keep of it is published again, each record at
// its own place if that is free, and readers go back to before the loss. Whatever was decided stays decided: they drop
// what they have by its version.
//
// Interleavings that it survives (tests/unit/auditor/adapters/repairer_test.cc; the tail is that of
// tests/e2e/test_tail.py):
//   M1 a relay that has not heard of the halt writes meanwhile   -> a record is acknowledged at another place than
//                                                                   planned: begun again on the log as it is then
//   M2 two auditors at once, or one that died in the middle      -> the same; what stands there already is not lost
//   M3 a reader that has not heard of the halt takes something   -> its mark is another one: nothing is set back, again
//   M4 others wrote behind the lost tail before anybody looked   -> the lost comes behind it, in its order; readers
//                                                                   begin where the log is known to be as it was
//   M5 an entry landed, was taken, and was never acknowledged    -> its place is known from who took it
//   M6 the store is another one than at the beginning            -> nothing is written (Transaction::generation)
//   M7 as M4, until the log is longer than anybody knew it       -> the newest that was verified is looked at again
#pragma once

#include <map>
#include <string>
#include <vector>

#include "auditor/adapters/outboxes.h"
#include "auditor/adapters/topic.h"
#include "auditor/domain/repair.h"

namespace stafett::auditor::adapters {

struct Mended {
  std::size_t records = 0;  // published again
  std::size_t repeats = 0;  // of a record before, to keep the others at their places
};

// One owner thread.
class Repairer {
 public:
  // `topics`: by the name of the readers' marks ("log", "ledger"). `own`: the auditor's.
  Repairer(gate::Store& store, gate::Keys own, std::vector<gate::Keys> services, std::map<std::string, Topic*> topics);

  // kAborted: somebody wrote meanwhile, try again. The partition stays as it is, for an operator, with
  // kFailedPrecondition/LOST_BEYOND_REPAIR (what is missing was trimmed from the outboxes) and OUTBOX_DAMAGED.
  Result<Mended> Mend(int partition, const Beat& beat);

 private:
  // From where the topic is to be read again.
  Result<std::int64_t> MendTopic(int partition, const std::string& mark, Topic& topic, const Beat& beat,
                                 Mended& mended);
  Result<std::vector<domain::Kept>> Load(int partition, const Topic& topic, const Beat& beat);
  Status FindPlaces(int partition, const Beat& beat, domain::Repair& repair);
  Result<kafka::Message> EntryOf(int partition, const domain::Kept& kept);
  Status Publish(int partition, Topic& topic, const domain::Repair& repair, const Beat& beat, Mended& mended);
  Status NoteMove(int partition, const domain::Kept& kept, std::int64_t offset);
  Status Resume(int partition, std::uint64_t generation, const std::map<std::string, std::int64_t>& again_from);

  gate::Store& store_;
  gate::Keys own_;
  std::vector<gate::Keys> services_;
  std::map<std::string, Topic*> topics_;
  Outboxes outboxes_;
};

}  // namespace stafett::auditor::adapters
