// Says on the log, in clear, which deliveries are to be stored by whom since when, for escalation to watch over; and
// that nobody waits any more. Any number of copies may do it at once.
//
// The words are no part of the step that decides or confirms. They are the difference between two things that are both
// restored from Kafka: what the child's view says is to be stored (log and ledger), and what the words on the log say
// (the stream "receipts-<child>"). So whatever was lost, repeated or overtaken in between, the next look says what is
// missing (services/decisions/0011).
//
//   none forgotten  every ledger record puts its child into the sorted set "receipts" in the same step, a rebuild too;
//                   it leaves the set only in a step guarded by the lengths of the lists that the look rested on.
//   once            a word is written in a step guarded by the same lengths and by that of its own stream: of two
//                   copies one wins. Nothing is said that has been said.
//   little          what is stored within kGrace is never spoken of: what goes well costs no record, and escalation,
//                   which counts from the moment when it is said, is no more than that late.
//
// A look also notes how many of the child's deliveries stand where and whose lie untouched, for the metrics and for
// officers: those nobody touches count too.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "disclosure/domain/view.h"
#include "lib/base/heartbeat.h"
#include "lib/gate/children.h"
#include "lib/gate/commit.h"
#include "lib/telemetry/metrics.h"
#include "lib/tenants/tenants.h"

namespace stafett::disclosure::adapters {

// The words about a child that stand open, by id: a fold over its stream of them.
using Words = std::map<std::string, Awaited>;
std::string ReceiptsStream(const std::string& child);  // "receipts-<child>"

// What a look at a child finds.
struct Standing {
  std::vector<Awaited> words;  // to be said now
  std::optional<Time> again;   // when there may be more to say though nothing happens
  struct Count {
    int deliveries = 0;
    Time oldest;
  };
  std::map<domain::DeliveryState, Count> waiting;  // for a next step that is due
  std::map<std::string, Time> untouched;           // by recipient: since when the oldest lies there, signalled alone
  bool any = false;                                // those, or what other files may say is waited for
};
// `receipts`: what the recipient's system can tell; nullptr: no file knows it.
using ReceiptsOf = std::function<const std::vector<tenants::Receipt>*(const std::string& recipient)>;
Standing Look(const domain::View& view, const Words& said, const ReceiptsOf& receipts, Time now);

class AwaitedReceipts {
 public:
  static constexpr Millis kEvery{250};
  static constexpr Millis kGrace{2000};
  static constexpr std::int64_t kBatch = 64;    // children of a partition in one round
  static constexpr std::size_t kTogether = 32;  // in one step: the store does nothing else meanwhile
  // A recipient that leaves something untouched for so long is silent: over a day, whatever its hours are.
  static constexpr Millis kSilent{24 * 3600'000};
  static constexpr Millis kRetry{10'000};  // before a child is looked at again that could not be

  struct Options {
    std::function<std::optional<std::set<int>>()> partitions;  // to look after; nothing while the gate is closed
    std::string log_topic;
    ReceiptsOf receipts;
    std::string files;  // names the controllers' files: their hash. With other files all are looked at again
  };
  AwaitedReceipts(gate::Children<domain::View>& views, gate::Committer& committer, telemetry::Metrics& metrics,
                  Options options);
  ~AwaitedReceipts();
  void Start(const Beats& beats = {});
  void Stop();
  // One round. True: there may be more to do at once.
  bool Turn();

  // Part of every step that writes a ledger record, or restores a record of this service about the child.
  static gate::Write LookAgain(const gate::Keys& keys, int partition, const std::string& child, Time happened) {
    return gate::Write::SortedSooner(DueKey(keys, partition), happened.ms + kGrace.count(), child);
  }
  static std::string DueKey(const gate::Keys& keys, int partition) { return keys.Index(partition, "receipts"); }
  // By recipient, of all children: since when the oldest lies untouched.
  static Result<std::map<std::string, Time>> Untouched(gate::Store& store, const gate::Keys& keys, Deadline deadline);
  // Hash: child -> its Standing::waiting and untouched; only children that have some.
  static std::string WaitingKey(const gate::Keys& keys, int partition) { return keys.Index(partition, "deliveries"); }

 private:
  enum class Looked { kSettled, kSaid, kConflict, kFailed };
  // In one step, or none of them.
  Looked LookAt(int partition, const std::vector<std::string>& children);
  Status NoteDown(int partition, const std::string& child, const gate::Loaded<domain::View>& view,
                  const gate::Loaded<Words>& said, gate::Transaction& tx, bool& says) const;
  Status AllAgain(int partition);
  void Count();

  gate::Children<domain::View>& views_;
  gate::Committer& committer_;
  gate::Children<Words> words_;
  Options options_;
  std::map<domain::DeliveryState, prometheus::Gauge*> waiting_, oldest_;
  prometheus::Gauge* silent_;
  SteadyTime counted_{};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::disclosure::adapters
