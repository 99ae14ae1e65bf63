// R1 to R9 of lib/gate/relay.h, and what else may go wrong between an outbox and a broker.
#include "lib/gate/relay.h"

#include <algorithm>
#include <set>

#include "lib/gate/headers.h"
#include "lib/gate/outbox.h"
#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

// One copy of a service, as far as relaying goes.
struct RelayCopy {
  RelayCopy(Store& store, MemoryLog& log, const std::string& owner, RelayOptions options = Options(),
            SideTopics* side = nullptr)
      : shards(store, keys, owner),
        acks(store, keys),
        relay(store, keys, shards, acks, log.Publisher(), std::move(options)) {
    if (side != nullptr) relay.Use(*side);
    shards.TurnForTest();
    relay.Start();
  }
  ~RelayCopy() { relay.Stop(); }
  static RelayOptions Options() { return {{"log", "ledger"}}; }
  Keys keys{"cases", kPartitions};
  Shards shards;
  Acks acks;
  Relay relay;
};

// Topics "stafett.to.*" are side topics. One that has refused `patience` times is suspended.
class Recipients : public SideTopics {
 public:
  explicit Recipients(int patience = 1) : patience_(patience) {}
  bool Owns(const std::string& topic) const override { return topic.starts_with("stafett.to."); }
  void Refused(const std::string& topic, const std::string&) override {
    std::lock_guard lock(mutex_);
    if (++refused_[topic] >= patience_) suspended_.insert(topic);
  }
  Turn Before(const kafka::Message& m) override {
    std::lock_guard lock(mutex_);
    if (!suspended_.contains(m.topic)) return Turn::kSend;
    if (later_-- > 0) return Turn::kLater;
    withheld_.push_back(m.value);
    return Turn::kWithhold;
  }
  void Resume(const std::string& topic) {
    std::lock_guard lock(mutex_);
    suspended_.erase(topic);
  }
  void StoreIsAwayFor(int times) { later_ = times; }
  std::vector<std::string> Withheld() {
    std::lock_guard lock(mutex_);
    return withheld_;
  }
  int RefusedTimes(const std::string& topic) {
    std::lock_guard lock(mutex_);
    return refused_[topic];
  }

 private:
  const int patience_;
  std::mutex mutex_;
  std::map<std::string, int> refused_;
  std::set<std::string> suspended_;
  std::vector<std::string> withheld_;
  int later_ = 0;
};

class RelayTest : public ::testing::Test {
 protected:
  void Put(const std::string& value, const std::string& topic = "log", int p = 0) {
    auto outcome =
        store_.Run({{}, {Write::Outbox(keys_.Outbox(p), keys_.Mark(p, "log"), topic, "ch-1", value, "")}, 0}, Soon());
    ASSERT_TRUE(outcome && outcome->done);
  }
  void PutMany(int from, int to) {
    for (int i = from; i <= to; ++i) Put(std::to_string(i));
  }
  std::string Text(const std::string& key) { return store_.Read({Get::String(key)}, Soon())->values[0].string; }
  std::string Acked(int p = 0) { return Text(keys_.Acked(p)); }
  bool AckedIs(const std::string& n, int p = 0) {
    return Eventually([&] { return Acked(p) == n; });
  }
  std::vector<std::string> Log(const std::string& topic = "log", int p = 0) { return Values(log_, topic, p); }
  // A reader's view: repeats dropped by version.
  std::vector<std::string> Deduped() {
    std::vector<std::string> out;
    std::set<std::string> seen;
    for (const auto& v : Log()) {
      if (seen.insert(v).second) out.push_back(v);
    }
    return out;
  }
  static std::vector<std::string> Upto(int n) {
    std::vector<std::string> out;
    for (int i = 1; i <= n; ++i) out.push_back(std::to_string(i));
    return out;
  }

  MemoryStore store_;
  MemoryLog log_;
  Keys keys_{"cases", kPartitions};
};

TEST_F(RelayTest, Entries_arrive_unchanged_in_order_and_are_noted_with_offset_top_and_fence) {
  ASSERT_TRUE(store_.Run({{}, {Write::Set(keys_.Mark(1, "log"), "9")}, 0}, Soon()));
  RelayCopy a(store_, log_, "a");
  for (int i = 1; i <= 5; ++i) Put(std::to_string(i), "log", 1);
  ASSERT_TRUE(AckedIs("5", 1));
  EXPECT_EQ(Log("log", 1), Upto(5));
  EXPECT_EQ(log_.Records("log", 1)[0].key, "ch-1");
  EXPECT_EQ(Text(keys_.Top(1, "log")), "4");
  EXPECT_EQ(Text(keys_.Fence(1)), "9");
  std::string pairs;
  for (const auto& e : store_.StreamForTest(keys_.AckLog(1))) pairs += e.fields[0].second;
  EXPECT_EQ(pairs, "1:log:0 2:log:1 3:log:2 4:log:3 5:log:4 ");
}

TEST_F(RelayTest, Topics_get_their_partition_headers_and_tombstones) {
  auto headers = EncodeHeaders({{"ce_id", "1"}});
  ASSERT_TRUE(store_.Run({{},
                          {Write::Outbox(keys_.Outbox(2), keys_.Mark(2, "log"), "stafett.to.r-1", "k", "v", headers),
                           Write::Outbox(keys_.Outbox(2), keys_.Mark(2, "log"), "keys", "ch-1", "", "")},
                          0},
                         Soon()));
  Recipients recipients;
  RelayCopy a(store_, log_, "a", RelayCopy::Options(), &recipients);
  ASSERT_TRUE(AckedIs("2", 2));
  auto signal = log_.Records("stafett.to.r-1", 0);
  ASSERT_EQ(signal.size(), 1U);
  EXPECT_EQ(signal[0].headers, (kafka::Headers{{"ce_id", "1"}}));
  EXPECT_FALSE(signal[0].tombstone);
  auto key = log_.Records("keys", 2);
  ASSERT_EQ(key.size(), 1U);
  EXPECT_TRUE(key[0].tombstone);  // a destroyed key must vanish from a compacted topic
}

TEST_F(RelayTest, R1_a_crash_between_send_and_note_repeats_what_was_not_noted) {
  Put("1");
  {
    RelayCopy a(store_, log_, "a");
    ASSERT_TRUE(AckedIs("1"));
    store_.BeforeRunForTest([&](const Transaction& tx) {  // the note does not get through
      if (tx.writes.front().op == "max") store_.DownForTest(true);
    });
    Transaction three;
    for (const auto* value : {"2", "3", "4"}) {
      three.writes.push_back(Write::Outbox(keys_.Outbox(0), keys_.Mark(0, "log"), "log", "ch-1", value, ""));
    }
    ASSERT_TRUE(store_.Run(three, Soon()));
    ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().records == 4; }));
  }
  store_.BeforeRunForTest(nullptr);
  store_.DownForTest(false);
  EXPECT_EQ(Acked(), "1");
  store_.AdvanceForTest(Millis(10'000));  // its lease runs out
  RelayCopy b(store_, log_, "b");
  ASSERT_TRUE(AckedIs("4"));
  EXPECT_THAT(Log(), ElementsAre("1", "2", "3", "4", "2", "3", "4"));
}

TEST_F(RelayTest, R1_a_crash_before_the_report_repeats_it_too) {
  Put("1");
  {
    RelayCopy a(store_, log_, "a");
    ASSERT_TRUE(AckedIs("1"));
    log_.Always(Fate::kHold);
    PutMany(2, 3);
    ASSERT_TRUE(Eventually([&] { return Log().size() == 3; }));
  }
  EXPECT_EQ(Acked(), "1");
  log_.Always(Fate::kAck);
  store_.AdvanceForTest(Millis(10'000));
  RelayCopy b(store_, log_, "b");
  ASSERT_TRUE(AckedIs("3"));
  EXPECT_THAT(Log(), ElementsAre("1", "2", "3", "2", "3"));
}

TEST_F(RelayTest, R2_two_holders_at_once_repeat_each_other_and_lose_nothing) {
  RelayCopy a(store_, log_, "same");  // both believe that they hold the lease
  RelayCopy b(store_, log_, "same");
  PutMany(1, 60);
  ASSERT_TRUE(AckedIs("60"));
  EXPECT_EQ(Deduped(), Upto(60));
  // Per holder in order: between two repeats of a number nothing is skipped.
  ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().waiting + b.relay.GetStats().waiting == 0; }));
  EXPECT_TRUE(a.shards.Halted().empty());
  EXPECT_TRUE(b.shards.Halted().empty());
}

TEST_F(RelayTest, R3_after_a_failed_report_all_from_the_oldest_goes_again_through_a_new_producer) {
  std::atomic<int> fail{1};
  log_.Decide([&](const kafka::Message& m) {
    if (m.value == "3" && fail.exchange(0) == 1) return Fate::kFail;
    return m.value == "2" && fail == 1 ? Fate::kHold : Fate::kAck;  // 2 is in the log, its report never comes
  });
  PutMany(1, 6);
  RelayCopy a(store_, log_, "a");
  ASSERT_TRUE(AckedIs("6"));
  EXPECT_EQ(Deduped(), Upto(6));
  EXPECT_EQ(log_.PublishersMade(), 2);
  auto log = Log();
  EXPECT_EQ(std::count(log.begin(), log.end(), "2"), 2);
  EXPECT_EQ(std::count(log.begin(), log.end(), "1"), 1);
}

TEST_F(RelayTest, R3_a_record_reported_failed_that_landed_is_sent_again) {
  std::atomic<int> fail{2};
  log_.Decide([&](const kafka::Message& m) { return m.value == "2" && fail-- > 0 ? Fate::kFailLanded : Fate::kAck; });
  PutMany(1, 3);
  RelayCopy a(store_, log_, "a");
  ASSERT_TRUE(AckedIs("3"));
  EXPECT_EQ(Deduped(), Upto(3));
}

TEST_F(RelayTest, R4_only_the_unbroken_prefix_is_acknowledged) {
  log_.Decide([](const kafka::Message& m) { return m.topic == "ledger" ? Fate::kHold : Fate::kAck; });
  RelayCopy a(store_, log_, "a");
  Put("1");
  Put("2", "ledger");
  Put("3");
  Put("4");
  ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().records == 3; }));
  ASSERT_TRUE(AckedIs("1"));
  EXPECT_EQ(a.relay.GetStats().waiting, 3U);
  log_.ReleaseReports();
  ASSERT_TRUE(AckedIs("4"));
  EXPECT_EQ(Text(keys_.Top(0, "ledger")), "0");
  EXPECT_EQ(Text(keys_.Top(0, "log")), "2");
}

TEST_F(RelayTest, R5_an_offset_not_above_the_one_before_halts_the_partition) {
  RelayCopy a(store_, log_, "a");
  PutMany(1, 3);
  Put("other", "log", 1);
  ASSERT_TRUE(AckedIs("3"));
  log_.CutTail("log", 0, 1);
  PutMany(4, 4);
  ASSERT_TRUE(Eventually([&] { return a.shards.Halted().contains(0); }));
  EXPECT_TRUE(Eventually([&] { return Text(keys_.Halt(0)) == "TAIL_LOST"; }));
  EXPECT_EQ(Acked(), "3");
  EXPECT_FALSE(a.shards.Held().contains(0));
  PutMany(5, 5);
  Put("goes on", "log", 1);
  ASSERT_TRUE(AckedIs("2", 1));
  EXPECT_EQ(Acked(), "3");
  // Another copy sees it, too, when it starts.
  Shards b(store_, keys_, "b");
  b.TurnForTest();
  EXPECT_TRUE(b.Halted().contains(0));
}

TEST_F(RelayTest, R5_what_another_holder_noted_counts) {
  {
    RelayCopy a(store_, log_, "a");
    PutMany(1, 3);
    ASSERT_TRUE(AckedIs("3"));
  }
  log_.CutTail("log", 0, 2);
  store_.AdvanceForTest(Millis(10'000));
  RelayCopy b(store_, log_, "b");
  PutMany(4, 4);
  EXPECT_TRUE(Eventually([&] { return b.shards.Halted().contains(0); }));
}

TEST_F(RelayTest, R6_what_goes_to_a_topic_that_refuses_for_good_is_withheld_and_the_rest_goes_on) {
  Recipients recipients(2);  // not at once: first it is tried again
  log_.Decide([](const kafka::Message& m) { return m.topic == "stafett.to.gone" ? Fate::kReject : Fate::kAck; });
  RelayCopy a(store_, log_, "a", RelayCopy::Options(), &recipients);
  Put("1");
  Put("2", "stafett.to.gone");
  Put("3", "stafett.to.other");
  Put("4");
  ASSERT_TRUE(AckedIs("4"));
  EXPECT_THAT(Log("stafett.to.gone"), IsEmpty());
  EXPECT_FALSE(Log("stafett.to.other").empty());
  EXPECT_EQ(Deduped(), (std::vector<std::string>{"1", "4"}));
  EXPECT_THAT(recipients.Withheld(), ElementsAre("2"));
  EXPECT_EQ(recipients.RefusedTimes("stafett.to.gone"), 2);
  EXPECT_EQ(a.relay.GetStats().withheld, 1U);
  EXPECT_GE(a.relay.GetStats().messages, 1U);  // what was withheld is no message that Kafka has
  EXPECT_LE(a.relay.GetStats().messages, Log("stafett.to.other").size());
  // Mended: its entries are sent again.
  log_.Always(Fate::kAck);
  recipients.Resume("stafett.to.gone");
  Put("5", "stafett.to.gone");
  ASSERT_TRUE(AckedIs("5"));
  EXPECT_THAT(Log("stafett.to.gone"), ElementsAre("5"));
}

TEST_F(RelayTest, R6_an_entry_is_acknowledged_only_when_it_is_written_down_that_it_was_withheld) {
  Recipients recipients;
  recipients.Refused("stafett.to.gone", "");
  recipients.StoreIsAwayFor(3);
  Put("1", "stafett.to.gone");
  Put("2");
  RelayCopy a(store_, log_, "a", RelayCopy::Options(), &recipients);
  ASSERT_TRUE(AckedIs("2"));
  EXPECT_THAT(recipients.Withheld(), ElementsAre("1"));
  EXPECT_THAT(Log(), ElementsAre("2"));
}

TEST_F(RelayTest, R6_a_crash_behind_withholding_withholds_again) {
  Recipients recipients;
  recipients.Refused("stafett.to.gone", "");
  Put("1", "stafett.to.gone");
  store_.BeforeRunForTest([&](const Transaction& tx) {  // the note does not get through
    auto notes = [](const Write& w) { return w.op == "acklog"; };
    if (std::any_of(tx.writes.begin(), tx.writes.end(), notes)) store_.DownForTest(true);
  });
  {
    RelayCopy a(store_, log_, "a", RelayCopy::Options(), &recipients);
    ASSERT_TRUE(Eventually([&] { return !recipients.Withheld().empty(); }));
  }
  store_.BeforeRunForTest(nullptr);
  store_.DownForTest(false);
  ASSERT_EQ(Acked(), "");
  store_.AdvanceForTest(Millis(10'000));
  RelayCopy b(store_, log_, "b", RelayCopy::Options(), &recipients);
  ASSERT_TRUE(AckedIs("1"));
  EXPECT_THAT(recipients.Withheld(), ElementsAre("1", "1"));
  EXPECT_THAT(Log("stafett.to.gone"), IsEmpty());
}

TEST_F(RelayTest, R6_a_refusal_that_comes_at_once_is_the_same) {
  Recipients recipients;
  log_.Decide([](const kafka::Message& m) { return m.topic == "stafett.to.gone" ? Fate::kRefuse : Fate::kAck; });
  RelayCopy a(store_, log_, "a", RelayCopy::Options(), &recipients);
  Put("1", "stafett.to.gone");
  Put("2");
  ASSERT_TRUE(AckedIs("2"));
  EXPECT_EQ(Deduped(), (std::vector<std::string>{"2"}));
}

TEST_F(RelayTest, R6_the_log_itself_is_never_passed_over) {
  Recipients recipients;
  std::atomic<bool> denied{true};
  log_.Decide([&](const kafka::Message&) { return denied ? Fate::kReject : Fate::kAck; });
  RelayCopy a(store_, log_, "a", RelayCopy::Options(), &recipients);
  PutMany(1, 2);
  ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().restarts >= 3; }));
  EXPECT_EQ(Acked(), "");
  EXPECT_EQ(recipients.RefusedTimes("log"), 0);
  denied = false;
  ASSERT_TRUE(AckedIs("2"));
  EXPECT_EQ(Deduped(), Upto(2));
}

// A new producer's first two are under way; the topic is opened to us between them.
TEST_F(RelayTest, R10_nothing_gets_into_the_log_before_a_record_that_it_refused) {
  std::atomic<int> refusals{2};
  log_.Decide(
      [&](const kafka::Message& m) { return m.value == "1" && refusals-- > 0 ? Fate::kRejectHeld : Fate::kAck; });
  PutMany(1, 3);
  RelayCopy a(store_, log_, "a");
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(Eventually([&] { return refusals == 1 - round; }));
    for (int i = 1; i <= 2; ++i) {  // another partition goes on, so that this one has had its turn, too
      Put("other", "log", 1);
      ASSERT_TRUE(AckedIs(std::to_string(2 * round + i), 1));
    }
    EXPECT_TRUE(Log().empty());
    log_.ReleaseReports();
  }
  ASSERT_TRUE(AckedIs("3"));
  EXPECT_EQ(Log(), Upto(3));
}

TEST_F(RelayTest, R10_nor_behind_what_it_took_before) {
  std::atomic<int> refusals{1};
  log_.Decide([&](const kafka::Message& m) { return m.value == "2" && refusals-- > 0 ? Fate::kReject : Fate::kAck; });
  Put("1");
  RelayCopy a(store_, log_, "a");
  ASSERT_TRUE(AckedIs("1"));
  PutMany(2, 20);
  ASSERT_TRUE(AckedIs("20"));
  EXPECT_EQ(Log(), Upto(20));
}

// The interleaving that loses records for good: acknowledgements of the store before, noted in a new one that numbers
// from 1 again, make its first entries look published.
TEST_F(RelayTest, R7_what_was_learnt_of_an_earlier_store_is_not_noted_in_a_new_one) {
  RelayCopy a(store_, log_, "a");
  Put("1");
  ASSERT_TRUE(AckedIs("1"));
  log_.Always(Fate::kHold);
  PutMany(2, 5);
  ASSERT_TRUE(Eventually([&] { return Log().size() == 5; }));
  // The reports come, their note is under way, and only then does the store turn out to be another.
  std::atomic<bool> wiped{false};
  store_.BeforeRunForTest([&](const Transaction& tx) {
    if (tx.writes.front().op == "max" && !wiped.exchange(true)) store_.WipeForTest();
  });
  log_.Always(Fate::kAck);
  log_.ReleaseReports();
  ASSERT_TRUE(Eventually([&] { return wiped.load(); }));
  Put("new 1");
  Put("new 2");
  ASSERT_TRUE(Eventually([&] { return a.relay.Generation() == store_.Generation(); }));
  a.shards.TurnForTest();
  ASSERT_TRUE(AckedIs("2"));
  auto log = Log();
  ASSERT_EQ(log.size(), 7U);
  EXPECT_EQ(log[5], "new 1");
  EXPECT_EQ(log[6], "new 2");
}

TEST_F(RelayTest, R7_who_waits_in_the_new_store_is_not_told_by_reports_of_the_old) {
  RelayCopy a(store_, log_, "a");
  Put("1");
  ASSERT_TRUE(AckedIs("1"));
  log_.Always(Fate::kHold);
  PutMany(2, 5);
  ASSERT_TRUE(Eventually([&] { return Log().size() == 5; }));
  store_.WipeForTest();
  Put("new 1");
  std::atomic<int> told{-1};
  a.acks.When(store_.Generation(), 0, 1, std::chrono::steady_clock::now() + Millis(60'000),
              [&](bool published) { told = published ? 1 : 0; });
  log_.ReleaseReports();
  ASSERT_TRUE(Eventually([&] { return a.relay.Generation() == store_.Generation(); }));
  EXPECT_EQ(told, -1);
  log_.Always(Fate::kAck);
  EXPECT_TRUE(Eventually([&] {
    log_.ReleaseReports();  // it may have been sent already
    return told == 1;
  }));
}

TEST_F(RelayTest, R7_the_producer_of_an_earlier_store_is_gone_before_the_new_one_counts) {
  log_.Always(Fate::kLate);
  RelayCopy a(store_, log_, "a");
  PutMany(1, 1);
  ASSERT_TRUE(Eventually([&] { return log_.Sent() == 1; }));
  EXPECT_EQ(log_.PublishersMade(), 1);
  store_.WipeForTest();
  ASSERT_TRUE(Eventually([&] { return a.relay.Generation() == store_.Generation(); }));
  ASSERT_TRUE(Eventually([&] { return log_.PublishersMade() == 2; }));
}

// Lease lost and won again by the same producer, while another holder acknowledged more: the old report's offset is
// below the top that was noted meanwhile. It must not look like a lost tail.
TEST_F(RelayTest, R8_a_report_from_before_the_lease_was_lost_is_no_alarm) {
  RelayCopy a(store_, log_, "a");
  Put("1");
  ASSERT_TRUE(AckedIs("1"));
  log_.Always(Fate::kHold);
  PutMany(2, 3);
  ASSERT_TRUE(Eventually([&] { return Log().size() == 3; }));
  store_.AdvanceForTest(Millis(10'000));
  ASSERT_TRUE(store_.Run({{}, {Write::Lease(keys_.Lease(0), "b", Millis(1'000))}, 0}, Soon()));
  a.shards.TurnForTest();
  ASSERT_FALSE(a.shards.Held().contains(0));
  ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().waiting == 0; }));
  // b sends both, and gets to note the first.
  log_.Append("log", 0, "ch-1", "2");
  log_.Append("log", 0, "ch-1", "3");
  ASSERT_TRUE(store_.Run({{}, {Write::Max(keys_.Acked(0), 2), Write::Max(keys_.Top(0, "log"), 3)}, 0}, Soon()));
  store_.AdvanceForTest(Millis(10'000));
  a.shards.TurnForTest();
  ASSERT_TRUE(Eventually([&] { return Log().size() == 6; }));  // 3 once more, by a
  log_.ReleaseReports();
  ASSERT_TRUE(AckedIs("3"));
  EXPECT_TRUE(a.shards.Halted().empty());
  EXPECT_EQ(Text(keys_.Top(0, "log")), "5");
}

TEST_F(RelayTest, Without_a_producer_it_tries_until_there_is_one) {
  log_.FailPublishers(3);
  PutMany(1, 3);
  RelayCopy a(store_, log_, "a");
  EXPECT_TRUE(Eventually([&] { return log_.PublishersMade() >= 1; }));
  ASSERT_TRUE(AckedIs("3"));
  EXPECT_EQ(Log(), Upto(3));
  EXPECT_FALSE(a.relay.GetStats().broken);
}

TEST_F(RelayTest, A_full_queue_costs_nothing_but_time) {
  std::atomic<int> full{3};
  log_.Decide([&](const kafka::Message& m) { return m.value == "2" && full-- > 0 ? Fate::kFull : Fate::kAck; });
  PutMany(1, 4);
  RelayCopy a(store_, log_, "a");
  ASSERT_TRUE(AckedIs("4"));
  EXPECT_EQ(Log(), Upto(4));
  EXPECT_EQ(log_.PublishersMade(), 1);
}

TEST_F(RelayTest, A_broken_producer_is_replaced) {
  std::atomic<int> broken{1};
  log_.Decide([&](const kafka::Message& m) { return m.value == "2" && broken-- > 0 ? Fate::kBroken : Fate::kAck; });
  PutMany(1, 4);
  RelayCopy a(store_, log_, "a");
  ASSERT_TRUE(AckedIs("4"));
  EXPECT_EQ(Deduped(), Upto(4));
  EXPECT_EQ(log_.PublishersMade(), 2);
}

TEST_F(RelayTest, What_waits_at_the_broker_is_bounded) {
  log_.Decide([](const kafka::Message& m) { return m.value == "1" ? Fate::kAck : Fate::kHold; });
  for (int i = 0; i < 25; ++i) {
    Transaction tx;
    for (int j = 1; j <= 100; ++j) {
      tx.writes.push_back(
          Write::Outbox(keys_.Outbox(0), keys_.Mark(0, "log"), "log", "k", std::to_string(i * 100 + j), ""));
    }
    ASSERT_TRUE(store_.Run(tx, Soon()));
  }
  RelayCopy a(store_, log_, "a");
  ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().waiting >= 2000; }));
  EXPECT_LE(log_.Sent(), 2200U);
  log_.Always(Fate::kAck);
  ASSERT_TRUE(Eventually([&] {
    log_.ReleaseReports();
    return Acked() == "2500";
  }));
  EXPECT_EQ(Log(), Upto(2500));
}

TEST_F(RelayTest, An_acknowledgement_that_could_not_be_noted_is_noted_later) {
  RelayCopy a(store_, log_, "a");
  Put("1");
  ASSERT_TRUE(AckedIs("1"));
  std::atomic<int> refuse{2};
  store_.LoseRepliesForTest(0);
  log_.Always(Fate::kHold);
  PutMany(2, 4);
  ASSERT_TRUE(Eventually([&] { return Log().size() == 4; }));
  store_.BeforeRunForTest([&](const Transaction&) { store_.DownForTest(refuse-- > 0); });
  log_.ReleaseReports();
  ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().records == 4; }));
  ASSERT_TRUE(Eventually([&] { return refuse <= 0; }));
  ASSERT_TRUE(Eventually([&] {
    auto read = store_.Read({Get::String(keys_.Acked(0))}, Soon());
    return read && read->values[0].string == "4";
  }));
  EXPECT_EQ(Text(keys_.Top(0, "log")), "3");
}

TEST_F(RelayTest, Stop_notes_what_is_reported_meanwhile) {
  auto a = std::make_unique<RelayCopy>(store_, log_, "a");
  Put("1");
  ASSERT_TRUE(AckedIs("1"));
  log_.Always(Fate::kHold);
  PutMany(2, 3);
  ASSERT_TRUE(Eventually([&] { return Log().size() == 3; }));
  std::thread stopper([&] { a->relay.Stop(); });
  std::thread releaser([&] { log_.ReleaseReports(); });
  stopper.join();
  releaser.join();
  EXPECT_EQ(Acked(), "3");
}

TEST_F(RelayTest, How_long_the_oldest_entry_waits_does_not_start_anew_with_each_producer) {
  log_.Always(Fate::kFail);
  RelayCopy a(store_, log_, "a");
  Put("1");
  ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().restarts >= 4; }));
  EXPECT_GT(a.relay.GetStats().oldest_seconds, 0.2);  // restarts are 0.1 s apart
  log_.Always(Fate::kAck);
  ASSERT_TRUE(AckedIs("1"));
  ASSERT_TRUE(Eventually([&] { return a.relay.GetStats().oldest_seconds == 0; }));
}

// R9. What the store's disk has made of an entry that was written as `meant`.
Write Garbled(Write meant, std::size_t argument, const std::string& into) {
  meant.args[argument] = into;
  return meant;
}
constexpr std::size_t kTopicOf = 2, kKeyOf = 3, kValueOf = 4, kHeadersOf = 5;

TEST_F(RelayTest, A_record_that_was_garbled_in_the_outbox_is_taken_from_the_services_own_list) {
  for (const char* list : {"ch-1", "second-list"}) {  // a second stream about the same child has another key
    Envelope e;
    e.stream = std::string("cases/") + list;
    e.version = 1;
    e.child = "ch-1";
    e.clear = "what was meant";
    const auto record = Encode(e);
    auto garbled = record;
    garbled[garbled.size() - 1] ^= 4;
    const auto p = list == std::string("ch-1") ? 0 : 1;
    ASSERT_TRUE(store_.Run(
        {{},
         {Write::Push(keys_.Own(p, list), "another"), Write::Push(keys_.Own(p, list), record),
          Garbled(Write::Outbox(keys_.Outbox(p), keys_.Mark(p, "log"), "log", "ch-1", record, ""), kValueOf, garbled)},
         0},
        Soon()));
    RelayCopy a(store_, log_, "a");
    ASSERT_TRUE(AckedIs("1", p));
    EXPECT_EQ(Log("log", p), std::vector{record});
    EXPECT_EQ(a.relay.GetStats().mended, 1U);
    EXPECT_TRUE(a.shards.Halted().empty());
  }
}

TEST_F(RelayTest, Another_entry_that_was_garbled_stops_its_partition_and_no_other) {
  const auto meant =
      Write::Outbox(keys_.Outbox(0), keys_.Mark(0, "log"), "stafett.to.r-1", "k", "v", EncodeHeaders({{"ce_id", "1"}}));
  const std::vector<Write> others{Garbled(meant, kTopicOf, "stafett.to.r-3"), Garbled(meant, kKeyOf, "K"),
                                  Garbled(meant, kValueOf, ""), Garbled(meant, kHeadersOf, "")};
  int n = 0;
  for (const auto& other : others) {
    MemoryStore store;
    MemoryLog log;
    ASSERT_TRUE(store.Run({{},
                           {Write::Outbox(keys_.Outbox(0), keys_.Mark(0, "log"), "log", "k", "before", ""), other,
                            Write::Outbox(keys_.Outbox(0), keys_.Mark(0, "log"), "log", "k", "behind", ""),
                            Write::Outbox(keys_.Outbox(1), keys_.Mark(1, "log"), "log", "k", "elsewhere", "")},
                           0},
                          Soon()));
    Recipients recipients;
    RelayCopy a(store, log, "a", RelayCopy::Options(), &recipients);
    ASSERT_TRUE(Eventually([&] {
      return a.shards.Halted() == std::map<int, std::string>{{0, "OUTBOX_DAMAGED"}} && !Values(log, "log", 1).empty();
    })) << n;
    EXPECT_EQ(Values(log, "log", 0), std::vector<std::string>{"before"});
    for (const char* to : {"stafett.to.r-1", "stafett.to.r-3"}) EXPECT_EQ(Values(log, to, 0).size(), 0U) << n;
    EXPECT_EQ(a.relay.GetStats().mended, 0U);
    ++n;
  }
}

// Does not answer the first questions for a whole list.
class Forgetful : public Store {
 public:
  explicit Forgetful(Store& store) : store_(store) {}
  Result<Answer> Read(const std::vector<Get>& gets, Deadline deadline) override {
    const bool list = std::any_of(gets.begin(), gets.end(), [](const Get& g) { return g.kind == Get::Kind::kList; });
    if (list && unanswered_++ < 3) return Fail(Code::kUnavailable, "STORE_DOWN", "the store is down");
    return store_.Read(gets, deadline);
  }
  Result<Outcome> Run(const Transaction& tx, Deadline deadline) override { return store_.Run(tx, deadline); }
  std::unique_ptr<StreamReader> OpenStreams() override { return store_.OpenStreams(); }
  std::uint64_t Generation() const override { return store_.Generation(); }
  bool Connected() const override { return store_.Connected(); }
  int Unanswered() const { return std::min(unanswered_.load(), 3); }

 private:
  Store& store_;
  std::atomic<int> unanswered_{0};
};

TEST_F(RelayTest, While_the_store_is_away_no_entry_that_was_garbled_is_given_up) {
  const std::string record = "meant";
  ASSERT_TRUE(store_.Run(
      {{},
       {Write::Push(keys_.Own(0, "ch-1"), record),
        Garbled(Write::Outbox(keys_.Outbox(0), keys_.Mark(0, "log"), "log", "ch-1", record, ""), kValueOf, "meXnt")},
       0},
      Soon()));
  Forgetful store(store_);
  RelayCopy a(store, log_, "a");
  ASSERT_TRUE(AckedIs("1"));
  EXPECT_EQ(Log(), std::vector{record});
  EXPECT_EQ(store.Unanswered(), 3);
}

TEST_F(RelayTest, An_entry_that_lies_in_another_outbox_is_not_sent_from_there) {
  auto elsewhere = Write::Outbox(keys_.Outbox(1), keys_.Mark(1, "log"), "log", "ch-1", "value", "");
  elsewhere.args[0] = keys_.Outbox(0);
  ASSERT_TRUE(store_.Run({{}, {elsewhere}, 0}, Soon()));
  RelayCopy a(store_, log_, "a");
  ASSERT_TRUE(Eventually([&] { return !a.shards.Halted().empty(); }));
  EXPECT_EQ(a.shards.Halted(), (std::map<int, std::string>{{0, "OUTBOX_DAMAGED"}}));
  EXPECT_EQ(Log("log", 0).size() + Log("log", 1).size(), 0U);
}

TEST_F(RelayTest, Only_an_entry_of_the_old_form_has_no_digest) {
  StreamEntry entry{"ob", "1-0", {{"t", "log"}, {"k", "ch-1"}, {"v", "value"}, {"h", ""}, {"o", "0"}}};
  EXPECT_TRUE(ReadOutbox(0, entry).Whole());
  entry.fields.insert(entry.fields.begin() + 4, {"D", OutboxDigest("ob", "log", "ch-1", "value", "")});
  EXPECT_FALSE(ReadOutbox(0, entry).Whole());
}

TEST_F(RelayTest, No_single_bit_of_an_entry_can_flip_unseen) {
  const auto headers = EncodeHeaders({{"ce_id", "1"}});
  StreamEntry entry{"ob", "1-0", {{"t", "log"}, {"k", "ch-1"}, {"v", "value"}, {"h", headers}, {"d", ""}, {"o", "0"}}};
  entry.fields[4].second = OutboxDigest("ob", "log", "ch-1", "value", headers);
  ASSERT_TRUE(ReadOutbox(0, entry).Whole());
  for (std::size_t field = 0; field <= 4; ++field) {
    for (std::size_t byte = 0; byte < entry.fields[field].second.size(); ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        auto flipped = entry;
        flipped.fields[field].second[byte] = static_cast<char>(flipped.fields[field].second[byte] ^ (1 << bit));
        EXPECT_FALSE(ReadOutbox(0, flipped).Whole()) << field << " " << byte << " " << bit;
      }
    }
  }
}

TEST_F(RelayTest, Start_and_stop_at_any_moment) {
  for (int i = 0; i < 20; ++i) {
    Put(std::to_string(i));
    RelayCopy a(store_, log_, "a");
    if (i % 3 == 0) a.shards.Halt(1, "test", store_.Generation());
  }
  SUCCEED();
}

}  // namespace
}  // namespace stafett::gate::test
