// A service that follows the log, for tests of the Tailer.
#pragma once

#include <functional>
#include <mutex>

#include "lib/gate/tailer.h"
#include "unit/lib/gate/support.h"

namespace stafett::gate::test {

// Takes "take…" and "react…"; reacts to "react…" by a record that names what it reacted to and the state it saw.
class TestApplier final : public Applier {
 public:
  explicit TestApplier(Copy& copy) : copy_(copy) {}
  bool Takes(const Envelope& e) const override { return e.type.starts_with("take"); }
  bool Reacts(const Envelope& e) const override { return e.type.starts_with("react"); }
  bool MayDiscard(const std::string& type) const override { return type.ends_with("content"); }
  std::vector<std::string> RestsOn() const override { return rests_on; }
  Result<std::optional<Reaction>> React(int partition, const Envelope& e, const kafka::Record& record) override {
    if (before) STAFETT_CHECK_OK(before(e, record));
    ++reactions;
    STAFETT_TRY(auto loaded, copy_.children.Load(partition, e.child, Soon()));
    Reaction r;
    r.target = {partition, e.child, true};
    r.own = loaded.own;
    r.inputs = loaded.inputs;
    if (nothing && nothing(*loaded.state)) return std::optional<Reaction>(std::move(r));
    r.proposal = Say("re:" + e.sealed->ciphertext);
    r.proposal.events[0].topic = topic;
    r.proposal.indexes.push_back(
        Write::Set(copy_.keys.Index(partition, "seen:" + e.child), std::to_string(loaded.own + 1)));
    r.proposal.after.push_back({"stafett.to.x", "k", "signal of " + e.sealed->ciphertext, ""});
    r.command.request_id = "re/" + e.event_id;
    r.command.cause = e.event_id;
    return std::optional<Reaction>(std::move(r));
  }
  Result<std::vector<Write>> Restore(int partition, const Envelope& e) override {
    return std::vector<Write>{Write::Set(copy_.keys.Index(partition, "seen:" + e.child), std::to_string(e.version))};
  }
  // An own record "rules…" takes effect from its place in the log on.
  std::vector<Write> Passed(int partition, const Envelope& e) override {
    const auto& said = e.sealed->ciphertext;
    if (!said.starts_with("rules")) return {};
    return {Write::Set(copy_.keys.Index(partition, "in-force"), said)};
  }
  void Expect(int /*partition*/, const std::vector<std::string>& children, bool /*restoring*/) override {
    const std::lock_guard lock(mutex);
    expected.push_back(children);
  }
  std::mutex mutex;
  std::vector<std::vector<std::string>> expected;  // guarded by mutex; of each batch
  std::function<Status(const Envelope&, const kafka::Record&)> before;
  std::function<bool(const Trace&)> nothing;
  std::string topic = "log";
  std::vector<std::string> rests_on;
  std::atomic<int> reactions{0};

 private:
  Copy& copy_;
};

struct TailerCopy {
  TailerCopy(MemoryStore& store, MemoryLog& log, const std::string& owner, Millis patience = Tailer::kPatience)
      : copy(store),
        shards(store, copy.keys, owner),
        applier(copy),
        tailer(store, copy.keys, shards, log.Reader(), "log", "log", applier, copy.committer, nullptr, patience) {
    shards.TurnForTest();
  }
  Copy copy;
  Shards shards;
  TestApplier applier;
  Tailer tailer;
};

}  // namespace stafett::gate::test
