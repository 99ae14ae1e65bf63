// What must hold, whatever happened: read from the topics alone, with a key of its own, and from what clients and
// recipients were told. It decides nothing by the services' own stores. The names are those of README.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cases/domain/types.h"
#include "consent/domain/types.h"
#include "disclosure/domain/view.h"
#include "escalation/domain/types.h"
#include "lib/gate/commit.h"
#include "lib/gate/envelope.h"
#include "simulation/copies.h"
#include "support/memory_log.h"

namespace stafett::simulation {

struct Violation {
  std::string invariant, what;
};

// A command as its client knows it.
struct Told {
  bool accepted = false;   // answered STORED or PUBLISHED
  bool published = false;  // answered PUBLISHED
  bool refused = false;    // answered with a no that is for good
  bool lost = false;       // accepted, and then the store was lost before it was known to be published
  Kind service{};
  std::vector<std::string> event_ids;
};

// What has happened, by what the invariants speak of: where nothing happens all of them hold.
using Counts = std::map<std::string, std::uint64_t>;

class Invariants {
 public:
  Invariants(const test::MemoryLog& log, const escalation::domain::Plan& plan) : log_(log), plan_(plan) {}
  const std::optional<Violation>& violation() const { return violation_; }
  void Broken(const std::string& invariant, const std::string& what);

  // Reads what has come since the last time; at every step.
  void Scan();

  // ---- what clients are told ----
  Told& Of(const std::string& request) { return told_[request]; }
  const std::map<std::string, Told>& told() const { return told_; }
  void Accepted(const std::string& request, Kind service, const gate::Committed& committed);
  void Published(const std::string& request, const std::vector<std::string>& event_ids);
  void Refused(const std::string& request);
  // ENFORCED was answered for these recipients of a consent, and these reads (ids) are under way. `now`: disclosure's.
  void Enforced(const std::string& consent, const std::vector<std::string>& recipients,
                const std::set<std::string>& reads, Time now);

  // ---- what a recipient gets ----
  struct Read {
    std::string id, recipient;
    std::vector<std::string> consents;
    std::size_t begun = 0;  // how many answers ENFORCED had been given
    Time admitted;
  };
  std::size_t EnforcedSoFar() const { return enforced_.size(); }
  void Fetched(const Read& read, const std::string& child);
  void Ended(const std::string& read) { under_way_.erase(read); }
  void ReadsForgotten() { under_way_.clear(); }  // with their store
  void Confirms(const std::string& delivery, const std::string& digest) { confirms_.insert({delivery, digest}); }

  // ---- at rest ----
  struct Rest {
    std::set<Kind> ever_wiped;
  };
  void AtRest(const Rest& rest);
  // Records of this stream as the topics have them, each once.
  const std::map<std::string, std::vector<std::string>>& streams() const { return streams_; }
  std::size_t Decisions() const { return decided_.size(); }
  const Counts& counts() const { return counts_; }

  // ---- for who plays: children and consents as the log has them by now ----
  struct Child {
    cases::domain::Child cases;
    consent::domain::Child consents;
    escalation::domain::State escalations;                                        // of its own events alone
    std::vector<std::pair<std::int64_t, consent::domain::Event>> consent_events;  // with their offsets
    struct Word {
      std::int64_t appended_ms = 0;
      std::string said_by;  // event id
      Awaited awaited;
    };
    std::map<std::string, std::vector<Word>> words;  // by id of what is waited for, in the log's order
  };
  const std::map<std::string, Child>& children() const { return children_; }
  void ClocksDisagree() { clocks_agree_ = false; }

 private:
  struct Signal {
    std::string delivery, case_ref;
    std::uint64_t epoch = 0, sequence = 0;
    std::int64_t place = 0;
  };
  struct Enforcement {
    std::string consent, recipient;
    std::int64_t place = 0;  // the end of the recipient's topic then
  };
  struct Line {
    disclosure::domain::Line line;
    std::string child;
  };
  void Take(const std::string& topic, const kafka::Record& record);
  void Learn(const gate::Envelope& e, const kafka::Record& record);
  void LearnCases(Child& child, const gate::Envelope& e, const std::string& body);
  void LearnLedger(Child& child, const gate::Envelope& e, const std::string& body);
  void LearnEscalation(Child& child, const gate::Envelope& e);
  void TakeSignal(const std::string& recipient, const kafka::Record& record);
  // Has everybody said yes to this recipient, in some consent that is not withdrawn for it, below this place of the
  // log?
  static bool MayHave(const Child& child, const std::string& recipient, std::int64_t until);

  const test::MemoryLog& log_;
  const escalation::domain::Plan& plan_;
  std::optional<Violation> violation_;
  Counts counts_;
  std::map<std::pair<std::string, int>, std::int64_t> read_;
  std::map<std::string, seal::DataKey> keys_;
  // Records whose key has not come yet, and what came behind them about the same child.
  std::map<std::string, std::vector<std::pair<gate::Envelope, kafka::Record>>> keyless_;
  std::map<std::string, std::vector<std::string>> streams_;
  std::map<std::string, std::int64_t> place_;  // of the first record of an event on the log
  struct Effect {
    std::string stream;
    std::uint64_t last = 0;
    Time recorded;
  };
  std::map<std::string, Effect> effects_;  // by request
  std::map<std::string, Told> told_;
  std::map<std::string, Child> children_;
  std::set<std::string> decided_;
  std::map<std::string, Line> lines_;                   // by delivery
  std::map<std::string, std::vector<Signal>> signals_;  // by recipient, each once
  std::set<std::pair<std::string, std::string>> signalled_;
  std::vector<Enforcement> enforced_;
  std::map<std::string, Read> under_way_;
  std::set<std::pair<std::string, std::string>> confirms_;
  std::set<std::string> raised_;
  bool clocks_agree_ = true;
};

}  // namespace stafett::simulation
