// Reads the log back and compares it with the outboxes, byte by byte: only what was seen there with own eyes counts as
// verified. Then asks whether every service that has read past a record has taken it: a tail that was lost and written
// over before anybody looked leaves records that a reader, standing further on, never saw. And the newest that was
// verified is looked at again whenever the log has grown: a loss that goes back behind it, written over before anybody
// looked, would otherwise lie where nobody looks any more. Trims outboxes, and nobody else does: what is verified, was
// taken by all, was acknowledged longer ago than `keep`, and is not that newest one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "auditor/adapters/outboxes.h"
#include "auditor/adapters/topic.h"

namespace stafett::auditor::adapters {

struct Compared {
  std::uint64_t same = 0;
  std::uint64_t other = 0;    // another record stands at the entry's place
  std::uint64_t damaged = 0;  // the same record stands there, with other bytes; or the outbox has lost the entry
  std::uint64_t missing = 0;  // none does
  std::uint64_t unread = 0;   // of topics that the auditor may not read: keys, identities, recipients'
  std::uint64_t mended = 0;   // of all these: Redis had garbled the entry; compared as the service's own list has it
  bool more = false;          // there was more than fits into one round
  bool Well() const { return other + damaged + missing == 0; }
  Compared& operator+=(const Compared& next);  // `more` is the last one's
};

struct Behind {
  std::uint64_t entries = 0;  // acknowledged, not yet verified
  Millis oldest{0};           // since it was noted
};

// One owner thread.
class Audit {
 public:
  // `topics`: those that are compared, by name; `log`: the one that all services read.
  Audit(gate::Store& store, gate::Keys own, std::vector<gate::Keys> services, std::map<std::string, Topic*> topics,
        std::string log, Millis keep);

  // Compares what was acknowledged since the last round, and moves the verified mark over what is the same.
  Result<Compared> Look(int partition, const Beat& beat);
  // How many records somebody has passed and not taken; moves the taken mark if there are none. A child that is set
  // aside is known as that, and does not count, but for the record that closes its gap.
  Result<std::uint64_t> LookWhoTook(int partition, const Beat& beat);
  // The same as Look with all that the outboxes hold, verified before or not; moves nothing.
  Result<Compared> LookAtAll(int partition, const Beat& beat);
  // How many entries were taken away.
  Result<std::uint64_t> Trim(int partition, const Beat& beat);
  Result<Behind> HowFarBehind(int partition);

 private:
  struct Position {
    std::string text;  // as stored
    std::uint64_t number = 0;
    gate::StreamPlace place;
  };
  // The entry that stands highest in a topic, of those that were verified.
  struct Newest {
    std::string service;
    std::uint64_t number = 0;
    std::int64_t place = 0;
  };
  struct Wanted;
  struct Round;
  struct Passed;
  using KeyOf = std::string (*)(const gate::Keys& own, int partition, const std::string& service);
  Result<std::vector<Position>> Positions(int partition, KeyOf key, std::vector<gate::Get> more, gate::Answer& answer);
  Status Move(int partition, KeyOf key, std::uint64_t generation, const std::vector<Position>& before,
              const std::vector<Position>& after, std::vector<gate::Write> more = {});
  // What this service had acknowledged behind the position, in order: each with its place now, and the entry unless the
  // outbox has lost it. The position moves over all for which it is true. True: there was more than one round takes.
  using Visit = std::function<bool(const domain::Note& note, std::int64_t place, const Entry* entry)>;
  Result<bool> Walk(int partition, const gate::Keys& of, Position& position, const Visit& visit);
  Status GatherPassed(int partition, std::size_t service, const gate::Answer& marks, Position& position,
                      std::vector<Passed>& passed);
  Status Compare(int partition, std::vector<Position>& positions, const std::map<std::string, Newest>& newest,
                 Round& round, const Beat& beat);
  Status Gather(int partition, std::size_t service, Position& position, Round& round);
  std::vector<gate::Get> NewestGets(int partition) const;
  std::map<std::string, Newest> NewestOf(const gate::Answer& answer) const;
  Status LookAgain(int partition, const std::map<std::string, Newest>& newest, Round& round);

  gate::Store& store_;
  gate::Keys own_;
  std::vector<gate::Keys> services_;
  std::map<std::string, Topic*> topics_;
  std::string log_;
  Millis keep_;
  Outboxes outboxes_;
  std::map<std::pair<int, std::string>, std::int64_t> ends_;  // of partition and topic, when its newest was last found
};

}  // namespace stafett::auditor::adapters
