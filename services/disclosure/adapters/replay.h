// A child's story once more, in memory: the same log, the same recipients and suspensions, and rules of choice. Nothing
// of it is written and nobody is told.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "disclosure/domain/route.h"
#include "lib/gate/envelope.h"

namespace stafett::disclosure::adapters {

// Of one child, opened: the two lists of the store (lib/gate/children.h), so what was repeated, set aside or left out
// is so here too.
struct Story {
  struct Input {
    gate::Envelope envelope;
    std::optional<std::string> bytes;  // none: its key was destroyed
    std::int64_t offset = -1;
    Time appended;
  };
  struct Own {
    std::uint64_t inputs = 0;  // how many of them it follows
    domain::LedgerEvent event;
  };
  std::vector<Input> inputs;
  std::vector<Own> ledger;
};
// All that a decision rested on besides the child; what it points to must live as long as the replay.
using RegimeThen = std::function<Result<domain::Regime>(const domain::Decided&)>;

struct Replayed {
  domain::View view;
  // By the rules of each time alone. Of the ledger's decisions about records of the log, how many there are; and how
  // many come out otherwise now, or stand behind more records than the story has.
  std::uint64_t decisions = 0, unlike = 0;
};
// `rules`: nullptr decides by those that were in force each time.
Result<Replayed> Replay(const Story& story, const RegimeThen& regime_then, const policy::RuleSet* rules,
                        const domain::DeliveryId& delivery_id);

}  // namespace stafett::disclosure::adapters
