// What comes back to a log that lost its tail, and where each record goes. Pure.
//
// Offsets are places in one partition of one topic. Known: every entry of an outbox that Kafka had acknowledged, with
// its place then, and every record that a service has taken, with the place it took it from.
//
//   the log was        a b c d e f          known: all of it
//   its tail is lost   a b c
//   nobody wrote       a b c|d e f          each at its own place: what services hold of places and order stays true
//   somebody wrote     a b c x y|d e f      x, y stand there already; the lost come behind, in their order
//   a place unknown    a b c|d d'e f        a repeat of what stands before keeps the others at theirs; readers drop it
//
// In the end the log reaches at least as far as anybody knew: no place is given twice (else what comes later would
// seem to lie before what services took from there).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace stafett::auditor::domain {

// An entry of an outbox. Repeats of a record have the same id: its stream and version.
struct Kept {
  std::string service;
  std::uint64_t number = 0;
  std::string id;
  std::optional<std::int64_t> offset;  // nothing: not acknowledged, perhaps never sent
};

class Repair {
 public:
  explicit Repair(std::vector<Kept> kept);

  // Where the log is to be met from, every record up to its end; nothing: no place is known, nothing can be lost.
  std::optional<std::int64_t> From() const;
  void Meet(std::int64_t offset, const std::string& id);  // in order
  void End(std::int64_t end);

  // The first known place where the log is not as it was; its end if it is.
  std::int64_t Cut() const { return cut_; }
  // Readers take it again from here, and drop what they have: what was written behind a lost tail may stand, unseen, at
  // places that they have passed, before the first one that is known to differ.
  std::int64_t ReadAgainFrom() const { return From().value_or(cut_) < cut_ ? *From() : cut_; }
  // What stands behind the cut, and not where it was acknowledged: an entry and its place now.
  std::vector<std::pair<const Kept*, std::int64_t>> Moved() const;
  // Which are not in the log behind the cut, as far as is known: with a place behind it, or with none.
  std::vector<Kept> Lost() const;
  // A service took a record with this id from this place.
  void Taken(const std::string& id, std::int64_t offset);
  // What anybody knows of the log's end before the loss: a mark, the place behind an acknowledged record.
  void Reached(std::int64_t end);

  struct Step {
    std::int64_t offset = 0;
    // nullptr: a repeat of what stands before it; of the first entry if nothing does; of the oldest if there is none
    const Kept* entry = nullptr;
  };
  // In order, from the log's end on; one record each. What has no place at all is left to its relay.
  std::vector<Step> Steps() const;
  // With what a log is begun again of which nothing was acknowledged, and which somebody had read: what would be sent
  // next. nullptr: nothing is kept.
  const Kept* Oldest() const { return kept_.empty() ? nullptr : &kept_.front(); }

 private:
  std::vector<Kept> kept_;
  std::map<std::int64_t, std::set<std::string>> at_;      // known places
  std::map<std::string, std::set<std::int64_t>> behind_;  // ids met from the cut on, and where
  std::map<std::string, std::int64_t> first_;             // id -> the first place known
  bool differs_ = false;
  std::int64_t cut_ = 0, end_ = 0, reached_ = 0;
};

}  // namespace stafett::auditor::domain
