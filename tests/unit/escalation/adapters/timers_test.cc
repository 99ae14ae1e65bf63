// Timers over the store and the log in memory: once, never early, none forgotten; with racing copies, lost replies,
// lost stores, and files that change.
#include "escalation/adapters/timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>

#include "escalation/adapters/event_mapping.h"
#include "lib/gate/memory_store.h"
#include "lib/kafka/kafka.h"
#include "support/memory_log.h"
#include "unit/escalation/sample.h"

namespace stafett::escalation::adapters {
namespace {
using namespace sample;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kPartitions = 2;
Deadline Soon() { return Deadline::In(Millis(10'000)); }

// One process.
struct Copy {
  Copy(gate::MemoryStore& s, const domain::Plan& plan, const std::string& files)
      : keys("escalation", kPartitions),
        committer(
            s, keys,
            [](const std::string&, std::string_view, std::string_view) -> Result<seal::Box> {
              return Fail(Code::kInternal, "NO_KEYS", "");  // nothing is sealed here
            },
            1000),
        store(s, committer, "log"),
        applier(store),
        timers(store, plan, metrics,
               {[] {
                  return std::set<int>{0, 1};
                },
                files}) {}
  gate::Keys keys;
  gate::Committer committer;
  GateEscalationStore store;
  EscalationApplier applier;
  telemetry::Metrics metrics;
  Timers timers;
};

struct House {
  House() { Restart(); }

  // New processes: nothing is remembered but what the store holds.
  void Restart(const std::string& files = "files-1") {
    a = std::make_unique<Copy>(store, plan, files);
    b = std::make_unique<Copy>(store, plan, files);
    shards = std::make_unique<gate::Shards>(store, a->keys, "x");
    tailer =
        std::make_unique<gate::Tailer>(store, a->keys, *shards, log.Reader(), "log", "log", a->applier, a->committer);
  }
  void Wipe() {
    store.WipeForTest();
    Restart();
    Read();
  }
  int Partition(const std::string& child) const { return a->store.PartitionOf(child); }

  // cases says it on the log.
  void Say(const std::vector<Awaited>& words, const std::string& child = "ch-1") {
    gate::Envelope e;
    e.stream = "cases/" + child;
    e.version = ++said[child];
    e.event_id = gate::EventId(e.stream, e.version);
    e.type = "no.stafett.cases.something.v1";
    e.child = child;
    e.recorded = Now();
    e.awaited = words;
    e.sealed = seal::Box{1, "k", std::string(24, 'n'), "not for us"};
    log.Append("log", Partition(child), child, gate::Encode(e));
  }
  // What escalation has written goes to the log; the log is applied to its end, and the view is fresh.
  void Read() {
    for (int round = 0; round < 50; ++round) {
      shards->TurnForTest();
      bool rest = true;
      for (int p = 0; p < kPartitions; ++p) {
        auto acked = Number(a->keys.Acked(p));
        for (const auto& entry : store.StreamForTest(a->keys.Outbox(p))) {
          if (gate::OutboxNumber(entry.id) <= acked) continue;
          std::map<std::string, std::string> f(entry.fields.begin(), entry.fields.end());
          log.Append("log", p, f["k"], f["v"]);
          acked = gate::OutboxNumber(entry.id);
        }
        Run({gate::Write::Max(a->keys.Acked(p), static_cast<std::int64_t>(acked))});
        rest = rest && Number(a->keys.Mark(p, "log")) == static_cast<std::uint64_t>(log.End("log", p));
      }
      if (rest && round > 0) break;
      tailer->TurnForTest();
    }
    for (int p = 0; p < kPartitions; ++p) Run({gate::Write::Stamp(a->keys.Fresh(p))});
  }
  void Run(std::vector<gate::Write> writes) { ASSERT_TRUE(store.Run({{}, std::move(writes), 0}, Soon())); }
  std::uint64_t Number(const std::string& key) {
    const auto text = store.Read({gate::Get::String(key)}, Soon())->values[0].string;
    return text.empty() ? 0 : std::stoull(text);
  }
  Time Now() { return store.Read({}, Soon())->now; }
  void Until(Time t) {
    store.AdvanceForTest(Millis(t.ms - Now().ms));
    log.SetTime(t);
  }
  void Rounds(Copy& copy) {
    for (int i = 0; copy.timers.Turn(); ++i) ASSERT_LT(i, 200) << "does not come to rest";
  }
  // Time passes, the log is read, both copies look.
  void Pass(Time t) {
    Until(t);
    Read();
    Rounds(*a);
    Rounds(*b);
    Read();
  }
  // What escalation has written about a child, in short.
  std::vector<std::string> Written(const std::string& child = "ch-1") {
    std::vector<std::string> out;
    const auto read = store.Read({gate::Get::List(a->keys.Own(Partition(child), child), 0)}, Soon());
    for (const auto& record : read->values[0].list) {
      const auto e = *gate::Decode(record);
      EXPECT_FALSE(e.sealed);
      EXPECT_EQ(e.child, child);
      const auto event = **FromBody(e.type, e.clear);
      if (const auto* x = std::get_if<domain::Raised>(&event)) out.push_back("raised to " + x->owner.person);
      if (const auto* x = std::get_if<domain::PassedOn>(&event)) out.push_back("passed on to " + x->owner.person);
      if (const auto* x = std::get_if<domain::Resolved>(&event)) out.push_back("resolved" + x->by);
      if (std::holds_alternative<domain::Acknowledged>(event)) out.emplace_back("acknowledged");
      if (const auto* x = std::get_if<domain::Taken>(&event)) out.push_back("taken by " + x->owner.person);
    }
    return out;
  }
  // Durable: what a rebuild must give back. Not: how long a request_id is still remembered, leases, what is known of
  // the outbox, and when to look again.
  std::map<std::string, std::string> Dump() {
    std::map<std::string, std::string> out;
    for (const auto& [key, text] : store.DumpForTest()) {
      bool left_out = key.find(":cmd") != std::string::npos;
      for (const char* name : {"acked", "fence", "lease", "fresh", "ix:restored", "ix:timers"}) {
        left_out = left_out || key.find(std::string("}:") + name) != std::string::npos;
      }
      if (!left_out) out[key] = text;
    }
    return out;
  }
  Result<gate::Committed> Command(const std::string& id, const domain::Event& event,
                                  const std::string& child = "ch-1") {
    gate::Command command;
    command.request_scope = "org";
    command.request_id = id;
    return b->store.Change(command, child, Soon(), [&](const domain::State&) { return domain::Events{event}; });
  }
  std::vector<app::Open> Open() { return *a->store.AllOpen(Soon()); }

  CountedDays plan;
  gate::MemoryStore store;
  test::MemoryLog log;
  std::unique_ptr<Copy> a, b;
  std::unique_ptr<gate::Shards> shards;
  std::unique_ptr<gate::Tailer> tailer;
  std::map<std::string, std::uint64_t> said;
};

// Keys whose values are not the same; values would fill the screen.
std::vector<std::string> Different(const std::map<std::string, std::string>& a, std::map<std::string, std::string> b) {
  std::vector<std::string> out;
  for (const auto& [key, text] : a) {
    if (auto it = b.find(key); it == b.end() || it->second != text) out.push_back(key);
    b.erase(key);
  }
  for (const auto& [key, text] : b) out.push_back(key);
  return out;
}

TEST(Timers, What_is_not_done_in_time_goes_down_the_line_at_its_time_and_not_before) {
  House h;
  h.Say({sample::NextStep(10)});
  h.Pass(Time{Day(11).ms - 1});
  EXPECT_THAT(h.Written(), IsEmpty());
  h.Pass(Day(11));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head"));
  h.Pass(Time{h.Now().ms + kDay - 1});
  EXPECT_EQ(h.Written().size(), 1U);
  h.Pass(Day(12));
  h.Pass(Day(20));
  h.Pass(Day(90));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head", "passed on to p-deputy", "passed on to p-last"));
  ASSERT_EQ(h.Open().size(), 1U);
  EXPECT_EQ(h.Open()[0].owner, "p-last");
  EXPECT_EQ(h.Open()[0].awaited_of, "r-school");
  EXPECT_EQ(h.Open()[0].child, "ch-1");
}

TEST(Timers, What_names_its_moment_is_waited_for_from_then) {
  House h;
  const Time noon{Day(10).ms + kDay / 2};
  h.Say({sample::Store(noon), sample::Store(noon, "d-2")});
  h.Pass(Time{noon.ms + kDay - 1});
  EXPECT_THAT(h.Written(), IsEmpty());
  h.Say({sample::Stored("d-2")});
  h.Pass(Time{noon.ms + kDay});
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head"));
  h.Wipe();
  h.Pass(Time{noon.ms + kDay + 1});
  h.Say({sample::Stored()});
  h.Pass(Time{noon.ms + 9 * kDay});
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head", "resolved"));
}

TEST(Timers, What_comes_late_ends_it_and_what_comes_in_time_is_never_raised) {
  House h;
  h.Say({sample::NextStep(10)});
  h.Say({sample::NextStep(10)}, "ch-2");
  h.Until(Day(10));
  h.Say({sample::NextStep(30)}, "ch-2");
  h.Pass(Day(11));
  h.Say({sample::NextStep(40)});
  h.Pass(Day(12));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head", "resolved"));
  EXPECT_THAT(h.Written("ch-2"), IsEmpty());
  EXPECT_THAT(h.Open(), IsEmpty());
  h.Say({Done()});
  h.Say({Done()}, "ch-2");
  h.Pass(Day(100));
  EXPECT_EQ(h.Written().size(), 2U);
  EXPECT_THAT(h.Written("ch-2"), IsEmpty());
  EXPECT_THAT(
      h.store.Read({gate::Get::Sorted(h.a->store.TimersKey(h.Partition("ch-1")), 0, 10)}, Soon())->values[0].list,
      IsEmpty())
      << "nothing is waited for, so nothing is looked at";
}

// Design §5: the answer lies on the log, and this service has not read it yet.
TEST(Timers, Nothing_is_raised_before_the_log_is_applied_to_an_end_seen_after_it_was_due) {
  House h;
  h.Say({sample::NextStep(10)});
  h.Pass(Day(9));
  h.Say({sample::NextStep(30)});  // in time; not read
  h.Until(Day(11));
  h.Rounds(*h.a);
  EXPECT_THAT(h.Written(), IsEmpty()) << "the view is two days old";
  h.Pass(Day(11));
  EXPECT_THAT(h.Written(), IsEmpty());
}

TEST(Timers, Two_copies_race_and_it_happens_once) {
  House h;
  h.Say({sample::NextStep(10)});
  h.Pass(Day(9));
  h.Until(Day(11));
  h.Read();
  bool inside = false;
  h.store.BeforeRunForTest([&](const gate::Transaction&) {
    if (std::exchange(inside, true)) return;
    h.Rounds(*h.b);  // all of it, between the other's decision and its writing
  });
  h.Rounds(*h.a);
  h.store.BeforeRunForTest(nullptr);
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head"));
  EXPECT_TRUE(inside);
}

TEST(Timers, What_is_said_while_a_child_is_looked_at_is_not_forgotten) {
  House h;
  h.Say({sample::NextStep(40)});
  h.Until(Day(1));
  h.Read();
  bool inside = false;
  h.store.BeforeRunForTest([&](const gate::Transaction& tx) {
    const auto& write = tx.writes.front();
    const bool settles = write.op == "zadd" && write.args[1] != "0" && write.args[2] == "ch-1";
    if (!settles || std::exchange(inside, true)) return;
    h.Say({sample::NextStep(10)});  // between the look and its writing down
    h.Read();
  });
  (void)h.a->timers.Turn();
  h.store.BeforeRunForTest(nullptr);
  EXPECT_TRUE(inside);
  h.Pass(Day(11));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head"));
}

TEST(Timers, A_lost_reply_and_a_restart_raise_nothing_twice) {
  House h;
  h.Say({sample::NextStep(10)});
  h.Until(Day(11));
  h.Read();
  h.store.LoseRepliesForTest(1);
  h.Rounds(*h.a);
  h.store.LoseRepliesForTest(0);
  h.Restart();
  h.Pass(Day(11));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head"));
}

TEST(Timers, An_empty_store_is_given_back_by_the_log_and_no_step_is_repeated_or_forgotten) {
  House h;
  h.Say({sample::NextStep(10)});
  h.Say({sample::NextStep(10)}, "ch-2");
  h.Say({sample::NextStep(40)}, "ch-3");
  h.Pass(Day(11));
  h.Say({sample::NextStep(60)}, "ch-2");
  h.Pass(Time{Day(11).ms + 1});
  const auto before = h.Dump();
  h.Wipe();
  EXPECT_THAT(Different(h.Dump(), before), IsEmpty());
  h.Pass(Time{Day(11).ms + 2});
  EXPECT_THAT(Different(h.Dump(), before), IsEmpty());
  h.Pass(Day(13));
  h.Pass(Day(41));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head", "passed on to p-deputy", "passed on to p-last"));
  EXPECT_THAT(h.Written("ch-2"), ElementsAre("raised to p-head", "resolved"));
  EXPECT_THAT(h.Written("ch-3"), ElementsAre("raised to p-head"));
}

TEST(Timers, Other_files_are_other_times_from_the_next_start_on) {
  House h;
  h.plan.wait = 30;
  h.Say({sample::NextStep(10)});
  h.Pass(Day(12));
  EXPECT_THAT(h.Written(), IsEmpty());
  h.plan.wait = 1;
  h.Restart("files-2");
  h.Pass(Day(12));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head"));
}

TEST(Timers, A_line_that_other_files_make_longer_is_gone_down_further) {
  House h;
  h.Say({sample::NextStep(10)});
  for (int day : {11, 12, 20, 30}) h.Pass(Day(day));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head", "passed on to p-deputy", "passed on to p-last"));
  h.plan.longer = true;
  h.Restart("files-2");
  h.Pass(Day(31));
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head", "passed on to p-deputy", "passed on to p-last",
                                       "passed on to p-director"));
}

TEST(Timers, One_child_that_fails_does_not_hold_up_the_others) {
  House h;
  for (int i = 0; i < 70; ++i) {  // more than one round takes
    const auto child = "broken-" + std::to_string(i);
    h.Run({gate::Write::Push(h.a->keys.Own(h.Partition(child), child), "no record"), h.a->store.LookAt(child)});
  }
  h.Say({sample::NextStep(10)});
  h.Say({sample::NextStep(10)}, "ch-2");
  h.Until(Day(11));
  h.Read();
  for (int i = 0; i < 5; ++i) (void)h.a->timers.Turn();
  EXPECT_THAT(h.Written(), ElementsAre("raised to p-head"));
  EXPECT_THAT(h.Written("ch-2"), ElementsAre("raised to p-head"));
}

// Words, time, people, restarts, lost replies, wiped stores and racing copies in any order. The state's own steps are
// checked in domain/properties_test.cc; here it is that each is taken exactly once, and at its time.
RC_GTEST_PROP(TimersProperty, Each_step_is_taken_once_never_early_and_none_is_forgotten, ()) {
  House h;
  const std::vector<std::string> children{"ch-1", "ch-2", "ch-3"};
  int id = 0;
  auto pick = [](int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); };
  const int steps = 5 + pick(25);
  for (int i = 0; i < steps; ++i) {
    const auto child = children[static_cast<std::size_t>(pick(3))];
    const auto today = static_cast<int>((h.Now().ms - kStart.ms) / kDay);
    switch (pick(11)) {
      case 9: h.Say({sample::Store(Time{h.Now().ms - pick(3) * kDay / 3})}, child); break;
      case 10: h.Say({sample::Stored()}, child); break;
      case 0:
      case 1: h.Say({sample::NextStep(today + pick(3))}, child); break;
      case 2: h.Say({Done()}, child); break;
      case 3: h.Restart(pick(2) == 0 ? "files-1" : "files-2"); break;
      case 4: h.Wipe(); break;
      case 5: {
        auto open = h.Open();
        if (!open.empty())
          (void)h.Command("c" + std::to_string(++id), domain::Acknowledged{open[0].id, "p"}, open[0].child);
        break;
      }
      default: {
        h.Until(Time{h.Now().ms + (1 + pick(3)) * kDay / 2});
        h.Read();
        h.store.LoseRepliesForTest(pick(3) == 0 ? 1 : 0);
        int when = pick(6);
        bool inside = false;
        h.store.BeforeRunForTest([&](const gate::Transaction&) {
          if (inside || when-- > 0) return;
          inside = true;
          h.Rounds(*h.b);
        });
        h.Rounds(*h.a);
        h.store.BeforeRunForTest(nullptr);
        h.store.LoseRepliesForTest(0);
      }
    }
  }
  // A lost reply puts a child aside for a moment.
  h.Pass(Time{h.Now().ms + Timers::kRetry.count()});
  h.Pass(Time{h.Now().ms + Timers::kRetry.count()});
  const auto before = h.Dump();
  h.Wipe();
  RC_ASSERT(Different(h.Dump(), before) == std::vector<std::string>{});
  for (const auto& child : children) {
    auto loaded = *h.a->store.children().Load(h.Partition(child), child, Soon());
    const auto next = domain::NextStep(*loaded.state, h.plan);
    RC_ASSERT(!next || next->at > h.Now());  // none forgotten
    // Each once, and at its time: the fold again, record by record.
    std::set<std::pair<std::string, int>> once;
    std::map<std::string, Time> since;
    std::map<std::string, bool> acknowledged;
    auto read = h.store.Read({gate::Get::List(h.a->keys.Own(h.Partition(child), child), 0)}, Soon());
    for (const auto& record : read->values[0].list) {
      const auto e = *gate::Decode(record);
      const auto event = **FromBody(e.type, e.clear);
      const auto x = domain::EscalationOf(event);
      if (std::holds_alternative<domain::Raised>(event)) {
        RC_ASSERT(once.emplace(x, 1).second);
        RC_ASSERT(e.recorded >= h.plan.First(loaded.state->Find(x)->awaited));
      }
      if (const auto* passed = std::get_if<domain::PassedOn>(&event)) {
        RC_ASSERT(once.emplace(x, passed->step).second);
        RC_ASSERT(e.recorded >= h.plan.Next(Awaited{}, since[x], acknowledged[x]));
        acknowledged[x] = false;
      }
      if (std::holds_alternative<domain::Acknowledged>(event)) acknowledged[x] = true;
      since[x] = e.recorded;
    }
  }
}

}  // namespace
}  // namespace stafett::escalation::adapters
