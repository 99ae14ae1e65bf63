#include "lib/gate/tailer.h"

#include "lib/gate/relay.h"
#include "unit/lib/gate/tailer_support.h"

namespace stafett::gate::test {
namespace {

class TailerTest : public ::testing::Test {
 protected:
  void TearDown() override { store_.BeforeRunForTest(nullptr); }  // what a test's hook refers to is gone
  // A child whose partition is 0.
  static std::string Child(int n = 0) {
    for (int i = 0;; ++i) {
      auto name = "ch-" + std::to_string(i);
      if (kafka::PartitionOf(name, kPartitions) == 0 && n-- == 0) return name;
    }
  }
  void Foreign(const std::string& child, std::uint64_t version, const std::string& type, const std::string& body) {
    log_.Append("log", 0, child, RecordOf("consent", child, version, type, body));
  }
  void OwnRecord(const std::string& child, std::uint64_t version, const std::string& body, std::uint64_t inputs = 0) {
    log_.Append("log", 0, child, RecordOf("cases", child, version, "no.stafett.cases.said.v1", body, inputs));
  }
  bool MarkIs(std::int64_t n) {
    return Eventually([&] { return a_.copy.Text(keys_.Mark(0, "log")) == std::to_string(n); });
  }
  bool MarkAtEnd() { return MarkIs(log_.End("log", 0)); }
  std::vector<std::string> Inputs(const std::string& child) {
    std::vector<std::string> bodies;
    auto read = store_.Read({Get::List(keys_.Inputs(0, child), 0)}, Soon());
    for (const auto& i : read->values[0].list) bodies.push_back(BodyOf(DecodeInput(i)->record));
    return bodies;
  }
  // Why, where, and of which stream.
  std::string Parked(const std::string& child) {
    auto text = store_.Read({Get::HashField(keys_.Index(0, "parked"), child)}, Soon())->values[0];
    if (!text.present) return "";
    auto parked = DecodeParked(text.string);
    return parked->why + " " + std::to_string(parked->offset) + " " + parked->stream;
  }
  std::string InForce() { return a_.copy.Text(keys_.Index(0, "in-force")); }
  std::vector<std::string> ParkedRecords(const std::string& child) {
    std::vector<std::string> bodies;
    auto read = store_.Read({Get::Sorted(keys_.Waiting(0, child), 0, 100)}, Soon());
    for (const auto& w : read->values[0].list) {
      bodies.push_back(BodyOf(log_.Records("log", 0)[static_cast<std::size_t>(DecodeWaiting(w).offset)].value));
    }
    return bodies;
  }
  std::vector<std::string> Outbox() {
    std::vector<std::string> out;
    for (const auto& v : OutboxOf(store_, keys_.Outbox(0))) out.push_back(Decode(v) ? BodyOf(v) : v);
    return out;
  }

  MemoryStore store_;
  MemoryLog log_;
  Keys keys_{"cases", kPartitions};
  TailerCopy a_{store_, log_, "a", Millis(120)};
};

TEST_F(TailerTest, Records_of_others_are_taken_in_order_once_with_their_place) {
  Foreign(Child(), 1, "take", "1");
  Foreign(Child(), 2, "leave", "2");
  Foreign(Child(), 3, "take", "3");
  Foreign(Child(1), 1, "take", "x");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "3"));
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x"));
  auto first = DecodeInput(store_.Read({Get::List(keys_.Inputs(0, Child()), 0)}, Soon())->values[0].list[1]);
  EXPECT_EQ(first->offset, 2);
  EXPECT_EQ(first->appended.ms, log_.Records("log", 0)[2].timestamp_ms);
  EXPECT_TRUE(Eventually([&] { return a_.tailer.GetStats().applied == 4U; }));  // counted behind the mark
}

TEST_F(TailerTest, Repeats_are_dropped) {
  for (int i = 0; i < 2; ++i) {  // a zombie relay: v1 v2 v1 v2
    Foreign(Child(), 1, "take", "1");
    Foreign(Child(), 2, "take", "2");
  }
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  Foreign(Child(), 2, "take", "2");
  Foreign(Child(), 3, "take", "3");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "2", "3"));
  EXPECT_TRUE(Eventually([&] { return a_.tailer.GetStats().dropped == 3U; }));  // counted behind the mark
}

TEST_F(TailerTest, What_this_service_wrote_itself_comes_back_and_changes_nothing) {
  ASSERT_TRUE(a_.copy.Do(Child(), "r1", "mine"));
  log_.Append("log", 0, Child(), OutboxOf(store_, keys_.Outbox(0))[0]);
  auto before = store_.DumpForTest();
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  auto after = store_.DumpForTest();
  for (auto* dump : {&before, &after}) {
    for (const auto& key : {keys_.Mark(0, "log"), keys_.Fence(0)}) dump->erase(key);
  }
  EXPECT_EQ(after, before);
  EXPECT_TRUE(a_.shards.Halted().empty());
}

TEST_F(TailerTest, A_hole_in_the_own_stream_halts_the_partition) {
  OwnRecord(Child(), 1, "1");
  OwnRecord(Child(), 3, "3");
  a_.tailer.Start();
  ASSERT_TRUE(Eventually([&] { return a_.shards.Halted().contains(0); }));
  EXPECT_EQ(a_.shards.Halted()[0], "LOG_HOLE");
  EXPECT_TRUE(Eventually([&] { return a_.copy.Text(keys_.Halt(0)) == "LOG_HOLE"; }));
}

// Two histories under one version: whatever let it happen, it must not go on in silence.
TEST_F(TailerTest, An_own_record_with_other_bytes_than_stored_halts_the_partition) {
  ASSERT_TRUE(a_.copy.Do(Child(), "r1", "what the store has"));
  a_.tailer.Start();
  OwnRecord(Child(), 1, "what the log has");
  ASSERT_TRUE(Eventually([&] { return a_.shards.Halted().contains(0); }));
  EXPECT_EQ(a_.shards.Halted()[0], "FORK");
}

// Found by reading: what an applier had read for a child that then was parked was still there when the gap closed, with
// the rules of then.
TEST_F(TailerTest, Each_batch_says_anew_whom_it_is_about_and_that_may_be_nobody) {
  Foreign(Child(), 2, "react", "behind a gap");
  for (int i = 0; i < 5; ++i) a_.tailer.TurnForTest();
  {
    const std::lock_guard lock(a_.applier.mutex);
    ASSERT_FALSE(a_.applier.expected.empty());
    EXPECT_THAT(a_.applier.expected.back(), ElementsAre(Child()));
    a_.applier.expected.clear();
  }
  Foreign(Child(), 1, "leave", "what was missing");
  for (int i = 0; i < 5; ++i) a_.tailer.TurnForTest();
  const std::lock_guard lock(a_.applier.mutex);
  EXPECT_THAT(a_.applier.expected, ::testing::Contains(IsEmpty()));
}

// Both come in one batch, before the first of them is stored.
TEST_F(TailerTest, Two_own_records_of_one_version_with_other_bytes_halt_the_partition) {
  OwnRecord(Child(), 1, "one");
  OwnRecord(Child(), 1, "another");
  a_.tailer.Start();
  ASSERT_TRUE(Eventually([&] { return a_.shards.Halted().contains(0); }));
  EXPECT_EQ(a_.shards.Halted()[0], "FORK");
}

// The first pass asks for what is stored only once it meets something that is.
TEST_F(TailerTest, Repeats_among_many_own_records_are_compared_in_a_rebuild_and_do_not_hold_it_up) {
  constexpr std::uint64_t kRecords = 3000;
  auto write = [&](std::uint64_t v) { OwnRecord(Child(), v, std::to_string(v)); };
  for (std::uint64_t v = 1; v <= kRecords; ++v) {
    write(v);
    if (v % 100 == 0) write(v - 50);
  }
  for (int i = 0; i < 10 && !a_.copy.Text(keys_.Mark(0, "log")).starts_with("3030"); ++i) a_.tailer.TurnForTest();
  EXPECT_EQ(a_.copy.Text(keys_.Mark(0, "log")), "3030") << "a turn for each pass, and some to begin";
  EXPECT_EQ(a_.copy.Own(Child()).size(), kRecords);
  EXPECT_THAT(a_.shards.Halted(), IsEmpty());

  store_.WipeForTest();
  OwnRecord(Child(), kRecords - 50, "another");
  EXPECT_TRUE(Eventually([&] {
    a_.shards.TurnForTest();
    a_.tailer.TurnForTest();
    return a_.shards.Halted().contains(0);
  }));
  EXPECT_EQ(a_.shards.Halted()[0], "FORK");
}

TEST_F(TailerTest, A_gap_parks_the_child_and_the_others_go_on) {
  Foreign(Child(), 1, "take", "1");
  Foreign(Child(), 3, "take", "3");
  log_.Append("log", 0, Child(), RecordOf("escalation", Child(), 1, "take", "of another stream"));
  Foreign(Child(), 4, "take", "4");
  Foreign(Child(1), 1, "take", "x");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(Inputs(Child()), ElementsAre("1"));
  EXPECT_THAT(ParkedRecords(Child()), ElementsAre("3", "of another stream", "4"));
  EXPECT_EQ(Parked(Child()), "GAP 1 consent/" + Child());
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x"));
  EXPECT_TRUE(Eventually([&] { return a_.tailer.GetStats().parked == 3U; }));  // counted behind the mark
  // Also in the next batch.
  Foreign(Child(), 5, "take", "5");
  Foreign(Child(1), 2, "take", "y");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(ParkedRecords(Child()), ElementsAre("3", "of another stream", "4", "5"));
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x", "y"));
}

// A tail that was lost and written again behind what others wrote meanwhile (auditor/adapters/repairer.h).
TEST_F(TailerTest, When_the_missing_record_comes_after_all_the_child_goes_on_from_where_it_was_parked) {
  Foreign(Child(), 1, "take", "1");
  Foreign(Child(), 3, "react", "3");
  Foreign(Child(1), 1, "take", "x");
  Foreign(Child(), 4, "take", "4");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  ASSERT_TRUE(store_.Run({{}, {Write::Set(keys_.Fence(0), "4")}, 0}, Soon()));
  log_.Append("log", 0, Child(), RecordOf("escalation", Child(), 1, "take", "of another stream"));
  Foreign(Child(), 2, "react", "2");
  ASSERT_TRUE(Eventually([&] { return Inputs(Child()).size() == 5U; }));
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "2", "3", "4", "of another stream"));
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:2", "re:3"));
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x"));
  EXPECT_EQ(Parked(Child()), "");
  EXPECT_THAT(ParkedRecords(Child()), IsEmpty());
  EXPECT_EQ(a_.applier.reactions, 2);
  // Who waits for what was parked waits on: none of its reactions is acknowledged.
  EXPECT_LE(std::stoull(a_.copy.Text(keys_.Fence(0))), 1U);
}

TEST_F(TailerTest, Two_missing_records_come_one_after_the_other) {
  Foreign(Child(), 3, "take", "3");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  Foreign(Child(), 1, "take", "1");
  ASSERT_TRUE(Eventually([&] { return Inputs(Child()).size() == 1U; }));
  Foreign(Child(), 2, "take", "2");
  ASSERT_TRUE(Eventually([&] { return Inputs(Child()).size() == 3U; }));
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "2", "3"));
  EXPECT_EQ(Parked(Child()), "");
}

TEST_F(TailerTest, What_closes_a_gap_may_come_in_the_same_batch) {
  Foreign(Child(), 1, "take", "1");
  Foreign(Child(), 3, "take", "3");
  Foreign(Child(), 2, "take", "2");
  Foreign(Child(), 4, "take", "4");
  a_.tailer.Start();
  ASSERT_TRUE(Eventually([&] { return Inputs(Child()).size() == 4U; }));
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "2", "3", "4"));
  EXPECT_EQ(Parked(Child()), "");
}

TEST_F(TailerTest, What_closes_a_gap_and_cannot_be_taken_leaves_the_child_parked) {
  Foreign(Child(), 2, "take", "2");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  a_.applier.before = [&](const Envelope& e, const kafka::Record&) -> Status {
    if (e.version == 1) return Fail(Code::kUnavailable, "KEY_NOT_HERE", "never");
    return {};
  };
  Foreign(Child(), 1, "react", "1");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(Parked(Child()), "GAP 0 consent/" + Child());
  EXPECT_THAT(ParkedRecords(Child()), ElementsAre("2", "1"));
  EXPECT_THAT(Inputs(Child()), IsEmpty());
}

// Found by a test that failed now and then: between the passes nothing was left.
TEST_F(TailerTest, Between_the_passes_all_of_the_second_is_left) {
  for (std::uint64_t version : {1, 2, 3}) OwnRecord(Child(), version, std::to_string(version));
  while (a_.tailer.GetStats().passed < 3) a_.tailer.TurnForTest();
  EXPECT_EQ(a_.tailer.GetStats().left, 3U);
}

TEST_F(TailerTest, How_much_is_left_is_counted_in_both_passes) {
  for (std::uint64_t version : {1, 2, 3}) OwnRecord(Child(), version, std::to_string(version));
  Foreign(Child(), 1, "take", "x");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_TRUE(Eventually([&] { return a_.tailer.GetStats().left == 0U; }));
  EXPECT_EQ(a_.tailer.GetStats().passed, 8U);
}

TEST_F(TailerTest, A_hole_in_the_own_stream_that_is_filled_further_on_is_none) {
  OwnRecord(Child(), 2, "2");
  OwnRecord(Child(), 3, "3");
  OwnRecord(Child(), 1, "1");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("1", "2", "3"));
  EXPECT_THAT(a_.shards.Halted(), IsEmpty());
}

// The same of a topic that is read once only: a ledger whose lost tail was written over before it was mended.
TEST_F(TailerTest, A_hole_in_another_topic_of_its_own_that_is_filled_further_on_is_none) {
  auto append = [&](std::uint64_t version) {
    const auto body = std::to_string(version);
    log_.Append("ledger", 0, Child(), RecordOf("cases", Child(), version, "no.stafett.cases.said.v1", body, 0));
  };
  for (std::uint64_t version : {1, 4, 3, 2}) append(version);
  Tailer ledger(store_, keys_, a_.shards, log_.Reader(), "ledger", "ledger", a_.applier, a_.copy.committer);
  ledger.Start();
  auto at = [&](const char* mark) { return a_.copy.Text(keys_.Mark(0, "ledger")) == mark; };
  ASSERT_TRUE(Eventually([&] { return at("4"); }));
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(a_.shards.Halted(), IsEmpty());
  append(6);  // of this one nobody has the one before
  ASSERT_TRUE(Eventually([&] { return a_.shards.Halted().contains(0); }));
  EXPECT_TRUE(at("4"));
}

// An unreadable record may be a withdrawal: nothing more may happen under what it perhaps took back.
TEST_F(TailerTest, An_unreadable_record_parks_the_child_of_its_key) {
  log_.Append("log", 0, Child(), "not a record");
  Foreign(Child(), 1, "take", "1");
  Foreign(Child(1), 1, "take", "x");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(Parked(Child()), "UNREADABLE 0 ");
  EXPECT_THAT(Inputs(Child()), IsEmpty());
  EXPECT_EQ(ParkedRecords(Child()).size(), 2U);
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x"));
  // Who admits a read of this child can guard against it.
  auto read = store_.Run({{Guard::FieldAbsent(keys_.Index(0, "parked"), Child())}, {Write::Set("x", "1")}, 0}, Soon());
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->done);
}

TEST_F(TailerTest, A_reaction_is_written_together_with_its_cause_and_the_mark) {
  Foreign(Child(), 1, "react", "w");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:w"));
  EXPECT_THAT(Inputs(Child()), ElementsAre("w"));
  EXPECT_THAT(Outbox(), ElementsAre("re:w", "signal of w"));
  auto record = Decode(store_.Read({Get::List(keys_.Own(0, Child()), 0)}, Soon())->values[0].list[0]);
  EXPECT_EQ(record->cause, EventId("consent/" + Child(), 1));
  EXPECT_EQ(record->inputs, 1U);  // it follows what it reacts to
  EXPECT_EQ(record->recorded.ms, log_.Records("log", 0)[0].timestamp_ms);
  EXPECT_THAT(a_.copy.children.Load(0, Child(), Soon())->state->steps, ElementsAre("in:w", "own:re:w"));
}

TEST_F(TailerTest, A_copy_that_dies_at_any_moment_leaves_all_of_a_record_or_nothing) {
  Foreign(Child(), 1, "react", "w");
  std::set<std::string> marks;
  for (int writes = 0; writes < 3; ++writes) {
    MemoryStore store;
    TailerCopy dying(store, log_, "a");
    int left = writes;
    store.BeforeRunForTest([&](const Transaction&) { store.DownForTest(left-- <= 0); });
    for (int i = 0; i < 5; ++i) dying.tailer.TurnForTest();
    store.BeforeRunForTest(nullptr);
    store.DownForTest(false);
    const auto mark = dying.copy.Text(keys_.Mark(0, "log"));
    marks.insert(mark);
    EXPECT_EQ(dying.copy.Own(Child()).size(), mark == "1" ? 1U : 0U) << writes;
    EXPECT_EQ(OutboxOf(store, keys_.Outbox(0)).size(), mark == "1" ? 2U : 0U) << writes;
  }
  EXPECT_THAT(marks, ElementsAre("", "1"));  // both were tried
}

TEST_F(TailerTest, The_fence_passes_a_record_only_when_all_that_it_caused_is_acknowledged) {
  Foreign(Child(), 1, "take", "0");
  Foreign(Child(), 2, "react", "w");
  Foreign(Child(), 3, "take", "2");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(a_.copy.Text(keys_.Fence(0)), "1");
  Acks acks(store_, keys_);
  log_.Decide([](const kafka::Message& m) { return m.topic == "log" ? Fate::kAck : Fate::kHold; });
  Relay relay(store_, keys_, a_.shards, acks, log_.Publisher(), RelayOptions{{"log"}});
  relay.Start();
  // The record itself is acknowledged, its signal is not.
  ASSERT_TRUE(Eventually([&] { return a_.copy.Text(keys_.Acked(0)) == "1"; }));
  EXPECT_EQ(a_.copy.Text(keys_.Fence(0)), "1");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(a_.copy.Text(keys_.Fence(0)), "1");
  log_.ReleaseReports();
  EXPECT_TRUE(Eventually([&] { return a_.copy.Text(keys_.Fence(0)) == std::to_string(log_.End("log", 0)); }));
}

TEST_F(TailerTest, A_reaction_is_tried_again_while_its_key_has_not_come) {
  std::atomic<int> unavailable{3};
  a_.applier.before = [&](const Envelope&, const kafka::Record&) -> Status {
    if (unavailable-- > 0) return Fail(Code::kUnavailable, "KEY_NOT_HERE", "later");
    return {};
  };
  TailerCopy patient(store_, log_, "a", Millis(60'000));  // however slow this machine is
  patient.applier.before = a_.applier.before;
  Foreign(Child(), 1, "react", "w");
  patient.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:w"));
  EXPECT_EQ(Parked(Child()), "");
  EXPECT_GE(patient.tailer.GetStats().retries, 3U);
}

TEST_F(TailerTest, When_patience_is_over_the_child_is_parked_and_the_others_go_on) {
  a_.applier.before = [&](const Envelope& e, const kafka::Record&) -> Status {
    if (e.child == Child()) return Fail(Code::kUnavailable, "KEY_NOT_HERE", "never");
    return {};
  };
  Foreign(Child(), 1, "react", "w");
  Foreign(Child(), 2, "react", "w2");
  Foreign(Child(1), 1, "react", "x");
  a_.tailer.Start();
  ASSERT_TRUE(MarkIs(3));
  EXPECT_EQ(Parked(Child()), "KEY_NOT_HERE 0 consent/" + Child());
  EXPECT_THAT(ParkedRecords(Child()), ElementsAre("w", "w2"));
  EXPECT_THAT(a_.copy.Own(Child(1)), ElementsAre("re:x"));
}

TEST_F(TailerTest, A_partition_that_waits_does_not_hold_up_the_other_partitions) {
  a_.applier.before = [&](const Envelope& e, const kafka::Record&) -> Status {
    if (e.child == Child()) return Fail(Code::kUnavailable, "KEY_NOT_HERE", "never");
    return {};
  };
  TailerCopy patient(store_, log_, "a", Millis(60'000));
  patient.applier.before = a_.applier.before;
  Foreign(Child(), 1, "react", "w");
  patient.tailer.Start();
  ASSERT_TRUE(Eventually([&] { return patient.tailer.GetStats().retries > 2; }));
  for (int i = 1; i <= 500; ++i) {
    log_.Append("log", 1, "other", RecordOf("consent", "other", static_cast<std::uint64_t>(i), "take", "x"));
  }
  EXPECT_TRUE(Eventually([&] { return patient.copy.Text(keys_.Mark(1, "log")) == "500"; }));
  EXPECT_EQ(patient.copy.Text(keys_.Mark(0, "log")), "");
}

// Counts what is asked of a store.
class CountingStore final : public Store {
 public:
  explicit CountingStore(Store& store) : store_(store) {}
  Result<Answer> Read(const std::vector<Get>& gets, Deadline deadline) override {
    asked += gets.size();
    return store_.Read(gets, deadline);
  }
  Result<Outcome> Run(const Transaction& tx, Deadline deadline) override { return store_.Run(tx, deadline); }
  std::unique_ptr<StreamReader> OpenStreams() override { return store_.OpenStreams(); }
  std::uint64_t Generation() const override { return store_.Generation(); }
  bool Connected() const override { return store_.Connected(); }
  std::atomic<std::size_t> asked{0};

 private:
  Store& store_;
};

// A service that reacts to most of the log (escalation) once asked a thousand things for each record of a rebuild.
TEST_F(TailerTest, What_is_asked_grows_with_the_reactions_and_not_with_their_square) {
  constexpr std::size_t kRecords = 200;  // come in one poll
  for (std::uint64_t v = 1; v <= kRecords; ++v) Foreign(Child(), v, "react", std::to_string(v));
  CountingStore counting(store_);
  Tailer tailer(counting, keys_, a_.shards, log_.Reader(), "log", "log", a_.applier, a_.copy.committer);
  tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(a_.applier.reactions, static_cast<int>(kRecords));
  EXPECT_LT(counting.asked, 20 * kRecords);
}

TEST_F(TailerTest, A_reaction_decided_on_lists_that_grew_meanwhile_is_decided_again) {
  std::atomic<bool> once{true};
  a_.applier.before = [&](const Envelope&, const kafka::Record&) -> Status { return {}; };
  store_.BeforeRunForTest([&](const Transaction& tx) {
    bool reaction = false;
    for (const auto& w : tx.writes) reaction = reaction || (w.op == "push" && BodyOf(w.args[1]) == "re:w");
    if (!reaction || !once.exchange(false)) return;
    Copy other(store_);
    EXPECT_TRUE(other.Do(Child(), "r1", "a command"));
  });
  Foreign(Child(), 1, "react", "w");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("a command", "re:w"));
  EXPECT_EQ(a_.applier.reactions, 2);
  EXPECT_GE(a_.tailer.GetStats().conflicts, 1U);
}

// Each step of the store is flushed to its disk: a step for each reaction made a service slower than those that it
// follows.
TEST_F(TailerTest, Reactions_of_several_children_happen_in_one_step_and_two_of_one_child_do_not) {
  std::vector<std::vector<std::string>> steps;
  store_.BeforeRunForTest([&](const Transaction& tx) {
    std::vector<std::string> said;
    for (const auto& w : tx.writes) {
      if (w.op == "push" && w.args[0].find(":own:") != std::string::npos) said.push_back(BodyOf(w.args[1]));
    }
    if (!said.empty()) steps.push_back(said);
  });
  Foreign(Child(), 1, "react", "a1");
  Foreign(Child(1), 1, "react", "b1");
  Foreign(Child(2), 1, "take", "c1");
  Foreign(Child(1), 2, "react", "b2");
  Foreign(Child(2), 2, "react", "c2");
  for (int i = 0; i < 10 && a_.copy.Text(keys_.Mark(0, "log")) != "5"; ++i) a_.tailer.TurnForTest();
  EXPECT_THAT(steps, ElementsAre(ElementsAre("re:a1", "re:b1"), ElementsAre("re:b2", "re:c2")));
  EXPECT_THAT(Inputs(Child(2)), ElementsAre("c1", "c2"));
}

TEST_F(TailerTest, Nobody_reacts_in_the_step_in_which_something_takes_effect_for_all) {
  ASSERT_TRUE(a_.copy.Do(Child(1), "r1", "rules 1"));
  std::string seen = "not asked";
  a_.applier.before = [&](const Envelope&, const kafka::Record&) -> Status {
    seen = InForce();
    return {};
  };
  log_.Append("log", 0, Child(1), OutboxOf(store_, keys_.Outbox(0))[0]);
  Foreign(Child(), 1, "react", "w");
  for (int i = 0; i < 10 && a_.copy.Text(keys_.Mark(0, "log")) != "2"; ++i) a_.tailer.TurnForTest();
  EXPECT_EQ(seen, "rules 1");
}

// An escalation that is raised in the moment in which what it waits for is taken would stay for ever.
TEST_F(TailerTest, That_there_is_nothing_to_say_rests_on_what_was_read_too) {
  a_.applier.nothing = [](const Trace& t) { return t.steps.empty(); };
  std::atomic<bool> once{true};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    bool takes = false;
    for (const auto& w : tx.writes) takes = takes || (w.op == "push" && w.args[0] == keys_.Inputs(0, Child()));
    if (!takes || !once.exchange(false)) return;
    Copy other(store_);
    EXPECT_TRUE(other.Do(Child(), "r1", "raised"));
  });
  Foreign(Child(), 1, "react", "done");
  for (int i = 0; i < 10 && a_.copy.Text(keys_.Mark(0, "log")) != "1"; ++i) a_.tailer.TurnForTest();
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("raised", "re:done"));
}

// A command lost the race against a batch of many children: all of them are decided anew, fewer at a time.
TEST_F(TailerTest, A_batch_that_lost_a_race_is_decided_again_without_a_new_start) {
  std::atomic<int> races{3};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    bool reaction = false;
    for (const auto& w : tx.writes) reaction = reaction || (w.op == "push" && BodyOf(w.args[1]).starts_with("re:"));
    if (!reaction || races-- <= 0) return;
    Copy other(store_);
    EXPECT_TRUE(other.Do(Child(), "r" + std::to_string(races.load()), "a command"));
  });
  for (int n = 0; n < 6; ++n) Foreign(Child(n), 1, "react", std::to_string(n));
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  for (int n = 1; n < 6; ++n) EXPECT_THAT(a_.copy.Own(Child(n)), ElementsAre("re:" + std::to_string(n)));
  EXPECT_EQ(a_.copy.Own(Child()).back(), "re:0");
}

// Its reader goes on while a partition waits to be begun anew. What came then was applied first of all, and the mark
// was moved behind it: the records between were never read again.
TEST_F(TailerTest, What_is_read_while_a_record_is_tried_again_does_not_come_before_it) {
  std::atomic<bool> able{false};
  a_.applier.before = [&](const Envelope&, const kafka::Record&) -> Status {
    if (!able) return Fail(Code::kUnavailable, "KEY_NOT_HERE", "not yet");
    return {};
  };
  Foreign(Child(), 1, "react", "w");
  Tailer patient(store_, keys_, a_.shards, log_.Reader(), "log", "log", a_.applier, a_.copy.committer);
  patient.Start();
  std::uint64_t others = 0;  // one after the other, so that some come at any moment between two tries
  ASSERT_TRUE(Eventually([&] {
    Foreign(Child(static_cast<int>(++others)), 1, "leave", "x");
    return patient.GetStats().retries >= 10;
  }));
  EXPECT_EQ(a_.copy.Text(keys_.Mark(0, "log")), "");
  able = true;
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:w"));
  EXPECT_TRUE(Eventually([&] { return patient.GetStats().applied == others + 1; }));
}

TEST_F(TailerTest, Reactions_to_another_partition_are_refused) {
  class Astray final : public Applier {
   public:
    bool Takes(const Envelope&) const override { return true; }
    bool Reacts(const Envelope&) const override { return true; }
    std::vector<std::string> RestsOn() const override { return {}; }
    Result<std::optional<Reaction>> React(int p, const Envelope& e, const kafka::Record&) override {
      Reaction r;
      r.target = {p + 1, e.child, true};
      r.proposal = Say("x");
      return std::optional<Reaction>(std::move(r));
    }
    Result<std::vector<Write>> Restore(int, const Envelope&) override { return std::vector<Write>{}; }
  } astray;
  Tailer tailer(store_, keys_, a_.shards, log_.Reader(), "log", "log", astray, a_.copy.committer, nullptr, Millis(30));
  Foreign(Child(), 1, "react", "w");
  tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(Parked(Child()), "BAD_TARGET 0 consent/" + Child());
}

TEST_F(TailerTest, Two_copies_that_read_the_same_records_apply_each_exactly_once) {
  TailerCopy b(store_, log_, "a");  // both believe that they hold the partitions
  a_.tailer.Start();
  b.tailer.Start();
  std::vector<std::string> expected;
  for (int i = 1; i <= 150; ++i) {
    auto body = std::to_string(i);
    Foreign(Child(), static_cast<std::uint64_t>(i), i % 3 == 0 ? "react" : "take", body);
    if (i % 3 == 0) expected.push_back("re:" + body);
    if (i % 10 == 0) Foreign(Child(), static_cast<std::uint64_t>(i - 2), "take", "repeat");
  }
  ASSERT_TRUE(MarkAtEnd());
  a_.tailer.Stop();
  b.tailer.Stop();
  EXPECT_EQ(a_.copy.Own(Child()), expected);
  EXPECT_EQ(Inputs(Child()).size(), 150U);
  EXPECT_EQ(Outbox().size(), 100U);
  EXPECT_EQ(a_.tailer.GetStats().applied + b.tailer.GetStats().applied, 150U);
  EXPECT_EQ(Parked(Child()), "");
}

// A zombie: it read, reacted, slept through a takeover, and writes.
TEST_F(TailerTest, A_copy_that_slept_between_reading_and_writing_writes_nothing) {
  std::atomic<bool> once{true};
  std::atomic<bool> zombie_done{false};
  auto zombie = std::this_thread::get_id();
  TailerCopy b(store_, log_, "a");
  store_.BeforeRunForTest([&](const Transaction& tx) {
    bool mark = false;
    for (const auto& w : tx.writes)
      mark = mark || (w.op.ends_with("set") && std::count(w.args.begin(), w.args.end(), keys_.Mark(0, "log")) > 0);
    if (!mark || std::this_thread::get_id() != zombie || !once.exchange(false)) return;
    std::thread successor([&] {
      while (b.copy.Text(keys_.Mark(0, "log")) != "2") b.tailer.TurnForTest();
    });
    successor.join();
    zombie_done = true;
  });
  Foreign(Child(), 1, "react", "w");
  Foreign(Child(), 2, "react", "w2");
  for (int i = 0; i < 10 && !zombie_done; ++i) a_.tailer.TurnForTest();
  ASSERT_TRUE(zombie_done);
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:w", "re:w2"));
  EXPECT_EQ(a_.tailer.GetStats().applied, 0U);
  EXPECT_THAT(Outbox(), ElementsAre("re:w", "signal of w", "re:w2", "signal of w2"));
}

// The same where nothing is derived, so that no length guards the step: taken a second time, a consent would stand
// behind its own withdrawal (tests/model, variant no_mark_guard).
TEST_F(TailerTest, A_copy_that_slept_over_a_record_that_is_only_taken_does_not_take_it_again) {
  TailerCopy b(store_, log_, "a");
  std::atomic<bool> once{true};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    const bool takes = std::any_of(tx.writes.begin(), tx.writes.end(), [](const Write& w) { return w.op == "push"; });
    if (!takes || !once.exchange(false)) return;
    Foreign(Child(), 2, "take", "withdrawn");
    for (int i = 0; i < 10; ++i) b.tailer.TurnForTest();
  });
  Foreign(Child(), 1, "take", "granted");
  for (int i = 0; i < 20; ++i) a_.tailer.TurnForTest();
  EXPECT_FALSE(once);
  EXPECT_THAT(Inputs(Child()), ElementsAre("granted", "withdrawn"));
  EXPECT_EQ(b.tailer.GetStats().applied, 2U);
}

// ---- what takes effect at its place in the log (tests/model, variants repeat_activates and first_pass_activates)

TEST_F(TailerTest, A_repeat_of_an_own_record_does_not_take_effect_again) {
  OwnRecord(Child(), 1, "rules 1");
  OwnRecord(Child(), 2, "rules 2");
  OwnRecord(Child(), 1, "rules 1");  // a zombie relay that died after the first of two
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(InForce(), "rules 2");
  // Also in a step of its own.
  OwnRecord(Child(), 1, "rules 1");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(InForce(), "rules 2");
  OwnRecord(Child(), 3, "rules 3");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(InForce(), "rules 3");
}

TEST_F(TailerTest, An_own_record_takes_no_effect_on_what_lies_before_it) {
  ASSERT_TRUE(a_.copy.Do(Child(1), "r1", "rules 1"));
  std::string seen = "not asked";
  a_.applier.before = [&](const Envelope&, const kafka::Record&) -> Status {
    seen = InForce();
    return {};
  };
  Foreign(Child(), 1, "react", "w");
  log_.Append("log", 0, Child(1), OutboxOf(store_, keys_.Outbox(0))[0]);
  for (int i = 0; i < 10 && a_.copy.Text(keys_.Mark(0, "log")) != "2"; ++i) a_.tailer.TurnForTest();
  EXPECT_EQ(seen, "");
  EXPECT_EQ(InForce(), "rules 1");
}

TEST_F(TailerTest, A_copy_that_slept_while_it_restored_does_not_put_old_rules_in_force) {
  ASSERT_TRUE(a_.copy.Do(Child(), "r1", "rules 1"));
  ASSERT_TRUE(a_.copy.Do(Child(), "r2", "rules 2"));
  const auto records = OutboxOf(store_, keys_.Outbox(0));
  log_.Append("log", 0, Child(), records[0]);
  TailerCopy b(store_, log_, "a");
  // Between the first one's reading and writing, the second one does all of it, and what comes behind.
  std::atomic<bool> once{true};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.empty() || !once.exchange(false)) return;
    log_.Append("log", 0, Child(), records[1]);
    for (int i = 0; i < 10; ++i) b.tailer.TurnForTest();
  });
  ASSERT_TRUE(Eventually([&] {
    a_.tailer.TurnForTest();
    return a_.copy.Text(keys_.Mark(0, "log")) == "2";
  }));
  EXPECT_FALSE(once);
  for (int i = 0; i < 10; ++i) a_.tailer.TurnForTest();
  EXPECT_EQ(InForce(), "rules 2");
}

// Found by reading: what the first pass had given back was not compared any more, though the log had been mended.
TEST_F(TailerTest, What_was_restored_is_compared_again_where_the_mark_was_set_back) {
  OwnRecord(Child(), 1, "one");
  // Not by its own thread, which may look while the log is short.
  while (a_.copy.Text(keys_.Mark(0, "log")) != "1") a_.tailer.TurnForTest();
  log_.CutTail("log", 0, 0);
  OwnRecord(Child(), 1, "another");
  Transaction tx;
  tx.writes = {Write::Rewind(keys_.Mark(0, "log"), 0, keys_.Fence(0), keys_.Outbox(0))};
  ASSERT_TRUE(store_.Run(tx, Soon())->done);
  ASSERT_TRUE(Eventually([&] {
    a_.tailer.TurnForTest();
    return a_.shards.Halted().contains(0);
  }));
  EXPECT_EQ(a_.shards.Halted()[0], "FORK");
}

// Found by reading: the other copy had filled the hole, and there was nothing left to give back.
TEST_F(TailerTest, A_first_pass_that_begins_anew_forgets_the_holes_it_saw) {
  OwnRecord(Child(), 2, "2");
  OwnRecord(Child(), 1, "1");
  TailerCopy b(store_, log_, "a");
  std::atomic<bool> once{true};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.empty() || !once.exchange(false)) return;
    for (int i = 0; i < 10; ++i) b.tailer.TurnForTest();
  });
  EXPECT_TRUE(Eventually([&] {
    a_.tailer.TurnForTest();
    return a_.tailer.GetStats().left == 0 || !a_.shards.Halted().empty();
  }));
  EXPECT_FALSE(once);
  EXPECT_THAT(a_.shards.Halted(), IsEmpty());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("1", "2"));
}

TEST_F(TailerTest, A_lost_reply_of_an_application_is_found_out_and_not_repeated) {
  store_.LoseRepliesForTest(1);
  Foreign(Child(), 1, "react", "w");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  Foreign(Child(), 2, "take", "2");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:w"));
  EXPECT_THAT(Inputs(Child()), ElementsAre("w", "2"));
}

TEST_F(TailerTest, What_was_read_for_one_store_is_not_applied_to_another) {
  Foreign(Child(), 1, "take", "1");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  std::atomic<bool> once{true};
  auto empty = std::make_shared<const MemoryStore::Data>();
  store_.BeforeRunForTest([&](const Transaction&) {
    if (once.exchange(false)) {
      store_.WipeForTest();
      a_.shards.TurnForTest();
    }
  });
  Foreign(Child(), 2, "take", "2");
  ASSERT_TRUE(Eventually([&] { return !once; }));
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "2"));
}

// It met its own third record, and nothing of the first two: they had been in the store that was lost.
TEST_F(TailerTest, A_store_that_is_lost_while_the_log_is_looked_at_is_no_hole_in_the_log) {
  for (std::uint64_t n = 1; n <= 2; ++n) OwnRecord(Child(), n, std::to_string(n));
  while (a_.copy.Text(keys_.Mark(0, "log")) != "2") a_.tailer.TurnForTest();
  OwnRecord(Child(), 3, "3");
  TailerCopy b(store_, log_, "a");
  std::atomic<bool> once{true};
  log_.BeforeWatermarks([&](const std::string&, int p) {
    if (p == 0 && once.exchange(false)) store_.WipeForTest();
  });
  for (int i = 0; i < 3; ++i) b.tailer.TurnForTest();
  ASSERT_FALSE(once);
  log_.BeforeWatermarks(nullptr);
  EXPECT_EQ(b.copy.Text(keys_.Halt(0)), "");
  b.shards.TurnForTest();
  ASSERT_TRUE(Eventually([&] {
    b.tailer.TurnForTest();
    return b.copy.Text(keys_.Mark(0, "log")) == "3";
  }));
  EXPECT_THAT(b.copy.Own(Child()), ElementsAre("1", "2", "3"));
}

TEST_F(TailerTest, What_a_reader_leaves_out_is_not_passed_over) {
  Foreign(Child(), 1, "take", "1");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  log_.LeaveOutNext("log", 0);
  Foreign(Child(), 2, "take", "2");
  Foreign(Child(1), 1, "take", "x");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "2"));
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x"));
}

// The broker's word may be one about an earlier assignment, when there was less in the log than now.
TEST_F(TailerTest, An_old_word_that_nothing_is_there_is_looked_into) {
  Foreign(Child(), 1, "take", "1");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  log_.SayOutOfRange("log", 0);
  Foreign(Child(), 2, "take", "2");
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "2"));
  EXPECT_THAT(a_.shards.Halted(), IsEmpty());
}

TEST_F(TailerTest, A_mark_beyond_the_end_halts) {
  Foreign(Child(), 1, "take", "1");
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  log_.CutTail("log", 0, 0);
  EXPECT_TRUE(Eventually([&] { return a_.shards.Halted().contains(0); }));
}

TEST_F(TailerTest, It_stands_still_until_it_may_begin) {
  std::atomic<bool> may{false};
  Tailer waiting(store_, keys_, a_.shards, log_.Reader(), "log", "log", a_.applier, a_.copy.committer,
                 [&] { return may.load(); });
  Foreign(Child(), 1, "take", "1");
  for (int i = 0; i < 5; ++i) waiting.TurnForTest();
  EXPECT_EQ(a_.copy.Text(keys_.Mark(0, "log")), "");
  may = true;
  ASSERT_TRUE(Eventually([&] {
    waiting.TurnForTest();
    return a_.copy.Text(keys_.Mark(0, "log")) == "1";
  }));
}

TEST_F(TailerTest, A_partition_that_is_lost_is_left_alone) {
  Foreign(Child(), 1, "take", "1");
  auto mark_is = [&](int p, const std::string& n) {
    return Eventually([&] {
      a_.tailer.TurnForTest();
      return a_.copy.Text(keys_.Mark(p, "log")) == n;
    });
  };
  ASSERT_TRUE(mark_is(0, "1"));
  store_.AdvanceForTest(Millis(10'000));
  ASSERT_TRUE(store_.Run({{}, {Write::Lease(keys_.Lease(0), "b", Millis(60'000))}, 0}, Soon()));
  a_.shards.TurnForTest();
  Foreign(Child(), 2, "take", "2");
  log_.Append("log", 1, "k", RecordOf("consent", "k", 1, "take", "x"));
  ASSERT_TRUE(mark_is(1, "1"));
  EXPECT_EQ(a_.copy.Text(keys_.Mark(0, "log")), "1");
}

// ---- rebuild: what the log gives back ------------------------------------------------------------------------------

TEST_F(TailerTest, Rebuild_restores_own_records_and_what_was_remembered_of_them) {
  auto command = CommandOf("r1");
  auto done = a_.copy.Do(Child(), command, [](const Loaded<Trace>&) -> Result<Proposal> {
    auto p = Say("1");
    p.events.push_back(p.events[0]);
    return p;
  });
  ASSERT_TRUE(done);
  auto derived = CommandOf("r2");
  derived.cause = "e-1";  // a command with a cause is a command: a repeat must be recognised after a rebuild as well
  ASSERT_TRUE(a_.copy.Do(Child(), derived, [](const Loaded<Trace>&) -> Result<Proposal> { return Say("2"); }));
  for (const auto& v : OutboxOf(store_, keys_.Outbox(0))) log_.Append("log", 0, Child(), v);
  store_.WipeForTest();
  a_.shards.TurnForTest();
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("1", "1", "2"));
  EXPECT_EQ(a_.copy.Text(keys_.Index(0, "seen:" + Child())), "3");
  auto again = a_.copy.Do(Child(), "r1", "1");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->replay);
  EXPECT_EQ(again->version, 2U);
  EXPECT_EQ(again->outbox, 0U);  // on the log: published
  EXPECT_EQ(again->partition, 0);
  auto derived_again =
      a_.copy.Do(Child(), derived, [](const Loaded<Trace>&) -> Result<Proposal> { return Say("twice"); });
  ASSERT_TRUE(derived_again);
  EXPECT_TRUE(derived_again->replay);
}

// An old log does not fill the store with what nobody sends again. What may only seem old, by a clock that jumped, is
// remembered: else it would be done twice.
TEST_F(TailerTest, Rebuild_remembers_no_request_that_is_forgotten_by_any_clock) {
  auto remembered = [&](const char* request) {
    const auto command = CommandOf(request);
    const auto& committer = a_.copy.committer;
    auto read = store_.Read(committer.RememberedGets(command.request_scope, command.request_id), Soon());
    return read && committer.FromValues(read->values).has_value();
  };
  ASSERT_TRUE(a_.copy.Do(Child(), "old", "1"));
  store_.AdvanceForTest(Millis(1));
  ASSERT_TRUE(a_.copy.Do(Child(), "younger", "2"));
  for (const auto& v : OutboxOf(store_, keys_.Outbox(0))) log_.Append("log", 0, Child(), v);
  store_.AdvanceForTest(kForgotten);
  store_.WipeForTest();
  a_.shards.TurnForTest();
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("1", "2"));
  EXPECT_FALSE(remembered("old"));
  ASSERT_TRUE(remembered("younger"));
  store_.AdvanceForTest(kRememberFor - Millis(1000));
  EXPECT_TRUE(remembered("younger"));
  store_.AdvanceForTest(Millis(1000));
  EXPECT_FALSE(remembered("younger"));
}

// The rebuild that lost commands: in the log, the command raced ahead of the reaction to an earlier record. A rebuild
// that reacts when it meets the cause gives the reaction the command's version, and drops the command.
TEST_F(TailerTest, Rebuild_does_not_react_to_what_had_been_reacted_to) {
  Foreign(Child(), 1, "react", "w");
  OwnRecord(Child(), 1, "command");
  OwnRecord(Child(), 2, "re:w", 1);
  OwnRecord(Child(), 3, "command 2", 1);
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("command", "re:w", "command 2"));
  EXPECT_EQ(a_.applier.reactions, 0);
  EXPECT_THAT(Outbox(), IsEmpty());  // a rebuild sends nothing
  EXPECT_THAT(a_.copy.children.Load(0, Child(), Soon())->state->steps,
              ElementsAre("own:command", "in:w", "own:re:w", "own:command 2"));
  EXPECT_TRUE(a_.shards.Halted().empty());
}

TEST_F(TailerTest, Rebuild_does_not_react_to_what_had_been_looked_at_and_left_alone) {
  Foreign(Child(), 1, "react", "w");
  OwnRecord(Child(), 1, "later command", 1);  // decided when w had been taken, without a reaction
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_EQ(a_.applier.reactions, 0);
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("later command"));
  EXPECT_THAT(Inputs(Child()), ElementsAre("w"));
}

TEST_F(TailerTest, Rebuild_reacts_to_what_nobody_had_got_to) {
  Foreign(Child(), 1, "react", "w");
  OwnRecord(Child(), 1, "re:w", 1);
  Foreign(Child(), 2, "react", "w2");
  OwnRecord(Child(), 2, "raced", 1);
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:w", "raced", "re:w2"));
  EXPECT_EQ(a_.applier.reactions, 1);
}

TEST_F(TailerTest, A_store_with_an_older_end_gets_the_rest_from_the_log) {
  ASSERT_TRUE(a_.copy.Do(Child(), "r1", "1"));
  auto copy = store_.CopyForTest();
  ASSERT_TRUE(a_.copy.Do(Child(), "r2", "2"));
  for (const auto& v : OutboxOf(store_, keys_.Outbox(0))) log_.Append("log", 0, Child(), v);
  auto whole = store_.CopyForTest();
  store_.RollBackForTest(copy);
  a_.shards.TurnForTest();
  a_.tailer.Start();
  ASSERT_TRUE(MarkAtEnd());
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("1", "2"));
  EXPECT_EQ(store_.CopyForTest()->lists.at(keys_.Own(0, Child())), whole->lists.at(keys_.Own(0, Child())));
}

TEST_F(TailerTest, Two_copies_that_rebuild_at_once_restore_each_record_once) {
  for (std::uint64_t v = 1; v <= 300; ++v) OwnRecord(Child(), v, std::to_string(v));
  TailerCopy b(store_, log_, "a");
  // Between the first one's reading and writing, the second one does all of it.
  std::atomic<bool> once{true};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.empty() || tx.writes[0].op != "push" || !once.exchange(false)) return;
    for (int i = 0; i < 10; ++i) b.tailer.TurnForTest();
  });
  ASSERT_TRUE(Eventually([&] {
    a_.tailer.TurnForTest();
    return a_.copy.Text(keys_.Mark(0, "log")) == "300";
  }));
  EXPECT_FALSE(once);
  auto own = a_.copy.Own(Child());
  ASSERT_EQ(own.size(), 300U);
  for (std::size_t i = 0; i < own.size(); ++i) EXPECT_EQ(own[i], std::to_string(i + 1));
  EXPECT_EQ(a_.tailer.GetStats().restored + b.tailer.GetStats().restored, 300U);
  EXPECT_TRUE(a_.shards.Halted().empty());
}

}  // namespace
}  // namespace stafett::gate::test
