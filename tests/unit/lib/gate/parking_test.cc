#include "lib/gate/parking.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "lib/gate/watch.h"
#include "unit/lib/gate/tailer_support.h"

namespace stafett::gate::test {
namespace {

constexpr char kContent[] = "react content";  // may be done without (TestApplier)
constexpr char kFact[] = "react fact";

class ParkingTest : public ::testing::Test {
 protected:
  void TearDown() override { store_.BeforeRunForTest(nullptr); }
  static std::string Child(int n = 0) {
    for (int i = 0;; ++i) {
      auto name = "ch-" + std::to_string(i);
      if (kafka::PartitionOf(name, kPartitions) == 0 && n-- == 0) return name;
    }
  }
  std::int64_t Foreign(const std::string& child, std::uint64_t version, const std::string& type,
                       const std::string& body) {
    return log_.Append("log", 0, child, RecordOf("consent", child, version, type, body));
  }
  std::int64_t Garbage(const std::string& child) { return log_.Append("log", 0, child, "not a record"); }
  // Another service says that what stands there is none of the records that it has written.
  void Vouch(const std::string& service, std::int64_t offset, std::uint64_t own_records, std::uint64_t version = 1) {
    Discarded d;
    d.offset = offset;
    d.child = Child();
    d.digest = DigestOf(log_.Records("log", 0)[static_cast<std::size_t>(offset)].value);
    d.own_records = own_records;
    Envelope e;
    e.stream = service + "/" + ParkingStream(0);
    e.version = version;
    e.event_id = EventId(e.stream, e.version);
    e.type = kDiscardedType;
    e.clear = EncodeDiscarded(d);
    log_.Append("log", 0, ParkingStream(0), Encode(e));
  }
  // The reader takes everything that is there; what the service has written comes onto the log before.
  void Settle() {
    ASSERT_TRUE(Eventually([&] {
      for (const auto& entry : store_.StreamForTest(keys_.Outbox(0))) {
        const auto number = OutboxNumber(entry.id);
        if (number <= sent_) continue;
        sent_ = number;
        std::map<std::string, std::string> fields(entry.fields.begin(), entry.fields.end());
        if (fields["t"] == "log") log_.Append("log", 0, fields["k"], fields["v"]);
      }
      a_.tailer.TurnForTest();
      const auto mark = a_.copy.Text(keys_.Mark(0, "log"));
      return (mark.empty() ? "0" : mark) == std::to_string(log_.End("log", 0)) && !Unsent();
    }));
  }
  bool Unsent() {
    const auto entries = store_.StreamForTest(keys_.Outbox(0));
    return !entries.empty() && OutboxNumber(entries.back().id) > sent_;
  }
  void Wipe() {
    store_.WipeForTest();
    a_.shards.TurnForTest();
    sent_ = 0;
  }
  std::vector<std::string> Inputs(const std::string& child) {
    std::vector<std::string> bodies;
    auto read = store_.Read({Get::List(keys_.Inputs(0, child), 0)}, Soon());
    for (const auto& i : read->values[0].list) bodies.push_back(BodyOf(DecodeInput(i)->record));
    return bodies;
  }
  std::string Cause(const std::string& child) {
    auto text = store_.Read({Get::HashField(keys_.Index(0, "parked"), child)}, Soon())->values[0];
    return text.present ? DecodeParked(text.string)->why : "";
  }
  std::string Hindrance(std::int64_t offset) {
    auto found = parking_.Find({0, offset}, Soon());
    if (!found) return found.error().reason;
    return found->discardable ? "" : found->discardable.error().reason;
  }
  Result<Committed> Discard(std::int64_t offset, const std::string& request = "r1", const std::string& hash = "h") {
    return parking_.Discard(CommandOf(request, hash), {0, offset}, {1, "INC-7"}, Soon());
  }
  // Begins, and does not wait for the reader.
  Result<AfterParking> Replay(std::int64_t offset) { return parking_.Replay({0, offset}, Deadline::In(Millis(60))); }
  // What a rebuild has to give back.
  std::map<std::string, std::string> Dump() {
    auto dump = store_.DumpForTest();
    for (const auto& key : {keys_.Fence(0), keys_.Fence(0) + ":rewinds", RewindsOf(keys_.Mark(0, "log")),
                            keys_.Fresh(0), keys_.Index(0, "restored:log")}) {
      dump.erase(key);
    }
    for (auto it = dump.begin(); it != dump.end();) {
      const bool process = it->first.find(":lease") != std::string::npos || it->first.find(":cmd") != std::string::npos;
      it = process ? dump.erase(it) : std::next(it);
    }
    return dump;
  }
  void Unable(const std::string& body) {
    a_.applier.before = [body](const Envelope& e, const kafka::Record&) -> Status {
      if (e.sealed->ciphertext == body) return Fail(Code::kUnavailable, "KEY_NOT_HERE", "never");
      return {};
    };
  }

  MemoryStore store_;
  MemoryLog log_;
  Keys keys_{"cases", kPartitions};
  TailerCopy a_{store_, log_, "a", Millis(0)};
  Parking parking_{store_, keys_, a_.copy.committer, a_.applier, "log"};
  std::uint64_t sent_ = 0;
};

TEST_F(ParkingTest, What_is_set_aside_is_listed_by_its_place_with_the_cause_and_how_much_waits) {
  Foreign(Child(), 1, "take", "1");
  Foreign(Child(), 3, "take", "3");
  Garbage(Child(1));
  Foreign(Child(1), 1, "take", "x");
  Foreign(Child(1), 2, "take", "y");
  Settle();
  auto all = parking_.List(std::nullopt, 10, Soon());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2U);
  const auto& gap = (*all)[0];
  EXPECT_EQ(gap.at(), (ParkedAt{0, 1}));
  EXPECT_EQ(gap.parked.why, kGap);
  EXPECT_EQ(gap.parked.stream, "consent/" + Child());
  EXPECT_EQ(gap.parked.version, 3U);
  EXPECT_EQ(gap.parked.type, "take");
  EXPECT_EQ(gap.parked.appended.ms, log_.Records("log", 0)[1].timestamp_ms);
  EXPECT_EQ(gap.waiting, 0U);
  EXPECT_EQ((*all)[1].parked.why, kUnreadable);
  EXPECT_EQ((*all)[1].waiting, 2U);
  EXPECT_EQ(parking_.List(std::nullopt, 1, Soon())->size(), 1U);
  EXPECT_EQ(parking_.List(ParkedAt{0, 1}, 10, Soon())->at(0).at(), (ParkedAt{0, 2}));
  EXPECT_EQ(parking_.Find({0, 5}, Soon()).error().reason, "NOT_PARKED");
  EXPECT_EQ(parking_.Find({kPartitions, 0}, Soon()).error().reason, "NOT_PARKED");
}

TEST_F(ParkingTest, A_replay_without_a_cure_sets_it_aside_again_and_counts_nothing_twice) {
  Unable("w");
  Foreign(Child(), 1, kFact, "w");
  Foreign(Child(), 2, "take", "2");
  Foreign(Child(1), 1, "take", "x");
  Settle();
  const auto before = Dump();
  ASSERT_TRUE(Replay(0));
  EXPECT_EQ(Cause(Child()), "");
  Settle();
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(parking_.Find({0, 0}, Soon())->waiting, 1U);
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x"));
}

TEST_F(ParkingTest, A_replay_after_the_cure_takes_it_and_all_that_waited_in_order) {
  Unable("w");
  Foreign(Child(), 1, kFact, "w");
  Foreign(Child(), 2, "take", "2");
  log_.Append("log", 0, Child(), RecordOf("escalation", Child(), 1, "take", "of another stream"));
  Foreign(Child(1), 1, "take", "x");
  Settle();
  a_.applier.before = nullptr;
  ASSERT_TRUE(Replay(0));
  Settle();
  EXPECT_EQ(Cause(Child()), "");
  EXPECT_THAT(Inputs(Child()), ElementsAre("w", "2", "of another stream"));
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:w"));
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x"));
  EXPECT_EQ(parking_.Find({0, 0}, Soon()).error().reason, "NOT_PARKED");
}

// Whoever asks is told what became of it, by the reader and the watch of whichever copy.
TEST_F(ParkingTest, A_replay_answers_what_became_of_it) {
  Unable("w");
  Foreign(Child(), 1, kFact, "w");
  Settle();
  EXPECT_EQ(Replay(0)->kind, AfterParking::Kind::kUnderWay);  // nobody reads
  Settle();
  Watch watch(store_, keys_, a_.shards, log_.Reader(), {{"log", "log"}});
  watch.Start();
  a_.tailer.Start();
  auto again = parking_.Replay({0, 0}, Soon());
  ASSERT_TRUE(again);
  ASSERT_EQ(again->kind, AfterParking::Kind::kAgain);
  EXPECT_EQ(again->again->parked.why, "KEY_NOT_HERE");
  a_.tailer.Stop();
  TailerCopy able(store_, log_, "a");
  able.tailer.Start();
  auto went = parking_.Replay({0, 0}, Soon());
  ASSERT_TRUE(went);
  EXPECT_EQ(went->kind, AfterParking::Kind::kWentOn);
  EXPECT_THAT(Inputs(Child()), ElementsAre("w"));
}

// Somebody else was quicker, and the child is set aside for another record by now.
TEST_F(ParkingTest, A_replay_of_what_is_not_set_aside_any_more_does_nothing) {
  Unable("w");
  Foreign(Child(), 1, kFact, "w");
  Settle();
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.empty() || tx.writes[0].op != "rewind") return;
    store_.BeforeRunForTest(nullptr);
    auto other = ParkedBecause(kGap, nullptr, 0, Time{1}, "log", "other");
    ASSERT_TRUE(store_.Run({{}, {Write::HashSet(keys_.Index(0, "parked"), Child(), EncodeParked(other))}, 0}, Soon()));
  });
  auto replayed = Replay(0);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().reason, "NOT_PARKED");
  EXPECT_EQ(Cause(Child()), kGap);
  EXPECT_EQ(a_.copy.Text(keys_.Mark(0, "log")), "1");
}

// `fresh` says that everything before a time is in the store. What waited is not, until it was read again.
TEST_F(ParkingTest, Who_goes_on_is_not_shown_before_what_waited_is_taken) {
  Unable("w");
  Foreign(Child(), 1, kFact, "w");
  Settle();
  ASSERT_TRUE(store_.Run({{}, {Write::Stamp(keys_.Fresh(0))}, 0}, Soon()));
  ASSERT_TRUE(Replay(0));
  EXPECT_EQ(a_.copy.Text(keys_.Fresh(0)), "");
  Settle();
  // The watch has read the mark at the end, and stamps behind a rewind.
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.empty() || tx.writes[0].args[0] != keys_.Fresh(0)) return;
    store_.BeforeRunForTest(nullptr);
    ASSERT_TRUE(store_.Run({{}, GoOn(keys_, 0, Child(), 0), 0}, Soon()));
  });
  Watch watch(store_, keys_, a_.shards, log_.Reader(), {{"log", "log"}});
  watch.Start();
  ASSERT_TRUE(watch.FreshEnds(Millis(5'000)));
  watch.Stop();
  EXPECT_EQ(a_.copy.Text(keys_.Fresh(0)), "");
}

// The mark stands where it stood, and is another: between a copy's reading and writing it went on, was set back, and
// came to the same place.
TEST_F(ParkingTest, A_copy_that_slept_over_a_rewind_writes_nothing) {
  Foreign(Child(2), 1, "take", "before");
  Settle();
  const auto at = Garbage(Child());
  Foreign(Child(1), 1, "take", "x");
  TailerCopy b(store_, log_, "a", Millis(0));
  bool once = true;
  store_.BeforeRunForTest([&](const Transaction& tx) {
    const bool takes = !tx.guards.empty() && tx.guards[0].key == keys_.Mark(0, "log");
    if (!takes || !std::exchange(once, false)) return;
    for (int i = 0; i < 20; ++i) b.tailer.TurnForTest();
    ASSERT_EQ(a_.copy.Text(keys_.Mark(0, "log")), "3");
    ASSERT_TRUE(store_.Run({{}, GoOn(keys_, 0, Child(), at), 0}, Soon()));
  });
  for (int i = 0; i < 20; ++i) a_.tailer.TurnForTest();
  EXPECT_FALSE(once);
  Settle();
  EXPECT_THAT(Inputs(Child(1)), ElementsAre("x"));
}

// ---- left out for good ------------------------------------------------------------------------------------------

TEST_F(ParkingTest, What_nobody_can_read_is_left_out_and_stays_so_when_the_store_is_lost) {
  Foreign(Child(), 1, "take", "1");
  Garbage(Child());
  Foreign(Child(), 2, kFact, "2");
  Settle();
  ASSERT_EQ(Cause(Child()), kUnreadable);
  ASSERT_TRUE(Discard(1));
  EXPECT_EQ(Cause(Child()), kUnreadable);  // until it is on the log
  Settle();
  EXPECT_EQ(Cause(Child()), "");
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "2"));
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:2"));
  Foreign(Child(), 3, "take", "3");
  Settle();
  const auto before = Dump();
  std::vector<std::string> causes;
  Wipe();
  store_.BeforeRunForTest([&](const Transaction& tx) {
    for (const auto& w : tx.writes) {
      if (w.op == "hset" && w.args[0] == keys_.Index(0, "parked")) causes.push_back(w.args[2]);
    }
  });
  Settle();
  EXPECT_EQ(Dump(), before);
  EXPECT_THAT(causes, IsEmpty());  // learnt before it was met
}

TEST_F(ParkingTest, A_record_that_is_left_out_counts_in_its_stream_and_for_nothing_else) {
  Unable("w");
  Foreign(Child(), 1, kContent, "w");
  Foreign(Child(), 2, kFact, "2");
  Settle();
  ASSERT_EQ(Hindrance(0), "");
  ASSERT_TRUE(Discard(0));
  a_.applier.before = nullptr;  // it could be taken now; it was said that it is not
  Settle();
  EXPECT_EQ(Cause(Child()), "");
  EXPECT_THAT(Inputs(Child()), ElementsAre("2"));
  EXPECT_THAT(a_.copy.Own(Child()), ElementsAre("re:2"));
  const auto before = Dump();
  Wipe();
  Settle();
  EXPECT_EQ(Dump(), before);
}

TEST_F(ParkingTest, A_store_from_before_it_was_left_out_learns_it_from_the_log) {
  Garbage(Child());
  Foreign(Child(), 1, "take", "1");
  Settle();
  auto parked = store_.CopyForTest();
  ASSERT_TRUE(Discard(0));
  Settle();
  const auto before = Dump();
  store_.RollBackForTest(parked);
  a_.shards.TurnForTest();
  EXPECT_EQ(Cause(Child()), kUnreadable);
  Settle();
  EXPECT_EQ(Cause(Child()), "");
  EXPECT_EQ(Dump(), before);
}

TEST_F(ParkingTest, A_replay_between_store_and_log_leaves_it_out_too) {
  Unable("w");
  Foreign(Child(), 1, kContent, "w");
  Settle();
  ASSERT_TRUE(Discard(0));
  a_.applier.before = nullptr;
  ASSERT_TRUE(Replay(0));
  Settle();
  EXPECT_EQ(Cause(Child()), "");
  EXPECT_THAT(Inputs(Child()), IsEmpty());
}

// A tail was lost, and another record has the place now.
TEST_F(ParkingTest, Only_these_bytes_are_left_out) {
  Garbage(Child());
  Settle();
  ASSERT_TRUE(Discard(0));
  Settle();
  auto said = log_.Records("log", 0)[1];
  log_.CutTail("log", 0, 0);
  log_.Append("log", 0, Child(), "not a record, and another one");
  log_.Append("log", 0, said.key, said.value);
  Wipe();
  Settle();
  EXPECT_EQ(Cause(Child()), kUnreadable);
}

TEST_F(ParkingTest, A_gap_and_a_fact_are_not_left_out) {
  Foreign(Child(), 2, kContent, "2");
  Unable("w");
  Foreign(Child(1), 1, kFact, "w");
  Settle();
  EXPECT_EQ(Hindrance(0), "MISSING_RECORD");
  EXPECT_EQ(Discard(0).error().reason, "MISSING_RECORD");
  EXPECT_EQ(Hindrance(1), "WOULD_OPEN");
  EXPECT_EQ(Discard(1, "r2").error().reason, "WOULD_OPEN");
  EXPECT_TRUE(OutboxOf(store_, keys_.Outbox(0)).empty());
}

// What nobody can read may be the withdrawal that everything rests on.
TEST_F(ParkingTest, What_nobody_can_read_is_left_out_only_when_those_it_may_be_of_have_said_that_it_is_none) {
  a_.applier.rests_on = {"consent"};
  Foreign(Child(), 1, "take", "1");
  Garbage(Child());
  Settle();
  EXPECT_EQ(Hindrance(1), "NOT_VOUCHED");
  Vouch("consent", 1, 2);  // it has written two, and one has come
  Settle();
  EXPECT_EQ(Hindrance(1), "RECORD_MISSING");
  EXPECT_EQ(Discard(1).error().reason, "RECORD_MISSING");
  Foreign(Child(), 2, "take", "withdrawn");  // published again: it waits
  Settle();
  EXPECT_EQ(Hindrance(1), "");
  ASSERT_TRUE(Discard(1));
  Settle();
  EXPECT_THAT(Inputs(Child()), ElementsAre("1", "withdrawn"));
}

TEST_F(ParkingTest, What_is_said_of_other_bytes_or_another_place_proves_nothing) {
  a_.applier.rests_on = {"consent"};
  Garbage(Child());
  log_.Append("log", 0, Child(1), "other bytes");
  Vouch("consent", 1, 0);
  Settle();
  EXPECT_EQ(Hindrance(0), "NOT_VOUCHED");
  EXPECT_EQ(Hindrance(1), "");
  Vouch("escalation", 0, 0);
  Settle();
  EXPECT_EQ(Hindrance(0), "NOT_VOUCHED");
}

TEST_F(ParkingTest, What_it_says_to_others_is_how_many_records_it_has_written) {
  ASSERT_TRUE(a_.copy.Do(Child(), "c1", "mine"));
  ASSERT_TRUE(a_.copy.Do(Child(), "c2", "mine too"));
  Settle();
  const auto at = Garbage(Child());
  Settle();
  ASSERT_TRUE(Discard(at));
  auto said = Decode(OutboxOf(store_, keys_.Outbox(0)).back());
  ASSERT_TRUE(said);
  EXPECT_EQ(said->type, kDiscardedType);
  EXPECT_EQ(said->stream, "cases/parking-00");
  EXPECT_EQ(said->child, "");
  EXPECT_FALSE(said->sealed);
  auto body = DecodeDiscarded(said->clear);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->own_records, 2U);
  EXPECT_EQ(body->offset, at);
  EXPECT_EQ(body->child, Child());
  EXPECT_EQ(body->digest, DigestOf("not a record"));
  EXPECT_EQ(body->reference, "INC-7");
}

TEST_F(ParkingTest, One_request_is_one_record) {
  Garbage(Child());
  Settle();
  auto first = Discard(0);
  ASSERT_TRUE(first);
  Settle();
  auto second = Discard(0);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->replay);
  EXPECT_EQ(second->version, first->version);
  EXPECT_EQ(Discard(0, "r1", "other").error().reason, "REQUEST_ID_REUSED");
  EXPECT_EQ(Discard(0, "r2").error().reason, "NOT_PARKED");
  EXPECT_EQ(log_.End("log", 0), 2);
}

// A tail comes back in disorder (GAP closes), with a record in it that was left out.
TEST_F(ParkingTest, What_is_left_out_may_be_what_closes_a_gap) {
  Unable("w");
  Foreign(Child(), 1, kContent, "w");
  Settle();
  ASSERT_TRUE(Discard(0));
  Settle();
  auto records = log_.Records("log", 0);
  log_.CutTail("log", 0, 0);
  Foreign(Child(), 2, "take", "2");
  for (const auto& r : records) log_.Append("log", 0, r.key, r.value);
  Wipe();
  Settle();
  EXPECT_EQ(Cause(Child()), "");
  EXPECT_THAT(Inputs(Child()), ElementsAre("2"));
}

// Whatever is set aside, tried again, left out, lost and brought back: a store filled from the log is the store that
// was, and what was left out is in none.
class World : public ParkingTest {
 public:
  void TestBody() override {}
  void Live(int steps) {
    for (int i = 0; i < steps; ++i) {
      const auto child = Child(*rc::gen::inRange(0, 2));
      switch (*rc::gen::inRange(0, 10)) {
        case 0:
        case 1:
        case 2: {
          const auto type = *rc::gen::element<std::string>("take", "leave", kFact, kContent);
          const auto version = ++versions_[child];
          Foreign(child, version, type, std::to_string(version));
          break;
        }
        case 3: Garbage(child); break;
        case 4: Unable(std::to_string(*rc::gen::inRange(1, 6))); break;
        case 5: a_.applier.before = nullptr; break;
        case 6: Again(); break;
        case 7: LeaveOut(i); break;
        case 8: {
          (void)a_.copy.Do(child, CommandOf("c" + std::to_string(i)), [&](const Loaded<Trace>& l) -> Result<Proposal> {
            auto p = Say("mine " + std::to_string(i));
            // What Restore writes too.
            p.indexes.push_back(Write::Set(keys_.Index(0, "seen:" + child), std::to_string(l.own + 1)));
            return p;
          });
          break;
        }
        default:
          Settle();
          if (*rc::gen::inRange(0, 4) == 0) {
            Wipe();
            Settle();  // no command is taken before
          }
      }
    }
    a_.applier.before = nullptr;
    Settle();
    for (int i = 0; i < 3; ++i) {
      Again();
      Settle();
    }
  }
  void Check() {
    const auto before = Dump();
    Wipe();
    Settle();
    RC_ASSERT(Dump() == before);
    for (int n = 0; n < 2; ++n) {
      const auto inputs = Inputs(Child(n));
      RC_ASSERT(std::set<std::string>(inputs.begin(), inputs.end()).size() == inputs.size());
      for (const auto& body : inputs) RC_ASSERT(!left_out_.contains(Child(n) + "/" + body));
      // What is still set aside is what nobody can read: all else has its cure.
      if (!Cause(Child(n)).empty()) RC_ASSERT(Cause(Child(n)) == kUnreadable);
    }
  }

 private:
  std::vector<ParkedChild> All() { return *parking_.List(std::nullopt, 10, Soon()); }
  void Again() {
    for (const auto& child : All()) (void)parking_.Replay(child.at(), Deadline::In(Millis(0)));
  }
  void LeaveOut(int step) {
    for (const auto& child : All()) {
      if (!child.discardable) continue;
      RC_ASSERT(Discard(child.parked.offset, "d" + std::to_string(step)).has_value());
      if (!child.parked.stream.empty()) left_out_.insert(child.child + "/" + std::to_string(child.parked.version));
      return;
    }
  }
  std::map<std::string, std::uint64_t> versions_;
  std::set<std::string> left_out_;
};

RC_GTEST_PROP(ParkingProperty, LeftOutAndRebuilt, ()) {
  World world;
  world.Live(*rc::gen::inRange(5, 60));
  world.Check();
}

}  // namespace
}  // namespace stafett::gate::test
