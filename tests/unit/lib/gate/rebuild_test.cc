// RebuildEqual (events.md §8): whatever happened, a store rebuilt from the log alone is the store that was.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "support/remembered.h"
#include "unit/lib/gate/tailer_support.h"

namespace stafett::gate::test {
namespace {

// A service whose relay and reader move when the test says so.
struct SimService {
  SimService(MemoryLog& l, const std::string& name)
      : log(l),
        copy(store, name),
        shards(store, copy.keys, "x"),
        applier(copy),
        other(store, name),
        other_applier(other) {
    shards.TurnForTest();
    NewReaders();
  }
  void NewReaders() {
    tailer = std::make_unique<Tailer>(store, copy.keys, shards, log.Reader(), "log", "log", applier, copy.committer);
    other_tailer =
        std::make_unique<Tailer>(store, copy.keys, shards, log.Reader(), "log", "log", other_applier, other.committer);
  }
  // Sends up to `n` entries of a partition from behind `from`; a zombie sends what others had sent.
  std::uint64_t Send(int p, std::uint64_t from, int n) {
    for (const auto& e : store.StreamForTest(copy.keys.Outbox(p))) {
      if (OutboxNumber(e.id) <= from || n == 0) continue;
      std::map<std::string, std::string> f(e.fields.begin(), e.fields.end());
      log.Append(f["t"], f["t"].starts_with("stafett.to.") ? 0 : p, f["k"], f["v"]);
      from = OutboxNumber(e.id);
      --n;
    }
    return from;
  }
  void Relay(int p, int n) {
    auto acked = Send(p, ToNumber(copy.Text(copy.keys.Acked(p))), n);
    (void)store.Run(
        {{},
         {Write::Max(copy.keys.Acked(p), static_cast<std::int64_t>(acked)),
          Write::Fence(copy.keys.Fence(p), copy.keys.Outbox(p), copy.keys.Acked(p), copy.keys.Mark(p, "log"))},
         0},
        Soon());
  }
  bool AtEnd() {
    for (int p = 0; p < kPartitions; ++p) {
      if (ToNumber(copy.Text(copy.keys.Mark(p, "log"))) != static_cast<std::uint64_t>(log.End("log", p))) return false;
      if (ToNumber(copy.Text(copy.keys.Acked(p))) != store.StreamForTest(copy.keys.Outbox(p)).size()) return false;
    }
    return true;
  }
  // What must come back. Left out: what belongs to a process or to the outbox, which the log makes superfluous.
  std::map<std::string, std::string> Dump() {
    auto dump = store.DumpForTest();
    for (int p = 0; p < kPartitions; ++p) {
      const auto& k = copy.keys;
      for (const auto& key :
           {k.Acked(p), k.Fence(p), k.Lease(p), k.Fresh(p), k.Halt(p), k.Top(p, "log"), k.Index(p, "restored:log")})
        dump.erase(key);
    }
    stafett::test::PutRemembered(dump, store, copy.keys);
    return dump;
  }
  static std::uint64_t ToNumber(const std::string& s) { return s.empty() ? 0 : std::stoull(s); }

  MemoryLog& log;
  MemoryStore store;
  Copy copy;
  Shards shards;
  TestApplier applier;
  Copy other;  // a second process
  TestApplier other_applier;
  std::unique_ptr<Tailer> tailer;
  std::unique_ptr<Tailer> other_tailer;
};

void Settle(std::vector<SimService*> services) {
  for (int round = 0; round < 200; ++round) {
    for (auto* s : services) {
      for (int p = 0; p < kPartitions; ++p) s->Relay(p, 1'000);
      s->tailer->TurnForTest();
    }
    bool done = true;
    for (auto* s : services) done = done && s->AtEnd();
    if (done) return;
  }
  RC_FAIL("does not come to rest");
}

// The index that Restore writes is also what a command writes.
Proposal Indexed(const SimService& s, const std::string& child, const std::string& type, const std::string& body,
                 std::uint64_t own) {
  Proposal p = Say(body);
  p.events[0].type = type;
  p.indexes.push_back(
      Write::Set(s.copy.keys.Index(s.copy.At(child).partition, "seen:" + child), std::to_string(own + 1)));
  return p;
}

RC_GTEST_PROP(RebuildProperty, RebuildEqual, ()) {
  MemoryLog log;
  SimService cases(log, "cases");
  SimService consent(log, "consent");
  // cases reacts to what consent says; a reaction writes the same index.
  for (auto* s : {&cases, &consent}) {
    for (auto* a : {&s->applier, &s->other_applier}) {
      a->nothing = [](const Trace& t) { return t.steps.size() % 3 == 2; };  // depends on the state that it meets
    }
  }
  const std::vector<std::string> children{"ch-a", "ch-b", "ch-c", "ch-d"};
  const int steps = *rc::gen::inRange(5, 45);
  int id = 0;
  for (int i = 0; i < steps; ++i) {
    auto& s = *rc::gen::arbitrary<bool>() ? cases : consent;
    const int p = *rc::gen::inRange(0, kPartitions);
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
      case 1:
      case 2: {
        const auto child = *rc::gen::elementOf(children);
        const auto type = *rc::gen::element<std::string>("take", "react", "leave");
        ++id;
        auto request = CommandOf("r" + std::to_string(*rc::gen::element(id, id, id - 1)), "h");
        s.store.LoseRepliesForTest(*rc::gen::element(0, 0, 0, 1));
        auto& copy = *rc::gen::arbitrary<bool>() ? s.copy : s.other;
        auto done = copy.Do(child, request, [&](const Loaded<Trace>& loaded) -> Result<Proposal> {
          return Indexed(s, child, type, type + std::to_string(id), loaded.own);
        });
        s.store.LoseRepliesForTest(0);
        RC_ASSERT(done.has_value());
        break;
      }
      case 3:
      case 4: s.Relay(p, *rc::gen::inRange(1, 6)); break;
      case 5: {  // a zombie relay repeats from somewhere before
        auto acked = SimService::ToNumber(s.copy.Text(s.copy.keys.Acked(p)));
        auto from = acked == 0 ? 0 : *rc::gen::inRange<std::uint64_t>(0, acked);
        s.Send(p, from, static_cast<int>(acked - from));
        break;
      }
      default: (*rc::gen::arbitrary<bool>() ? s.tailer : s.other_tailer)->TurnForTest(); break;
    }
  }
  Settle({&cases, &consent});
  for (auto* s : {&cases, &consent}) RC_ASSERT(s->shards.Halted().empty());

  for (auto* s : {&cases, &consent}) {
    const auto before = s->Dump();
    std::map<std::string, std::vector<std::string>> states;
    for (const auto& child : children) {
      states[child] = s->copy.children.Load(s->copy.At(child).partition, child, Soon())->state->steps;
    }
    const auto records = log.End("log", 0) + log.End("log", 1) + log.End("log", 2);
    s->store.WipeForTest();
    s->shards.TurnForTest();
    s->NewReaders();
    for (int round = 0; round < 100 && !s->AtEnd(); ++round) s->tailer->TurnForTest();
    RC_ASSERT(s->shards.Halted().empty());
    const auto after = s->Dump();
    for (const auto& [key, text] : before) {
      auto it = after.find(key);
      if (it == after.end()) RC_FAIL("lost: " + key + " = " + text);
      if (it->second != text) RC_FAIL(key + "\nwas " + text + "\nis  " + it->second);
    }
    for (const auto& [key, text] : after) {
      if (!before.contains(key)) RC_FAIL("new: " + key + " = " + text);
    }
    for (const auto& child : children) {
      RC_ASSERT(s->copy.children.Load(s->copy.At(child).partition, child, Soon())->state->steps == states[child]);
    }
    // A rebuild sends nothing.
    for (int p = 0; p < kPartitions; ++p) s->Relay(p, 1'000);
    RC_ASSERT(log.End("log", 0) + log.End("log", 1) + log.End("log", 2) == records);
  }
}

// Redis comes back with an older copy of its data, at any moment and with anything in flight: nothing that the log has
// is lost, and nothing gets a version that the log has given to something else.
RC_GTEST_PROP(RebuildProperty, AnOlderStoreBecomesEqualToTheLog, ()) {
  MemoryLog log;
  SimService cases(log, "cases");
  SimService consent(log, "consent");
  const std::vector<std::string> children{"ch-a", "ch-b"};
  const int steps = *rc::gen::inRange(5, 40);
  const int copy_at = *rc::gen::inRange(0, steps);
  std::shared_ptr<const MemoryStore::Data> copy;
  int id = 0;
  for (int i = 0; i < steps; ++i) {
    if (i == copy_at) copy = cases.store.CopyForTest();
    auto& s = *rc::gen::arbitrary<bool>() ? cases : consent;
    const int p = *rc::gen::inRange(0, kPartitions);
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
      case 1: {
        const auto child = *rc::gen::elementOf(children);
        const auto type = *rc::gen::element<std::string>("take", "react", "leave");
        ++id;
        RC_ASSERT(s.copy
                      .Do(child, CommandOf("r" + std::to_string(id)),
                          [&](const Loaded<Trace>& loaded) -> Result<Proposal> {
                            return Indexed(s, child, type, type + std::to_string(id), loaded.own);
                          })
                      .has_value());
        break;
      }
      case 2:
      case 3: s.Relay(p, *rc::gen::inRange(1, 6)); break;
      default: s.tailer->TurnForTest(); break;
    }
  }
  cases.store.RollBackForTest(copy);
  cases.shards.TurnForTest();
  // The barrier: first to the end of the log, then commands and the relay.
  for (int round = 0; round < 100; ++round) cases.tailer->TurnForTest();
  for (int i = 0; i < 3; ++i) {
    RC_ASSERT(cases.copy.Do("ch-a", "after " + std::to_string(i), "after").has_value());
  }
  Settle({&cases, &consent});
  RC_ASSERT(cases.shards.Halted().empty());
  RC_ASSERT(consent.shards.Halted().empty());
  // One content per version on the log, and the store has it.
  std::map<std::string, std::string> content;
  for (int p = 0; p < kPartitions; ++p) {
    for (const auto& r : log.Records("log", p)) {
      auto e = Decode(r.value);
      auto [at, fresh] = content.try_emplace(e->stream + "#" + std::to_string(e->version), r.value);
      RC_ASSERT(at->second == r.value);
      if (e->stream.starts_with("cases/")) {
        auto child = e->stream.substr(6);
        auto own = cases.store.Read(
            {Get::ListAt(cases.copy.keys.Own(p, child), static_cast<std::int64_t>(e->version) - 1)}, Soon());
        RC_ASSERT(own->values[0].string == r.value);
      }
    }
  }
  for (const auto& child : children) {
    const int p = cases.copy.At(child).partition;
    for (auto* s : {&cases, &consent}) {
      RC_ASSERT(
          s->store.Read({Get::HashField(s->copy.keys.Index(p, "parked"), child)}, Soon())->values[0].string.empty());
    }
  }
}

}  // namespace
}  // namespace stafett::gate::test
