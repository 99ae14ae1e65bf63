// A partition whose log lost its tail is mended from what services keep (P2; the interleavings M1 to M6 of repairer.h).
#include "auditor/adapters/repairer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <set>

#include "auditor/adapters/audit.h"
#include "auditor/adapters/keys.h"
#include "unit/lib/gate/tailer_support.h"

namespace stafett::auditor::adapters {
namespace {

using namespace gate::test;  // NOLINT
using gate::Guard;
using gate::Keys;
using gate::Loaded;
using gate::MemoryStore;
using gate::Proposal;
using gate::Transaction;
using gate::Write;

constexpr int kP = 1;
const Beat kBeat = [] {};

std::string ChildOfPartition(int n) {
  for (int i = 0, found = 0;; ++i) {
    auto name = "ch-" + std::to_string(i);
    if (kafka::PartitionOf(name, kPartitions) == kP && found++ == n) return name;
  }
}

// One copy of a service, on a store that all share; relay and reader move when the test says so.
struct Sim {
  Sim(MemoryStore& s, MemoryLog& l, const std::string& name)
      : store(s), log(l), copy(s, name), shards(s, copy.keys, name + "-a"), applier(copy) {
    applier.nothing = [](const Trace& t) { return t.steps.size() % 3 == 2; };
    Again();
  }
  void Again() {
    shards.TurnForTest();
    tailer =
        std::make_unique<gate::Tailer>(store, copy.keys, shards, log.Reader(), "log", "log", applier, copy.committer);
  }
  std::uint64_t Number(const std::string& key) {
    const auto text = copy.Text(key);
    return text.empty() ? 0 : std::stoull(text);
  }
  // Sends up to n entries and notes up to `noted` of them; the rest lands and nobody knows of it. R5 as in the relay.
  void Relay(int n, int noted) {
    if (!shards.Held().contains(kP)) return;
    const auto acked = Number(copy.keys.Acked(kP));
    std::string pairs;
    std::uint64_t upto = acked;
    auto top = copy.Text(copy.keys.Top(kP, "log"));
    auto highest = top.empty() ? -1 : std::stoll(top);
    for (const auto& e : store.StreamForTest(copy.keys.Outbox(kP))) {
      const auto number = gate::OutboxNumber(e.id);
      if (number <= acked || n-- == 0) continue;
      std::map<std::string, std::string> f(e.fields.begin(), e.fields.end());
      const bool ordered = f["t"] == "log";
      const auto offset = log.Append(f["t"], ordered ? kP : 0, f["k"], f["v"]);
      if (noted-- <= 0) continue;
      if (ordered && offset <= highest) {
        shards.Halt(kP, "TAIL_LOST", store.Generation());
        break;
      }
      if (ordered) highest = offset;
      pairs += std::to_string(number) + ":" + f["t"] + ":" + std::to_string(offset) + " ";
      upto = number;
    }
    if (pairs.empty()) return;
    (void)store.Run(
        {{},
         {Write::Max(copy.keys.Acked(kP), static_cast<std::int64_t>(upto)), Write::AckLog(copy.keys.AckLog(kP), pairs),
          Write::Max(copy.keys.Top(kP, "log"), highest),
          Write::Fence(copy.keys.Fence(kP), copy.keys.Outbox(kP), copy.keys.Acked(kP), copy.keys.Mark(kP, "log"))},
         0},
        Soon());
  }
  void Watch() {
    const auto end = static_cast<std::uint64_t>(log.End("log", kP));
    const auto top = copy.Text(copy.keys.Top(kP, "log"));
    if (end < Number(copy.keys.Mark(kP, "log")) || (!top.empty() && end < std::stoull(top) + 1)) {
      shards.Halt(kP, "TAIL_LOST", store.Generation());
    }
  }
  void Say(const std::string& child, const std::string& type, const std::string& id) {
    auto done = copy.Do(child, CommandOf(id), [&](const Loaded<Trace>& loaded) -> Result<Proposal> {
      Proposal p = gate::test::Say(type + id);
      p.events[0].type = type;
      p.indexes.push_back(Write::Set(copy.keys.Index(kP, "seen:" + child), std::to_string(loaded.own + 1)));
      return p;
    });
    ASSERT_TRUE(done);
  }
  std::vector<std::string> State(const std::string& child) {
    return copy.children.Load(kP, child, Soon())->state->steps;
  }
  bool AtEnd() {
    return Number(copy.keys.Mark(kP, "log")) == static_cast<std::uint64_t>(log.End("log", kP)) &&
           Number(copy.keys.Acked(kP)) == store.StreamForTest(copy.keys.Outbox(kP)).size();
  }

  MemoryStore& store;
  MemoryLog& log;
  Copy copy;
  gate::Shards shards;
  TestApplier applier;
  std::unique_ptr<gate::Tailer> tailer;
};

struct World {
  World() {
    for (auto* s : all) keys.push_back(s->copy.keys);
    repairer = std::make_unique<Repairer>(store, own, keys, std::map<std::string, Topic*>{{"log", &topic}});
    audit =
        std::make_unique<Audit>(store, own, keys, std::map<std::string, Topic*>{{"log", &topic}}, "log", Millis(1000));
  }
  // The auditor's loop in small: mends what stands still, and what differs.
  bool Audit_() {
    bool halted = false;
    for (auto* s : all) {
      s->shards.TurnForTest();
      halted = halted || s->shards.Halted().contains(kP);
    }
    auto looked = audit->Look(kP, kBeat);
    const auto untaken = audit->LookWhoTook(kP, kBeat);
    if (!halted && looked && looked->Well() && untaken && *untaken == 0) return false;
    auto done = repairer->Mend(kP, kBeat);
    if (done) last = *done;
    refused = done ? "" : done.error().reason;
    for (auto* s : all) s->Again();
    return true;
  }
  void Settle() {
    for (int round = 0; round < 200; ++round) {
      for (auto* s : all) {
        s->Watch();
        s->Relay(1000, 1000);
        s->tailer->TurnForTest();
      }
      const bool audited = Audit_();
      bool done = !audited;
      for (auto* s : all) done = done && s->AtEnd();
      if (done) return;
    }
    throw std::runtime_error("does not come to rest. " + Where());
  }
  // Who stands where, for whoever looks into a failure.
  std::string Where() {
    std::string where = "log " + std::to_string(log.End("log", kP));
    for (auto* s : all) {
      where += " " + s->copy.keys.service() + ": mark " + s->copy.Text(s->copy.keys.Mark(kP, "log")) + " acked " +
               s->copy.Text(s->copy.keys.Acked(kP)) + " halt " + s->copy.Text(s->copy.keys.Halt(kP));
    }
    for (const auto& value : Values(log, "log", kP)) where += " " + gate::Decode(value)->event_id;
    for (const auto& k : keys) {
      for (const auto& e : store.StreamForTest(k.Outbox(kP))) {
        std::map<std::string, std::string> f(e.fields.begin(), e.fields.end());
        where += "\n" + k.service() + " " + e.id + " " + f["t"] + " " + IdentityOf(f["v"]);
      }
    }
    for (const auto& k : keys) {
      for (const auto& e : store.StreamForTest(k.AckLog(kP))) where += "\n" + k.service() + " " + e.fields[0].second;
      const auto moved = Moved(store, own, kP, k.service());
      for (const auto& [number, place] : *moved) {
        where += " moved " + std::to_string(number) + " to " + std::to_string(place);
      }
    }
    where += "\nmending " + refused;
    const auto looked = audit->Look(kP, kBeat);
    if (looked) {
      where += "\nother " + std::to_string(looked->other) + " missing " + std::to_string(looked->missing) +
               " damaged " + std::to_string(looked->damaged);
    } else {
      where += looked.error().reason;
    }
    return where;
  }
  std::set<std::string> OnLog() {
    auto values = Values(log, "log", kP);
    return {values.begin(), values.end()};
  }

  MemoryStore store;
  MemoryLog log;
  Sim cases{store, log, "cases"};
  Sim consent{store, log, "consent"};
  std::vector<Sim*> all{&cases, &consent};
  std::vector<Keys> keys;
  Keys own{"auditor", kPartitions};
  Topic topic{"log", log.Reader(), log.Publisher()};
  std::unique_ptr<Repairer> repairer;
  std::unique_ptr<Audit> audit;
  Mended last;
  std::string refused;  // why the last attempt to mend did not go
};

class RepairerTest : public ::testing::Test, protected World {
 protected:
  // A consent's withdrawal, then a note of cases; both published and taken by both.
  void WithdrawAndNote() {
    consent.Say(child_, "take", "granted");
    Settle();
    consent.Say(child_, "take", "withdrawn");
    consent.Relay(10, 10);
    cases.tailer->TurnForTest();
    cases.Say(child_, "take", "note");
    cases.Relay(10, 10);
    for (auto* s : all) s->tailer->TurnForTest();
  }
  // The same, then the store is rebuilt from the log, and one record more is published.
  void LoseTheStoreAndGoOn() {
    WithdrawAndNote();
    store.WipeForTest();
    for (auto* s : all) s->Again();
    Settle();
    consent.Say(child_, "take", "later");
    Settle();
  }
  std::vector<std::string> Bodies() {
    std::vector<std::string> out;
    for (const auto& value : Values(log, "log", kP)) out.push_back(BodyOf(value));
    return out;
  }
  const std::string child_ = ChildOfPartition(0);
};

// What Redis' disk has made of an entry: the auditor goes by the service's own list, and says that it had to.
TEST_F(RepairerTest, An_entry_that_was_garbled_is_compared_as_the_service_has_it) {
  const auto& k = cases.copy.keys;
  auto publish = [&](const std::string& name, bool second_copy) {
    gate::Envelope e;
    e.stream = "cases/" + name;
    e.version = 1;
    e.event_id = gate::EventId(e.stream, e.version);
    e.child = name;
    e.type = "take";
    e.clear = "what was meant";
    const auto record = gate::Encode(e);
    auto entry = Write::Outbox(k.Outbox(kP), k.Mark(kP, "log"), "log", name, record, "");
    entry.args[4][record.find("meant")] = 'M';
    Transaction tx{{}, {entry}, 0};
    if (second_copy) tx.writes.push_back(Write::Push(k.Own(kP, name), record));
    const auto number = store.Run(tx, Soon())->outbox.at(0);
    const auto offset = log.Append("log", kP, name, record);
    const auto note = std::to_string(number) + ":log:" + std::to_string(offset) + " ";
    ASSERT_TRUE(store.Run(
        {{}, {Write::Max(k.Acked(kP), static_cast<std::int64_t>(number)), Write::AckLog(k.AckLog(kP), note)}, 0},
        Soon()));
  };
  publish(ChildOfPartition(0), true);
  auto looked = audit->Look(kP, kBeat);
  ASSERT_TRUE(looked);
  EXPECT_TRUE(looked->Well());
  EXPECT_EQ(looked->same, 1U);
  EXPECT_EQ(looked->mended, 1U);
  publish(ChildOfPartition(1), false);
  looked = audit->Look(kP, kBeat);
  ASSERT_TRUE(looked);
  EXPECT_EQ(looked->damaged, 1U);
  EXPECT_EQ(looked->mended, 0U);
}

TEST_F(RepairerTest, A_withdrawal_and_a_later_event_of_another_service_come_back_in_their_order) {
  WithdrawAndNote();
  const auto before = Values(log, "log", kP);
  const auto states = std::pair(cases.State(child_), consent.State(child_));
  log.CutTail("log", kP, 1);
  Settle();
  EXPECT_EQ(Values(log, "log", kP), before);
  EXPECT_EQ(std::pair(cases.State(child_), consent.State(child_)), states);
  EXPECT_EQ(last.records, 2U);
}

TEST_F(RepairerTest, A_relay_that_has_not_heard_of_it_writes_meanwhile) {  // M1
  WithdrawAndNote();
  log.CutTail("log", kP, 1);
  cases.Watch();
  consent.Say(child_, "take", "later");
  int sent = 0;
  log.Decide([&](const kafka::Message&) {
    if (sent++ == 1) consent.Relay(10, 0);  // the zombie, between the two
    return stafett::test::Fate::kAck;
  });
  auto first = repairer->Mend(kP, kBeat);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().reason, "LOG_MOVED");
  for (auto* s : all) s->shards.TurnForTest();
  EXPECT_TRUE(cases.shards.Halted().contains(kP));  // stands still until it is mended
  Settle();
  for (const char* body : {"takegranted", "takewithdrawn", "takenote", "takelater"}) {
    EXPECT_THAT(Bodies(), ::testing::Contains(body));
  }
}

TEST_F(RepairerTest, Two_at_once_do_no_harm) {  // M2
  WithdrawAndNote();
  const auto states = std::pair(cases.State(child_), consent.State(child_));
  log.CutTail("log", kP, 1);
  cases.Watch();
  Topic another("log", log.Reader(), log.Publisher());
  Repairer second(store, own, keys, {{"log", &another}});
  int sent = 0;
  log.Decide([&](const kafka::Message&) {
    if (sent++ == 1) (void)second.Mend(kP, kBeat);
    return stafett::test::Fate::kAck;
  });
  (void)repairer->Mend(kP, kBeat);
  Settle();
  EXPECT_EQ(std::pair(cases.State(child_), consent.State(child_)), states);
  std::vector<std::string> once;
  for (const auto& body : Bodies()) {
    if (std::find(once.begin(), once.end(), body) == once.end()) once.push_back(body);
  }
  EXPECT_THAT(once, ElementsAre("takegranted", "takewithdrawn", "takenote"));
}

TEST_F(RepairerTest, A_reader_that_went_on_meanwhile_is_not_set_back_unseen) {  // M3
  WithdrawAndNote();
  log.CutTail("log", kP, 1);
  cases.Watch();
  bool moved = false;
  store.BeforeRunForTest([&](const gate::Transaction& tx) {
    const bool resumes = std::any_of(tx.writes.begin(), tx.writes.end(), [&](const Write& w) {
      return w.op == "del" && w.args[0] == cases.copy.keys.Halt(kP);
    });
    if (!resumes || moved) return;
    moved = true;
    (void)store.Run({{}, {Write::Set(cases.copy.keys.Mark(kP, "log"), "2")}, 0}, Soon());
  });
  auto mended = repairer->Mend(kP, kBeat);
  ASSERT_FALSE(mended);
  EXPECT_EQ(mended.error().reason, "MARKS_MOVED");
  EXPECT_EQ(cases.copy.Text(cases.copy.keys.Halt(kP)), "TAIL_LOST");
}

TEST_F(RepairerTest, What_others_wrote_behind_the_loss_before_anybody_looked_stays) {  // M4
  WithdrawAndNote();
  log.CutTail("log", kP, 1);
  for (int i = 0; i < 3; ++i) cases.Say(child_, "take", "new" + std::to_string(i));
  cases.Relay(10, 0);  // landed; its first report would have stopped it
  Settle();
  EXPECT_THAT(cases.State(child_), ElementsAre("in:takegranted", "in:takewithdrawn", "own:takenote", "own:takenew0",
                                               "own:takenew1", "own:takenew2"));
  std::set<std::string> bodies;
  for (const auto& body : Bodies()) bodies.insert(body);
  EXPECT_EQ(bodies.size(), 6U);
  // Places are others now. The auditor knows where.
  EXPECT_TRUE(audit->LookAtAll(kP, kBeat)->Well());
}

TEST_F(RepairerTest, What_was_taken_before_it_was_acknowledged_keeps_its_place) {  // M5
  consent.Say(child_, "take", "granted");
  Settle();
  consent.Say(child_, "take", "withdrawn");
  consent.Relay(10, 0);  // lands; the relay dies before it knows
  cases.tailer->TurnForTest();
  cases.Say(child_, "take", "note");
  cases.Relay(10, 10);
  const auto before = Values(log, "log", kP);
  log.CutTail("log", kP, 1);
  cases.Watch();
  ASSERT_TRUE(repairer->Mend(kP, kBeat));
  EXPECT_EQ(Values(log, "log", kP), before);
}

// The log is longer than anybody had known it by the time somebody looks, and all that is lost had been verified.
TEST_F(RepairerTest, A_loss_that_others_have_written_over_is_found_by_the_newest_that_was_verified) {  // M7
  WithdrawAndNote();
  Settle();
  log.CutTail("log", kP, 1);
  for (int i = 0; i < 4; ++i) consent.Say(child_, "take", "new" + std::to_string(i));
  consent.Relay(10, 0);  // lands, and the copy dies before it hears of it
  for (auto* s : all) s->tailer->TurnForTest();
  Settle();
  for (const char* body : {"takegranted", "takewithdrawn", "takenote", "takenew3"}) {
    EXPECT_THAT(Bodies(), ::testing::Contains(body));
  }
}

TEST_F(RepairerTest, A_log_of_which_nothing_was_acknowledged_is_begun_again_with_what_waits) {
  cases.Say(child_, "leave", "opened");
  cases.Relay(10, 0);             // lands; the relay dies before it knows
  consent.tailer->TurnForTest();  // has passed it, and keeps nothing of it
  log.CutTail("log", kP, 0);
  Settle();
  for (const auto& body : Bodies()) EXPECT_EQ(body, "leaveopened");
  EXPECT_TRUE(audit->LookAtAll(kP, kBeat)->Well());
}

TEST_F(RepairerTest, Another_store_than_at_the_beginning_is_not_written_to) {  // M6
  WithdrawAndNote();
  log.CutTail("log", kP, 1);
  cases.Watch();
  log.Decide([&](const kafka::Message&) {
    store.WipeForTest();
    return stafett::test::Fate::kAck;
  });
  EXPECT_FALSE(repairer->Mend(kP, kBeat));
  EXPECT_EQ(cases.copy.Text(cases.copy.keys.Mark(kP, "log")), "");
}

TEST_F(RepairerTest, What_was_trimmed_cannot_be_mended_and_stays_as_it_is) {
  WithdrawAndNote();
  ASSERT_TRUE(audit->Look(kP, kBeat)->Well());
  EXPECT_EQ(*audit->LookWhoTook(kP, kBeat), 0U);
  store.AdvanceForTest(Millis(5000));
  EXPECT_EQ(*audit->Trim(kP, kBeat), 2U);  // the newest stays, to be looked at again
  log.CutTail("log", kP, 1);
  cases.Watch();
  auto mended = repairer->Mend(kP, kBeat);
  ASSERT_FALSE(mended);
  EXPECT_EQ(mended.error().reason, "LOST_BEYOND_REPAIR");
  EXPECT_EQ(cases.copy.Text(cases.copy.keys.Halt(kP)), "TAIL_LOST");
}

// The tail held nothing that was acknowledged, and others filled it before anybody looked: no place differs.
TEST_F(RepairerTest, A_reader_that_stood_in_a_lost_tail_sees_what_was_written_there) {
  cases.Say(child_, "take", "first");
  Settle();
  consent.Say(child_, "leave", "unnoted");
  consent.Relay(10, 0);
  consent.tailer->TurnForTest();
  ASSERT_EQ(consent.Number(consent.copy.keys.Mark(kP, "log")), 2U);
  log.CutTail("log", kP, 1);
  cases.Say(child_, "take", "second");
  cases.Relay(10, 10);
  consent.tailer->TurnForTest();
  Settle();
  EXPECT_THAT(consent.State(child_), ::testing::Contains("in:takesecond"));
}

TEST_F(RepairerTest, A_child_that_was_set_aside_for_what_it_did_not_see_in_a_lost_tail_goes_on) {
  cases.Say(child_, "take", "first");
  Settle();
  consent.Say(child_, "leave", "unnoted");
  consent.Relay(10, 0);
  consent.tailer->TurnForTest();
  log.CutTail("log", kP, 1);
  for (const char* id : {"second", "third"}) cases.Say(child_, "take", id);
  cases.Relay(10, 10);
  for (int i = 0; i < 3; ++i) consent.tailer->TurnForTest();  // from the third on: the second is a gap
  Settle();
  EXPECT_THAT(consent.State(child_), ::testing::IsSupersetOf({"in:takesecond", "in:takethird"}));
  const auto parked = store.Read({gate::Get::Hash(consent.copy.keys.Index(kP, "parked"))}, Soon());
  EXPECT_THAT(parked->values[0].list, IsEmpty());
}

TEST_F(RepairerTest, What_a_rebuilt_store_has_from_the_log_alone_cannot_be_mended_and_stays_as_it_is) {
  LoseTheStoreAndGoOn();
  log.CutTail("log", kP, 2);  // the note, which no outbox holds any more, and what came later
  cases.Watch();
  auto mended = repairer->Mend(kP, kBeat);
  ASSERT_FALSE(mended);
  EXPECT_EQ(mended.error().reason, "LOST_BEYOND_REPAIR");
  EXPECT_EQ(log.End("log", kP), 2);
  EXPECT_EQ(cases.copy.Text(cases.copy.keys.Halt(kP)), "TAIL_LOST");
}

TEST_F(RepairerTest, What_came_after_a_rebuild_can_be_mended) {
  LoseTheStoreAndGoOn();
  const auto before = Values(log, "log", kP);
  log.CutTail("log", kP, 3);
  Settle();
  EXPECT_EQ(Values(log, "log", kP), before);
}

TEST_F(RepairerTest, A_damaged_outbox_is_not_published) {
  WithdrawAndNote();
  log.CutTail("log", kP, 1);
  cases.Watch();
  // The service's own copy is another one.
  const auto key = consent.copy.keys.Own(kP, child_);
  auto list = store.Read({gate::Get::List(key, 0)}, Soon())->values[0].list;
  (void)store.Run({{}, {Write::Delete(key), Write::Push(key, list[0]), Write::Push(key, list[1] + "x")}, 0}, Soon());
  auto mended = repairer->Mend(kP, kBeat);
  ASSERT_FALSE(mended);
  EXPECT_EQ(mended.error().reason, "OUTBOX_DAMAGED");
  EXPECT_EQ(log.End("log", kP), 1);
}

TEST_F(RepairerTest, Reads_and_the_fence_go_back_with_the_marks) {
  WithdrawAndNote();
  const auto& k = cases.copy.keys;
  (void)store.Run({{}, {Write::Set(k.Fresh(kP), "1"), Write::Set(k.Fence(kP), "3")}, 0}, Soon());
  log.CutTail("log", kP, 1);
  for (int i = 0; i < 2; ++i) log.Append("log", kP, child_, "no record");
  cases.Watch();
  cases.shards.Halt(kP, "TAIL_LOST", store.Generation());
  ASSERT_TRUE(repairer->Mend(kP, kBeat));
  EXPECT_EQ(cases.copy.Text(k.Fresh(kP)), "");
  EXPECT_EQ(cases.Number(k.Fence(kP)), 0U);
  EXPECT_EQ(cases.Number(k.Mark(kP, "log")), 0U);
}

// Whatever happened before and behind the loss: nothing that was acknowledged is lost, nothing is taken twice or
// rearranged, and the auditor finds all of it.
RC_GTEST_PROP(RepairProperty, TailRepaired, ()) {
  World w;
  const std::vector<std::string> children{ChildOfPartition(0), ChildOfPartition(1)};
  int id = 0;
  auto step = [&] {
    auto& s = *w.all[*rc::gen::inRange<std::size_t>(0, 2)];
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
      case 1:
      case 2:
        s.Say(*rc::gen::elementOf(children), *rc::gen::element<std::string>("take", "react", "leave"),
              std::to_string(++id));
        break;
      case 3:
      case 4: {
        const int n = *rc::gen::inRange(1, 5);
        s.Relay(n, *rc::gen::element(n, n, n - 1, 0));
        break;
      }
      default: s.tailer->TurnForTest(); break;
    }
  };
  for (int cuts = *rc::gen::inRange(1, 3); cuts > 0; --cuts) {
    for (int i = *rc::gen::inRange(5, 40); i > 0; --i) step();
    const auto end = w.log.End("log", kP);
    w.log.CutTail("log", kP, *rc::gen::inRange<std::int64_t>(0, end + 1));
    for (int i = *rc::gen::element(0, 0, 3, 8); i > 0; --i) step();  // before anybody looks
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> states;
    for (auto* s : w.all) {
      for (const auto& child : children) states[{s->copy.keys.service(), child}] = s->State(child);
    }
    w.Settle();
    for (auto* s : w.all) {
      RC_ASSERT(s->shards.Halted().empty());
      for (const auto& child : children) {
        const auto& before = states[{s->copy.keys.service(), child}];
        const auto after = s->State(child);
        RC_ASSERT(after.size() >= before.size());
        RC_ASSERT(std::vector<std::string>(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(before.size())) ==
                  before);
      }
    }
  }
  // Every own record is on the log, with one content; nobody is parked, and nobody who reads it from the beginning.
  const auto on_log = w.OnLog();
  std::map<std::string, std::string> content;
  for (const auto& value : Values(w.log, "log", kP)) {
    auto e = gate::Decode(value);
    RC_ASSERT(e.has_value());
    RC_ASSERT(content.try_emplace(e->event_id, value).first->second == value);
  }
  Sim newcomer(w.store, w.log, "escalation");
  newcomer.applier.nothing = [](const Trace&) { return true; };
  for (int round = 0; round < 200 && !newcomer.AtEnd(); ++round) newcomer.tailer->TurnForTest();
  RC_ASSERT(newcomer.AtEnd());
  w.all.push_back(&newcomer);
  for (auto* s : w.all) {
    for (const auto& child : children) {
      const auto read = w.store.Read({gate::Get::List(s->copy.keys.Own(kP, child), 0)}, Soon());
      for (const auto& own : read->values[0].list) {
        if (!on_log.contains(own)) RC_FAIL(IdentityOf(own) + " is not on the log. " + w.Where());
      }
    }
    const auto parked = w.store.Read({gate::Get::Hash(s->copy.keys.Index(kP, "parked"))}, Soon());
    if (const auto& list = parked->values[0].list; !list.empty()) {
      std::string log;
      for (const auto& value : Values(w.log, "log", kP)) {
        auto e = gate::Decode(value);
        log += e->stream + "#" + std::to_string(e->version) + " ";
      }
      RC_FAIL(s->copy.keys.service() + " set aside " + list[0] + ": " + list[1] + " of " + log);
    }
  }
  RC_ASSERT(w.audit->LookAtAll(kP, kBeat)->Well());
  RC_ASSERT(w.audit->HowFarBehind(kP)->entries == 0U);
}

}  // namespace
}  // namespace stafett::auditor::adapters
