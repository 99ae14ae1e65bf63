#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <set>

#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

class ExecuteTest : public ::testing::Test {
 protected:
  std::vector<std::string> Outbox(const std::string& child = "ch-1") {
    std::vector<std::string> bodies;
    for (const auto& v : OutboxOf(store_, a_.keys.Outbox(a_.At(child).partition))) bodies.push_back(BodyOf(v));
    return bodies;
  }
  MemoryStore store_;
  Copy a_{store_};
  Copy b_{store_};
};

TEST_F(ExecuteTest, A_command_writes_its_record_its_outbox_entry_and_its_outcome_in_one_step) {
  auto done = a_.Do("ch-1", "r1", "hello");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->version, 1U);
  EXPECT_EQ(done->outbox, 1U);
  EXPECT_EQ(done->generation, store_.Generation());
  EXPECT_FALSE(done->replay);
  EXPECT_THAT(done->event_ids, ElementsAre(EventId("cases/ch-1", 1)));
  EXPECT_THAT(a_.Own("ch-1"), ElementsAre("hello"));
  EXPECT_THAT(Outbox(), ElementsAre("hello"));
  auto record =
      Decode(store_.Read({Get::List(a_.keys.Own(a_.At("ch-1").partition, "ch-1"), 0)}, Soon())->values[0].list[0]);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->stream, "cases/ch-1");
  EXPECT_EQ(record->child, "ch-1");
  EXPECT_EQ(record->request_id, "r1");
  EXPECT_EQ(record->request_scope, "org");
  EXPECT_EQ(record->request_hash, "hash");
}

TEST_F(ExecuteTest, On_a_conflict_it_decides_again_on_what_is_there_now) {
  ASSERT_TRUE(a_.Do("ch-1", "r0", "first"));
  int decided = 0;
  auto done = a_.Do("ch-1", CommandOf("r1"), [&](const Loaded<Trace>& loaded) -> Result<Proposal> {
    if (++decided == 1) {
      EXPECT_TRUE(b_.Do("ch-1", "r2", "between"));
    }
    return Say("after " + std::to_string(loaded.state->steps.size()));
  });
  ASSERT_TRUE(done);
  EXPECT_EQ(decided, 2);
  EXPECT_THAT(a_.Own("ch-1"), ElementsAre("first", "between", "after 2"));
  EXPECT_EQ(a_.committer.Conflicts(), 1U);
  EXPECT_EQ(b_.committer.Conflicts(), 0U);
}

TEST_F(ExecuteTest, An_input_that_arrives_between_is_a_conflict_too) {
  int decided = 0;
  auto p = a_.At("ch-1").partition;
  auto done = a_.Do("ch-1", CommandOf("r1"), [&](const Loaded<Trace>& loaded) -> Result<Proposal> {
    if (++decided == 1) {
      auto input = EncodeInput({4, Time{5}, RecordOf("consent", "ch-1", 1, "t", "withdrawn")});
      EXPECT_TRUE(store_.Run({{}, {Write::Push(a_.keys.Inputs(p, "ch-1"), input)}, 0}, Soon())->done);
    }
    return Say(std::to_string(loaded.inputs));
  });
  ASSERT_TRUE(done);
  EXPECT_THAT(a_.Own("ch-1"), ElementsAre("1"));
}

TEST_F(ExecuteTest, After_five_conflicts_the_caller_reads_again) {
  int decided = 0;
  auto done = a_.Do("ch-1", CommandOf("r1"), [&](const Loaded<Trace>&) -> Result<Proposal> {
    EXPECT_TRUE(b_.Do("ch-1", "other-" + std::to_string(decided), "x"));
    ++decided;
    return Say("never");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kAborted);
  EXPECT_EQ(decided, kMaxConflicts);
  EXPECT_EQ(a_.Own("ch-1").size(), 5U);
}

TEST_F(ExecuteTest, The_same_request_again_gives_the_same_outcome_and_no_second_record) {
  auto first = a_.Do("ch-1", "r1", "hello");
  ASSERT_TRUE(a_.Do("ch-1", "r2", "more"));
  auto again = b_.Do("ch-1", CommandOf("r1"), [](const Loaded<Trace>&) -> Result<Proposal> {
    ADD_FAILURE() << "decided a second time";
    return Say("x");
  });
  ASSERT_TRUE(first && again);
  EXPECT_TRUE(again->replay);
  EXPECT_EQ(again->version, first->version);
  EXPECT_EQ(again->outbox, first->outbox);
  EXPECT_EQ(again->child, first->child);
  EXPECT_EQ(again->partition, first->partition);
  EXPECT_EQ(again->event_ids, first->event_ids);
  EXPECT_EQ(again->generation, store_.Generation());
  EXPECT_THAT(a_.Own("ch-1"), ElementsAre("hello", "more"));
}

TEST_F(ExecuteTest, The_same_request_with_other_content_is_an_error_and_another_organisations_is_not) {
  ASSERT_TRUE(a_.Do("ch-1", "r1", "hello"));
  auto reused =
      a_.Do("ch-1", CommandOf("r1", "other hash"), [](const Loaded<Trace>&) -> Result<Proposal> { return Say("x"); });
  ASSERT_FALSE(reused);
  EXPECT_EQ(reused.error().code, Code::kAlreadyExists);
  EXPECT_EQ(reused.error().reason, "REQUEST_ID_REUSED");
  auto command = CommandOf("r1", "other hash");
  command.request_scope = "another";
  EXPECT_TRUE(a_.Do("ch-1", command, [](const Loaded<Trace>&) -> Result<Proposal> { return Say("theirs"); }));
  EXPECT_THAT(a_.Own("ch-1"), ElementsAre("hello", "theirs"));
}

TEST_F(ExecuteTest, A_request_is_remembered_with_its_partition_wherever_it_was_written) {
  // A policy is activated by a record in every partition: murmur2 of the name says nothing there.
  for (int p = 0; p < kPartitions; ++p) {
    Target target{p, "rules", false};
    auto id = "r" + std::to_string(p);
    auto decide = [](const Loaded<Trace>&) -> Result<Proposal> { return Say("on"); };
    ASSERT_TRUE(Execute<Trace>(a_.children, a_.committer, CommandOf(id), target, Soon(), decide));
    auto again = Execute<Trace>(a_.children, a_.committer, CommandOf(id), target, Soon(), decide);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->replay);
    EXPECT_EQ(again->partition, p);
  }
}

// The log gives it back, under another child, while another copy is deciding on it anew.
TEST_F(ExecuteTest, A_request_that_is_given_back_meanwhile_is_not_done_again) {
  const auto command = CommandOf("r1");
  int decided = 0;
  auto done = a_.Do("ch-1", command, [&](const Loaded<Trace>& loaded) -> Result<Proposal> {
    ++decided;
    auto text = Committer::Restored(command.request_hash, 0, "ch-9", 4, loaded.now, loaded.now);
    Transaction tx;
    tx.writes = {
        Write::HashSet(a_.keys.Restored(), Keys::RestoredAs(command.request_scope, command.request_id), text.value())};
    EXPECT_TRUE(store_.Run(tx, Soon()));
    return Say("hello");
  });
  ASSERT_TRUE(done);
  EXPECT_EQ(decided, 1);
  EXPECT_TRUE(done->replay);
  EXPECT_EQ(done->child, "ch-9");
  EXPECT_EQ(done->version, 4U);
  EXPECT_EQ(done->outbox, 0U);
  EXPECT_THAT(a_.Own("ch-1"), IsEmpty());
}

TEST_F(ExecuteTest, A_lost_reply_gives_the_outcome_of_what_happened_exactly_once) {
  store_.LoseRepliesForTest(1);
  auto done = a_.Do("ch-1", "r1", "hello");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->version, 1U);
  EXPECT_EQ(done->outbox, 1U);
  EXPECT_THAT(a_.Own("ch-1"), ElementsAre("hello"));
  EXPECT_THAT(Outbox(), ElementsAre("hello"));
  EXPECT_EQ(a_.committer.Unknown(), 1U);
}

TEST_F(ExecuteTest, A_store_that_stays_away_after_a_lost_reply_is_an_unknown_outcome) {
  // A store whose reply gets lost and which does not answer from then on.
  class Vanishing final : public Store {
   public:
    explicit Vanishing(MemoryStore& store) : store_(store) {}
    Result<Answer> Read(const std::vector<Get>& gets, Deadline d) override {
      if (gone_) return Fail(Code::kUnavailable, "STORE_DOWN", "nothing was done");
      return store_.Read(gets, d);
    }
    Result<Outcome> Run(const Transaction& tx, Deadline d) override {
      (void)store_.Run(tx, d);
      gone_ = true;
      return Fail(Code::kUnknownOutcome, "REPLY_LOST", "no reply");
    }
    std::unique_ptr<StreamReader> OpenStreams() override { return store_.OpenStreams(); }
    std::uint64_t Generation() const override { return store_.Generation(); }
    bool Connected() const override { return !gone_; }

   private:
    MemoryStore& store_;
    bool gone_ = false;
  };
  Vanishing vanishing(store_);
  Copy copy(vanishing);
  auto done = copy.Do("ch-1", "r1", "hello");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kUnknownOutcome);
  EXPECT_THAT(a_.Own("ch-1"), ElementsAre("hello"));
}

TEST_F(ExecuteTest, A_lost_reply_and_then_a_store_that_lost_its_end_is_an_unknown_outcome) {
  a_.committer.Admit(store_.Generation());
  auto before = store_.CopyForTest();
  store_.LoseRepliesForTest(1);
  int decided = 0;

  // The outcome was on its way to Kafka when Redis came back with an older copy: not remembered is not "not done".
  class RollsBack final : public Store {
   public:
    RollsBack(MemoryStore& store, std::shared_ptr<const MemoryStore::Data> copy)
        : store_(store), copy_(std::move(copy)) {}
    Result<Answer> Read(const std::vector<Get>& gets, Deadline d) override { return store_.Read(gets, d); }
    Result<Outcome> Run(const Transaction& tx, Deadline d) override {
      auto outcome = store_.Run(tx, d);
      store_.RollBackForTest(copy_);
      return outcome;
    }
    std::unique_ptr<StreamReader> OpenStreams() override { return store_.OpenStreams(); }
    std::uint64_t Generation() const override { return store_.Generation(); }
    bool Connected() const override { return true; }

   private:
    MemoryStore& store_;
    std::shared_ptr<const MemoryStore::Data> copy_;
  };
  RollsBack store(store_, before);
  Children<Trace> children(store, a_.keys, FoldTrace);
  Committer committer(store, a_.keys, Clear(), 1000);
  committer.Admit(store_.Generation());
  auto done = Execute<Trace>(children, committer, CommandOf("r1"), a_.At("ch-1"), Soon(),
                             [&](const Loaded<Trace>&) -> Result<Proposal> {
                               ++decided;
                               return Say("hello");
                             });

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kUnknownOutcome);
  EXPECT_EQ(decided, 1);
  EXPECT_THAT(a_.Own("ch-1"), IsEmpty());
}

TEST_F(ExecuteTest, A_refused_decision_writes_nothing) {
  auto before = store_.DumpForTest();
  auto refused = a_.Do("ch-1", CommandOf("r1"), [](const Loaded<Trace>&) -> Result<Proposal> {
    return Fail(Code::kFailedPrecondition, "NOT_NOW", "no");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "NOT_NOW");
  EXPECT_EQ(store_.DumpForTest(), before);
  EXPECT_THAT(Outbox(), IsEmpty());
}

TEST_F(ExecuteTest, A_full_outbox_refuses_and_writes_nothing) {
  Copy small(store_, "cases", 2);
  ASSERT_TRUE(small.Do("ch-1", "r1", "1"));
  ASSERT_TRUE(small.Do("ch-1", "r2", "2"));
  auto before = store_.DumpForTest();
  auto full = small.Do("ch-1", "r3", "3");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kResourceExhausted);
  EXPECT_EQ(full.error().reason, "OUTBOX_FULL");
  EXPECT_EQ(store_.DumpForTest(), before);
  ASSERT_TRUE(store_.Run({{}, {Write::Max(small.keys.Acked(small.At("ch-1").partition), 1)}, 0}, Soon()));
  EXPECT_TRUE(small.Do("ch-1", "r3", "3"));
}

TEST_F(ExecuteTest, Without_time_nothing_is_begun) {
  auto done = Execute<Trace>(a_.children, a_.committer, CommandOf("r1"), a_.At("ch-1"), Deadline::In(Millis(-1)),
                             [](const Loaded<Trace>&) -> Result<Proposal> { return Say("x"); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(a_.Own("ch-1"), IsEmpty());
}

TEST_F(ExecuteTest, What_no_broker_would_take_or_no_reader_could_read_is_refused) {
  auto large = a_.Do("ch-1", "r1", std::string(kMaxRecordBytes, 'x'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().reason, "TOO_LARGE");
  auto message = a_.Do("ch-1", CommandOf("r2"), [](const Loaded<Trace>&) -> Result<Proposal> {
    auto p = Say("x");
    p.after.push_back({"stafett.to.x", "k", std::string(kMaxRecordBytes, 'x'), ""});
    return p;
  });
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().reason, "TOO_LARGE");
  auto command = CommandOf("r3");
  command.purpose = "\xff\xfe not UTF-8";
  auto unreadable = a_.Do("ch-1", command, [](const Loaded<Trace>&) -> Result<Proposal> { return Say("x"); });
  ASSERT_FALSE(unreadable);
  EXPECT_EQ(unreadable.error().reason, "BAD_TEXT");
  EXPECT_THAT(a_.Own("ch-1"), IsEmpty());
}

TEST_F(ExecuteTest, What_is_said_in_clear_about_a_child_is_not_sealed_and_no_key_is_asked_for) {
  Committer without_keys(store_, a_.keys, nullptr, 1000);
  auto proposal = Say("opaque");
  proposal.events[0].clear = true;
  auto built = without_keys.Build(CommandOf("r1"), a_.At("ch-a"), 0, 0, Time{1}, proposal);
  ASSERT_TRUE(built);
  auto e = Decode(built->writes.at(0).args.at(1));
  ASSERT_TRUE(e);
  EXPECT_FALSE(e->sealed);
  EXPECT_EQ(e->clear, "opaque");
  EXPECT_EQ(e->child, "ch-a");
}

TEST_F(ExecuteTest, Before_the_barrier_is_passed_nothing_is_decided) {
  a_.committer.Admit(0);
  auto decide = [](const Loaded<Trace>&) -> Result<Proposal> {
    ADD_FAILURE() << "decided";
    return Say("x");
  };
  auto done = a_.Do("ch-1", CommandOf("r1"), decide);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kUnavailable);
  EXPECT_EQ(done.error().reason, "RECOVERING");
  a_.committer.Admit(store_.Generation() + 1);
  EXPECT_FALSE(a_.Do("ch-1", CommandOf("r1"), decide));
  a_.committer.Admit(store_.Generation());
  EXPECT_TRUE(a_.Do("ch-1", "r1", "hello"));
}

// The interleaving that breaks P2: the log has v2 = "published"; Redis comes back without it; a command that was
// decided before would write another v2, and its length guard holds.
TEST_F(ExecuteTest, A_command_decided_before_the_store_lost_its_end_is_not_written_behind_it) {
  a_.committer.Admit(store_.Generation());
  ASSERT_TRUE(a_.Do("ch-1", "r1", "v1"));
  auto copy = store_.CopyForTest();
  ASSERT_TRUE(b_.Do("ch-1", "r2", "published"));
  bool first = true;
  auto done = a_.Do("ch-1", CommandOf("r3"), [&](const Loaded<Trace>& loaded) -> Result<Proposal> {
    EXPECT_EQ(loaded.own, 2U);
    if (std::exchange(first, false)) {
      store_.RollBackForTest(copy);
      // Somebody else's command fills the place: equal lengths are not equal content.
      EXPECT_TRUE(b_.Do("ch-1", "r4", "other v2"));
    }
    return Say("rests on published");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kUnavailable);
  EXPECT_THAT(a_.Own("ch-1"), ElementsAre("v1", "other v2"));
}

TEST_F(ExecuteTest, Two_copies_race_with_one_request_and_one_record_is_written) {
  for (int round = 0; round < 30; ++round) {
    auto id = "r" + std::to_string(round);
    auto child = "ch-" + std::to_string(round);
    std::atomic<int> replays{0};
    auto race = [&](Copy& copy) {
      auto done = copy.Do(child, id, "hello");
      ASSERT_TRUE(done);
      EXPECT_EQ(done->version, 1U);
      replays += done->replay ? 1 : 0;
    };
    std::thread other([&] { race(b_); });
    race(a_);
    other.join();
    EXPECT_EQ(replays, 1);
    EXPECT_THAT(a_.Own(child), ElementsAre("hello"));
  }
}

// Each try to register a child makes a reference of its own: no version tells the two apart.
TEST_F(ExecuteTest, One_request_that_two_copies_take_for_different_children_happens_once) {
  auto done = a_.Do("ch-1", CommandOf("r1"), [&](const Loaded<Trace>&) -> Result<Proposal> {
    EXPECT_TRUE(b_.Do("ch-2", "r1", "registered"));
    return Say("registered");
  });
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->replay);
  EXPECT_EQ(done->child, "ch-2");
  EXPECT_THAT(a_.Own("ch-1"), IsEmpty());
  EXPECT_THAT(a_.Own("ch-2"), ElementsAre("registered"));
}

TEST_F(ExecuteTest, Many_threads_on_one_child_keep_versions_contiguous) {
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Copy& copy = t % 2 == 0 ? a_ : b_;
      for (int i = 0; i < 25; ++i) {
        auto id = std::to_string(t) + "-" + std::to_string(i);
        Result<Committed> r = copy.Do("ch-1", id, id);
        while (!r && r.error().code == Code::kAborted) r = copy.Do("ch-1", id, id);
        ASSERT_TRUE(r);
        ++done;
      }
    });
  }
  for (auto& t : threads) t.join();
  auto own = a_.Own("ch-1");
  EXPECT_EQ(own.size(), 100U);
  EXPECT_EQ(std::set<std::string>(own.begin(), own.end()).size(), 100U);
  EXPECT_EQ(Outbox(), own);
}

// OneEffect and NoPhantom (events.md §8): whatever is lost and repeated, a request has one record, and every record a
// request.
RC_GTEST_PROP(ExecuteProperty, OneEffect, ()) {
  MemoryStore store;
  Copy a(store);
  Copy b(store);
  std::map<std::string, std::uint64_t> version_of;
  const auto steps = *rc::gen::inRange(5, 40);
  std::set<std::string> unknown;
  for (int i = 0; i < steps; ++i) {
    auto id = "r" + std::to_string(*rc::gen::inRange(0, 8));
    store.LoseRepliesForTest(*rc::gen::element(0, 0, 1, 2, 7));
    Copy& copy = *rc::gen::arbitrary<bool>() ? a : b;
    auto done = copy.Do("ch-1", id, id);
    store.LoseRepliesForTest(0);
    RC_ASSERT(done.has_value());
    auto [at, fresh] = version_of.try_emplace(id, done->version);
    RC_ASSERT(at->second == done->version);
    RC_ASSERT(done->outbox == done->version);
  }
  auto own = a.Own("ch-1");
  RC_ASSERT(own.size() == version_of.size());
  for (const auto& [id, version] : version_of) RC_ASSERT(own[version - 1] == id);
}

}  // namespace
}  // namespace stafett::gate::test
