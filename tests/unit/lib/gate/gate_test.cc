// The gate as a whole: barrier, reconnects, and the promises across them.
#include "lib/gate/gate.h"

#include <set>

#include "unit/lib/gate/tailer_support.h"

namespace stafett::gate::test {
namespace {

class GateTest : public ::testing::Test {
 protected:
  static constexpr int kP = 0;
  static std::string Child() {
    for (int i = 0;; ++i) {
      auto name = "ch-" + std::to_string(i);
      if (kafka::PartitionOf(name, kPartitions) == kP) return name;
    }
  }
  void TearDown() override {
    store_.BeforeRunForTest(nullptr);
    log_.BeforeWatermarks(nullptr);
    if (gate_) gate_->Stop();
  }
  GateOptions Options() {
    GateOptions o;
    o.service = "cases";
    o.instance = "a";
    o.partitions = kPartitions;
    o.outbox_limit = 1000;
    o.ordered_topics = {"log"};
    o.followed = {{"log", "log"}, {"keys", "keys"}};
    o.check_stores = [this]() -> Result<std::vector<std::string>> {
      std::lock_guard lock(mutex_);
      ++checks_;
      if (silent_) return Fail(Code::kUnavailable, "KAFKA_UNAVAILABLE", "nobody answers");
      return unsafe_;
    };
    o.check_every = Millis(20);
    o.tell = [this](const std::string& name, bool ok, const std::string& reason) {
      std::lock_guard lock(mutex_);
      told_[name] = {ok, reason};
    };
    o.beats = beats_;
    return o;
  }
  void Make() {
    gate_ = std::make_unique<Gate>(store_, Options(), log_.Publisher(), log_.Reader(), Clear());
    children_ = std::make_unique<Children<Trace>>(store_, gate_->keys(), FoldTrace);
    gate_->AddCompacted("keys", "keys", [this](int p, const kafka::Record& r) {
      return std::vector<Write>{Write::Set(gate_->keys().ChildKey(p, r.key), r.value)};
    });
    gate_->AddTailer("log", "log", applier_);
  }
  void Open() {
    Make();
    gate_->Start();
    ASSERT_TRUE(Opens());
  }
  bool Opens() {
    return Eventually([&] { return gate_->Open(); });
  }
  Result<Committed> Do(const std::string& id, const std::string& body,
                       const std::function<void(const Loaded<Trace>&)>& meanwhile = nullptr) {
    Target target{gate_->PartitionOf(Child()), Child(), true};
    return Execute<Trace>(*children_, gate_->committer(), CommandOf(id), target, Soon(),
                          [&](const Loaded<Trace>& loaded) -> Result<Proposal> {
                            if (meanwhile) meanwhile(loaded);
                            return Say(body);
                          });
  }
  // Waits for the broker.
  ReceiptState Published(const Committed& committed, Millis limit = Millis(5'000)) {
    std::atomic<int> state{-1};
    gate_->WhenPublished(committed, std::chrono::steady_clock::now() + limit,
                         [&](ReceiptState s) { state = static_cast<int>(s); });
    EXPECT_TRUE(Eventually([&] { return state != -1; }));
    return static_cast<ReceiptState>(state.load());
  }
  std::vector<std::string> Own() { return copy_.Own(Child()); }
  std::pair<bool, std::string> Told(const std::string& name) {
    std::lock_guard lock(mutex_);
    return told_[name];
  }
  // One content per version on the log, and it is what the store has.
  void ExpectNoFork() {
    std::map<std::string, std::string> content;
    for (int p = 0; p < kPartitions; ++p) {
      for (const auto& r : log_.Records("log", p)) {
        auto e = Decode(r.value);
        ASSERT_TRUE(e);
        auto [at, fresh] = content.try_emplace(e->stream + "#" + std::to_string(e->version), r.value);
        EXPECT_EQ(BodyOf(at->second), BodyOf(r.value)) << at->first;
      }
    }
    EXPECT_TRUE(gate_->GetStats().halted == 0);
  }

  MemoryStore store_;
  MemoryLog log_;
  Copy copy_{store_};
  TestApplier applier_{copy_};
  std::mutex mutex_;
  std::vector<std::string> unsafe_;
  bool silent_ = false;
  int checks_ = 0;
  std::map<std::string, std::pair<bool, std::string>> told_;
  Beats beats_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Children<Trace>> children_;
};

TEST_F(GateTest, A_command_is_published_and_its_receipt_says_so) {
  Open();
  EXPECT_TRUE(gate_->RequireOpen());
  auto done = Do("r1", "hello");
  ASSERT_TRUE(done);
  EXPECT_EQ(Published(*done), ReceiptState::kPublished);
  EXPECT_EQ(BodyOf(log_.Records("log", kP).at(0).value), "hello");
  ASSERT_TRUE(Eventually([&] { return gate_->Receipt("org", "r1", Soon()) == ReceiptState::kPublished; }));
  auto none = gate_->Receipt("org", "r2", Soon());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_FALSE(gate_->Receipt("another", "r1", Soon()));
}

// What /livez knows of this process: a thread that is missing here could stand still and nobody would be told.
TEST_F(GateTest, Every_thread_beats_also_with_nothing_to_do) {
  std::mutex mutex;
  std::map<std::string, int> count;
  beats_ = [&](const std::string& loop) -> Beat {
    auto beat = [&, loop] {
      std::lock_guard lock(mutex);
      ++count[loop];
    };
    beat();
    return beat;
  };
  auto beaten = [&] {
    std::lock_guard lock(mutex);
    return count;
  };
  Open();
  const auto before = beaten();
  std::vector<std::string> loops;
  for (const auto& [loop, n] : before) loops.push_back(loop);
  EXPECT_THAT(loops, ElementsAre("acks", "acks-expiry", "reader-keys", "reader-log", "relay", "relay-noter", "settings",
                                 "shards", "supervisor", "watch"));
  for (const auto& loop : loops) {
    EXPECT_TRUE(Eventually([&] { return beaten()[loop] > before.at(loop); })) << loop;
  }
  gate_->Stop();
}

TEST_F(GateTest, Without_Kafkas_acknowledgement_it_is_stored_and_nothing_more) {
  Open();
  log_.Always(Fate::kHold);
  auto done = Do("r1", "hello");
  ASSERT_TRUE(done);
  EXPECT_EQ(Published(*done, Millis(50)), ReceiptState::kStored);
  EXPECT_EQ(gate_->Receipt("org", "r1", Soon()), ReceiptState::kStored);
  EXPECT_TRUE(Eventually([&] {
    log_.ReleaseReports();
    return gate_->Receipt("org", "r1", Soon()) == ReceiptState::kPublished;
  }));
}

TEST_F(GateTest, Unsafe_stores_are_refused_by_name_until_they_are_mended) {
  unsafe_ = {"redis appendfsync is 'everysec', must be 'always'"};
  Make();
  gate_->Start();
  ASSERT_TRUE(Eventually([&] { return Told("stores").second.find("appendfsync") != std::string::npos; }));
  EXPECT_FALSE(Told("stores").first);
  EXPECT_FALSE(gate_->Open());
  EXPECT_EQ(log_.PublishersMade(), 0);
  {
    std::lock_guard lock(mutex_);
    unsafe_.clear();
  }
  EXPECT_TRUE(Opens());
  EXPECT_TRUE(Told("stores").first);
  EXPECT_TRUE(Told("gate").first);
}

TEST_F(GateTest, A_setting_that_becomes_unsafe_closes_it_by_name_until_it_is_mended) {
  Open();
  ASSERT_TRUE(Do("r1", "before"));
  {
    std::lock_guard lock(mutex_);
    unsafe_ = {"redis appendfsync is 'everysec', must be 'always'"};
  }
  ASSERT_TRUE(Eventually([&] { return !gate_->Open(); }));
  ASSERT_TRUE(Eventually([&] { return Told("stores").second.find("appendfsync") != std::string::npos; }));
  EXPECT_FALSE(Told("stores").first);
  auto refused = Do("r2", "meanwhile");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "RECOVERING");
  {
    std::lock_guard lock(mutex_);
    unsafe_.clear();
  }
  ASSERT_TRUE(Opens());
  EXPECT_TRUE(Told("stores").first);
  ASSERT_TRUE(Do("r2", "after"));
  EXPECT_THAT(Own(), ElementsAre("before", "after"));
}

// Kafka away is no reason to take no commands: they are stored.
TEST_F(GateTest, Settings_that_nobody_tells_close_nothing) {
  Open();
  int before = 0;
  {
    std::lock_guard lock(mutex_);
    silent_ = true;
    before = checks_;
  }
  ASSERT_TRUE(Eventually([&] {
    std::lock_guard lock(mutex_);
    return checks_ > before + 3;
  }));
  EXPECT_TRUE(gate_->Open());
  EXPECT_TRUE(Told("stores").first);
}

TEST_F(GateTest, It_opens_only_when_the_store_is_at_the_logs_end) {
  log_.Append("keys", kP, Child(), "wrapped");
  for (std::uint64_t v = 1; v <= 400; ++v) {
    log_.Append("log", kP, Child(), RecordOf("cases", Child(), v, "no.stafett.cases.said.v1", std::to_string(v)));
  }
  std::atomic<bool> wait{true};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    for (const auto& w : tx.writes) {
      if (w.op == "push" && wait) store_.DownForTest(true);
    }
  });
  Make();
  gate_->Start();
  ASSERT_TRUE(Eventually([&] { return !store_.Connected(); }));
  EXPECT_FALSE(gate_->Open());
  auto refused = gate_->RequireOpen();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  wait = false;
  store_.DownForTest(false);
  ASSERT_TRUE(Opens());
  EXPECT_EQ(Own().size(), 400U);
  EXPECT_EQ(copy_.Text(copy_.keys.ChildKey(kP, Child())), "wrapped");
}

TEST_F(GateTest, Without_Kafka_it_does_not_open) {
  log_.WatermarksFail(true);
  Make();
  gate_->Start();
  ASSERT_TRUE(Eventually([&] { return Told("stores").first; }));
  EXPECT_FALSE(gate_->Open());
  log_.WatermarksFail(false);
  EXPECT_TRUE(Opens());
}

TEST_F(GateTest, A_store_that_is_away_is_told_so_although_nobody_asks_for_anything) {
  Open();
  ASSERT_TRUE(Eventually([&] { return Told("redis").first; }));
  store_.DownForTest(true);
  ASSERT_TRUE(Eventually([&] { return Told("redis") == std::pair<bool, std::string>(false, "REDIS_AWAY"); }));
  store_.DownForTest(false);
  EXPECT_TRUE(Eventually([&] { return Told("redis").first; }));
}

TEST_F(GateTest, Another_store_closes_it_at_once_and_a_rebuild_opens_it_again) {
  Open();
  for (int i = 1; i <= 20; ++i)
    ASSERT_EQ(Published(*Do("r" + std::to_string(i), std::to_string(i))), ReceiptState::kPublished);
  const auto before = Own();
  store_.WipeForTest();
  EXPECT_FALSE(gate_->Open());  // at once, not when a thread has noticed
  auto refused = Do("r21", "x");
  if (!refused) {
    EXPECT_EQ(refused.error().code, Code::kUnavailable);
  }
  ASSERT_TRUE(Opens());
  EXPECT_EQ(Own().size(), refused ? 21U : 20U);
  auto again = Do("r7", "7");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->replay);
  EXPECT_EQ(again->version, 7U);
  EXPECT_EQ(gate_->Receipt("org", "r7", Soon()), ReceiptState::kPublished);
  auto next = Do("r22", "next");
  ASSERT_TRUE(next);
  EXPECT_EQ(Published(*next), ReceiptState::kPublished);
  ExpectNoFork();
}

TEST_F(GateTest, A_command_in_flight_while_the_store_lost_its_end_writes_nothing) {
  Open();
  ASSERT_TRUE(Do("r1", "v1"));
  auto copy = store_.CopyForTest();
  ASSERT_EQ(Published(*Do("r2", "v2")), ReceiptState::kPublished);
  // Decided on v2; the store comes back without it; the gate has even opened again when the slow thread writes.
  auto late = Do("r3", "rests on v2", [&](const Loaded<Trace>& loaded) {
    if (loaded.own != 2) return;
    store_.RollBackForTest(copy);
    EXPECT_TRUE(Opens());
  });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kUnavailable);
  EXPECT_EQ(Own(), (std::vector<std::string>{"v1", "v2"}));
  ASSERT_EQ(Published(*Do("r4", "v3")), ReceiptState::kPublished);
  ExpectNoFork();
}

// The barrier must not take the ends for known that were asked before the store came back.
TEST_F(GateTest, The_ends_are_asked_again_for_another_store) {
  Open();
  auto copy = store_.CopyForTest();
  // The watch has looked; what follows it has not seen when the store loses all of it.
  for (int i = 1; i <= 5; ++i) {
    ASSERT_EQ(Published(*Do("r" + std::to_string(i), "v" + std::to_string(i))), ReceiptState::kPublished);
  }
  // Reading is slow from now on, so that a barrier with old ends would be passed long before.
  store_.RollBackForTest(copy);
  ASSERT_TRUE(Opens());
  EXPECT_EQ(Own().size(), 5U);
  auto done = Do("r6", "v6");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->version, 6U);
  ASSERT_EQ(Published(*done), ReceiptState::kPublished);
  ExpectNoFork();
}

TEST_F(GateTest, Commands_under_way_while_stores_come_and_go_never_fork) {
  Open();
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::set<std::string> published;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        auto body = std::to_string(t) + "/" + std::to_string(i);
        auto done = Do(body, body);
        if (!done) continue;
        gate_->WhenPublished(*done, std::chrono::steady_clock::now() + Millis(3'000), [&, body](ReceiptState state) {
          std::lock_guard lock(mutex);
          if (state == ReceiptState::kPublished) published.insert(body);
        });
      }
    });
  }
  auto count = [&] {
    std::lock_guard lock(mutex);
    return published.size();
  };
  for (int round = 0; round < 4; ++round) {
    auto copy = store_.CopyForTest();
    auto before = count();
    EXPECT_TRUE(Eventually([&] { return count() >= before + 20; }));
    store_.RollBackForTest(round % 2 == 0 ? copy : std::make_shared<const MemoryStore::Data>());
    EXPECT_TRUE(Opens());
  }
  stop = true;
  for (auto& t : threads) t.join();
  ASSERT_TRUE(Opens());
  ASSERT_TRUE(Eventually([&] { return gate_->GetStats().waiting == 0; }));
  auto own = Own();
  std::set<std::string> there(own.begin(), own.end());
  EXPECT_EQ(there.size(), own.size());  // OneEffect
  std::set<std::string> on_log;
  for (const auto& r : log_.Records("log", kP)) on_log.insert(BodyOf(r.value));
  for (const auto& body : published) {
    EXPECT_TRUE(there.contains(body)) << body;   // NoAckedLoss, in the state
    EXPECT_TRUE(on_log.contains(body)) << body;  // and on the log
  }
  ExpectNoFork();
}

// Out of reach of any barrier: another copy's producer, a zombie, has a record under way that the store lost. When it
// lands, the version has two contents. That is found, and the partition stands still.
TEST_F(GateTest, A_record_that_lands_behind_the_barrier_is_found_as_a_fork) {
  Open();
  log_.Always(Fate::kLate);
  auto empty = store_.CopyForTest();
  ASSERT_TRUE(Do("r1", "lost"));
  ASSERT_TRUE(Eventually([&] { return log_.Sent() >= 1; }));
  log_.Always(Fate::kAck);
  store_.RollBackForTest(empty);
  ASSERT_TRUE(Opens());
  ASSERT_EQ(Published(*Do("r2", "kept")), ReceiptState::kPublished);
  EXPECT_EQ(gate_->GetStats().halted, 0U);
  log_.Land();
  EXPECT_TRUE(Eventually([&] { return copy_.Text(copy_.keys.Halt(kP)) == "FORK"; }));
  EXPECT_TRUE(Eventually([&] { return !Told("log").first && !Told("log").second.empty(); }));
}

TEST_F(GateTest, The_log_waits_for_the_side_topics_in_every_new_store) {
  Open();
  log_.Append("keys", kP, Child(), "wrapped");
  ASSERT_TRUE(Eventually([&] { return copy_.Text(copy_.keys.Mark(kP, "keys")) == "1"; }));
  // In the new store, the key is read but not yet written; meanwhile something comes that is to be reacted to.
  std::atomic<bool> once{true};
  std::atomic<bool> too_early{false};
  const auto before = store_.Generation();
  store_.BeforeRunForTest([&](const Transaction& tx) {
    for (const auto& w : tx.writes) {
      if (w.op != "set" || w.args[0] != copy_.keys.Mark(kP, "keys") || tx.generation == before || !once.exchange(false))
        continue;
      log_.Append("log", kP, Child(), RecordOf("consent", Child(), 1, "react", "w"));
      // In the store: whoever was waiting for the log when the old one went may still think, and is then refused.
      too_early = Eventually([&] { return !Own().empty(); }, Millis(150));
    }
  });
  store_.WipeForTest();
  ASSERT_TRUE(Opens());
  EXPECT_FALSE(once);
  EXPECT_FALSE(too_early);
  EXPECT_TRUE(Eventually([&] { return Own().size() == 1; }));
}

TEST_F(GateTest, Stopped_it_takes_nothing_and_tells_who_waits) {
  Open();
  log_.Always(Fate::kHold);
  auto done = Do("r1", "hello");
  ASSERT_TRUE(done);
  std::atomic<int> state{-1};
  gate_->WhenPublished(*done, std::chrono::steady_clock::now() + Millis(60'000),
                       [&](ReceiptState s) { state = static_cast<int>(s); });
  log_.Always(Fate::kAck);
  std::thread releaser([&] { log_.ReleaseReports(); });
  gate_->Stop();
  releaser.join();
  EXPECT_NE(state, -1);
  EXPECT_FALSE(gate_->Open());
  auto refused = Do("r2", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
}

TEST_F(GateTest, Stop_comes_through_at_any_moment) {
  for (int i = 0; i < 8; ++i) {
    Make();
    gate_->Start();
    if (i % 4 == 1) {
      EXPECT_TRUE(Opens());
    }
    if (i % 4 == 2) store_.WipeForTest();
    if (i % 4 == 3) store_.DownForTest(true);
    gate_->Stop();
    store_.DownForTest(false);
  }
  log_.WatermarksFail(true);
  Make();
  gate_->Start();
  gate_->Stop();
  Make();
  gate_->Stop();  // never started
}

}  // namespace
}  // namespace stafett::gate::test
