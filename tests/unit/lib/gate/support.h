// What the tests of the gate share: a service with a trace for a state, bodies sealed in clear, waiting with a limit.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "lib/gate/children.h"
#include "lib/gate/commit.h"
#include "lib/gate/memory_store.h"
#include "lib/kafka/kafka.h"
#include "support/memory_log.h"

namespace stafett::gate::test {

using stafett::test::Fate;
using stafett::test::MemoryLog;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

inline constexpr int kPartitions = 3;
inline Deadline Soon() { return Deadline::In(Millis(10'000)); }

inline bool Eventually(const std::function<bool()>& condition, Millis limit = Millis(8'000)) {
  for (auto end = Deadline::In(limit); !end.Passed(); std::this_thread::sleep_for(Millis(1))) {
    if (condition()) return true;
  }
  return condition();
}

// Sealing that a test can look through.
inline SealBody Clear() {
  return [](const std::string&, std::string_view body, std::string_view) -> Result<seal::Box> {
    return seal::Box{1, "k-1", std::string(24, 'n'), std::string(body)};
  };
}
inline std::string BodyOf(std::string_view record) {
  auto e = Decode(record);
  if (!e) return "(unreadable)";
  return e->sealed ? e->sealed->ciphertext : e->clear;
}

// A state that tells in which order it was folded.
struct Trace {
  std::vector<std::string> steps;
};
inline Status FoldTrace(Trace& trace, const Entry& entry) {
  trace.steps.push_back((entry.own ? "own:" : "in:") + BodyOf(entry.record));
  return {};
}

// A record as another service, or an earlier life of this one, has put it on the log.
inline std::string RecordOf(const std::string& service, const std::string& child, std::uint64_t version,
                            const std::string& type, const std::string& body, std::uint64_t inputs = 0) {
  Envelope e;
  e.stream = service + "/" + child;
  e.version = version;
  e.event_id = EventId(e.stream, version);
  e.type = type;
  e.child = child;
  e.recorded = Time{1};
  e.inputs = inputs;
  e.sealed = seal::Box{1, "k-1", std::string(24, 'n'), body};
  return Encode(e);
}

inline Command CommandOf(const std::string& id, const std::string& hash = "hash") {
  Command c;
  c.request_scope = "org";
  c.request_id = id;
  c.request_hash = hash;
  return c;
}
inline Proposal Say(const std::string& body) {
  Proposal p;
  p.events.push_back({"no.stafett.cases.said.v1", body, "", "log"});
  return p;
}

// One copy of a service.
struct Copy {
  explicit Copy(Store& s, const std::string& service = "cases", std::int64_t outbox_limit = 1000)
      : store(s), keys(service, kPartitions), committer(s, keys, Clear(), outbox_limit), children(s, keys, FoldTrace) {}
  Target At(const std::string& child) const { return {kafka::PartitionOf(child, kPartitions), child, true}; }
  Result<Committed> Do(const std::string& child, const Command& command,
                       const std::function<Result<Proposal>(const Loaded<Trace>&)>& decide) {
    return Execute<Trace>(children, committer, command, At(child), Soon(), decide);
  }
  Result<Committed> Do(const std::string& child, const std::string& id, const std::string& body) {
    return Do(child, CommandOf(id), [&](const Loaded<Trace>&) -> Result<Proposal> { return Say(body); });
  }
  std::vector<std::string> Own(const std::string& child) {
    std::vector<std::string> bodies;
    auto read = store.Read({Get::List(keys.Own(At(child).partition, child), 0)}, Soon());
    for (const auto& r : read->values[0].list) bodies.push_back(BodyOf(r));
    return bodies;
  }
  std::string Text(const std::string& key) { return store.Read({Get::String(key)}, Soon())->values[0].string; }

  Store& store;
  Keys keys;
  Committer committer;
  Children<Trace> children;
};

// Values of an outbox, in order.
inline std::vector<std::string> OutboxOf(const MemoryStore& store, const std::string& key) {
  std::vector<std::string> out;
  for (const auto& e : store.StreamForTest(key)) {
    for (const auto& [name, value] : e.fields) {
      if (name == "v") out.push_back(value);
    }
  }
  return out;
}
inline std::vector<std::string> Values(const MemoryLog& log, const std::string& topic, int partition) {
  std::vector<std::string> out;
  for (const auto& r : log.Records(topic, partition)) out.push_back(r.value);
  return out;
}

}  // namespace stafett::gate::test
