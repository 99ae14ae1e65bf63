// The words about receipts over the store and the topics in memory: whatever is lost, repeated or overtaken, the log
// ends up saying exactly what is to be stored; and nothing twice.
#include "disclosure/adapters/awaited_receipts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "disclosure/adapters/fact_mapping.h"
#include "lib/gate/memory_store.h"
#include "lib/gate/tailer.h"
#include "lib/kafka/kafka.h"
#include "stafett/consent/v1/consent_events.pb.h"
#include "stafett/disclosure/v1/ledger_events.pb.h"
#include "support/memory_log.h"

namespace stafett::disclosure::adapters {
namespace {
using domain::DeliveryState;
using tenants::Receipt;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kPartitions = 2;
constexpr auto kGrace = AwaitedReceipts::kGrace;
constexpr Time kStart{1'795'000'000'000};  // 18 November 2026
Deadline Soon() { return Deadline::In(Millis(10'000)); }

// As GateLedger::Fold, without keys.
Status Fold(domain::View& view, const gate::Entry& entry) {
  STAFETT_TRY(auto e, gate::Decode(entry.record));
  if (!entry.own) {
    STAFETT_CHECK_OK(LearnRecord(view, e, e.clear, entry.offset, entry.appended));
    return {};
  }
  STAFETT_TRY(auto event, FromBody(e.type, e.clear));
  if (event) domain::Evolve(view, *event);
  return {};
}

// As the router, but that it decides nothing: the test writes the ledger.
class Applier final : public gate::Applier {
 public:
  explicit Applier(const gate::Keys& keys) : keys_(keys) {}
  bool Takes(const gate::Envelope& e) const override { return e.type.starts_with("no.stafett.consent."); }
  bool Reacts(const gate::Envelope&) const override { return false; }
  std::vector<std::string> RestsOn() const override { return {}; }
  Result<std::optional<gate::Reaction>> React(int, const gate::Envelope&, const kafka::Record&) override {
    return std::optional<gate::Reaction>();
  }
  Result<std::vector<gate::Write>> Restore(int partition, const gate::Envelope& e) override {
    return std::vector<gate::Write>{AwaitedReceipts::LookAgain(keys_, partition, e.child, e.recorded)};
  }

 private:
  const gate::Keys& keys_;
};

using Files = std::map<std::string, std::vector<Receipt>>;

// One process.
struct Copy {
  Copy(gate::MemoryStore& store, const Files& files, const std::string& name)
      : keys("disclosure", kPartitions),
        committer(
            store, keys,
            [](const std::string&, std::string_view, std::string_view) -> Result<seal::Box> {
              return Fail(Code::kInternal, "NO_KEYS", "");
            },
            100'000),
        views(store, keys, Fold),
        applier(keys),
        awaited(views, committer, metrics,
                {[] {
                   return std::set<int>{0, 1};
                 },
                 "log",
                 [&files](const std::string& id) -> const std::vector<Receipt>* {
                   auto it = files.find(id);
                   return it == files.end() ? nullptr : &it->second;
                 },
                 name}) {}
  gate::Keys keys;
  gate::Committer committer;
  gate::Children<domain::View> views;
  Applier applier;
  telemetry::Metrics metrics;
  AwaitedReceipts awaited;
};

struct House {
  House() {
    log.SetTime(kStart);
    store.AdvanceForTest(Millis(kStart.ms - Now().ms));
    Restart();
  }

  // New processes: nothing is remembered but what the store holds.
  void Restart(const std::string& name = "files-1") {
    a = std::make_unique<Copy>(store, files, name);
    b = std::make_unique<Copy>(store, files, name);
    shards = std::make_unique<gate::Shards>(store, a->keys, "x");
    auto tailer = [&](const std::string& topic) {
      return std::make_unique<gate::Tailer>(store, a->keys, *shards, log.Reader(), topic, topic, a->applier,
                                            a->committer);
    };
    ledger = tailer("ledger");
    tail = tailer("log");
  }
  // All that no relay has brought to Kafka is gone.
  void Wipe(const std::string& name = "files-1") {
    store.WipeForTest();
    relayed.clear();
    Restart(name);
    Read();
  }
  static int Partition(const std::string& child) { return kafka::PartitionOf(child, kPartitions); }
  Time Now() { return store.Read({}, Soon())->now; }
  void Pass(Millis time) {
    store.AdvanceForTest(time);
    log.SetTime(Now());
  }

  // The outbox goes to Kafka: of each topic and partition at most `most` entries, so one topic may overtake another.
  void Relay(const std::function<int()>& most = [] { return 1 << 20; }) {
    for (int p = 0; p < kPartitions; ++p) {
      std::map<std::string, int> left{{"ledger", most()}, {"log", most()}};
      for (const auto& entry : store.StreamForTest(a->keys.Outbox(p))) {
        std::map<std::string, std::string> f(entry.fields.begin(), entry.fields.end());
        const auto name = std::to_string(p) + "/" + entry.id;
        if (relayed.contains(name) || left[f["t"]] == 0) {
          if (!relayed.contains(name)) left[f["t"]] = 0;  // the rest of the topic waits behind it
          continue;
        }
        --left[f["t"]];
        relayed.insert(name);
        log.Append(f["t"], p, f["k"], f["v"]);
      }
    }
  }
  void Read() {
    for (int round = 0; round < 200; ++round) {
      shards->TurnForTest();
      bool rest = true;
      for (int p = 0; p < kPartitions; ++p) {
        for (const std::string topic : {"ledger", "log"}) {
          auto mark = store.Read({gate::Get::String(a->keys.Mark(p, topic))}, Soon())->values[0].string;
          rest = rest && (mark.empty() ? 0 : std::stoll(mark)) == log.End(topic, p);
        }
      }
      if (rest && round > 1) return;
      ledger->TurnForTest();
      tail->TurnForTest();
    }
    FAIL() << "does not come to the ends";
  }
  void Rounds(Copy& copy) {
    for (int i = 0; copy.awaited.Turn(); ++i) ASSERT_LT(i, 200) << "does not come to rest";
  }
  void Settle() {
    Pass(AwaitedReceipts::kRetry);
    Rounds(*a);
    Rounds(*b);
    Relay();
    Read();
  }

  // What disclosure writes down, in one step with the mark to look at the child again (GateLedger::Propose).
  void Keep(const domain::LedgerEvent& event, const std::string& child = "ch-1") {
    const auto p = Partition(child);
    auto loaded = a->views.Load(p, child, Soon());
    ASSERT_TRUE(loaded);
    auto body = ToBody(event);
    gate::Proposal proposal;
    proposal.events.push_back({body.type, body.bytes, "", "ledger", {}, true});
    proposal.indexes = {AwaitedReceipts::LookAgain(a->keys, p, child, loaded->now)};
    gate::Command command;
    command.request_scope = "test";
    command.request_id = "r" + std::to_string(++ids);
    auto done = a->committer.Try(command, {p, child, true},
                                 {loaded->own, loaded->inputs, loaded->generation, loaded->now}, proposal, Soon());
    ASSERT_TRUE(done);
    ASSERT_EQ(done->kind, gate::Committer::Attempt::Kind::kDone);
  }
  // A decision to tell these, resting on this consent.
  std::vector<std::string> Tell(const std::vector<std::string>& recipients, const std::string& child = "ch-1",
                                const std::string& consent = "") {
    domain::Decided decided;
    decided.event_id = "ev-" + std::to_string(++ids);
    decided.at = Now();
    std::vector<std::string> out;
    for (const auto& recipient : recipients) {
      domain::Line line;
      line.recipient = recipient;
      line.verdict = policy::Verdict::kDisclose;
      line.item = decided.event_id;
      line.case_id = "ca-1";
      line.delivery_id = "d-" + std::to_string(ids) + "-" + recipient;
      if (!consent.empty()) line.consents = {consent};
      out.push_back(line.delivery_id);
      decided.lines.push_back(std::move(line));
    }
    Keep(decided, child);
    return out;
  }
  void Store(const std::string& id, const std::string& child = "ch-1") {
    Keep(domain::Fetched{id, "r-school", {}, "digest", "T020"}, child);
    Keep(domain::StoredConfirmed{id, "r-school", "ref", "digest"}, child);
  }
  // consent says it on the log.
  template <class Message>
  void Say(const Message& message, const std::string& child = "ch-1") {
    gate::Envelope e;
    e.stream = "consent/" + child;
    e.version = ++said[child];
    e.event_id = gate::EventId(e.stream, e.version);
    e.type = Message::descriptor()->options().GetExtension(common::v1::event_type);
    e.child = child;
    e.clear = message.SerializeAsString();
    log.Append("log", Partition(child), child, gate::Encode(e));
  }
  void Consent(const std::string& id, Time until) {
    ::stafett::consent::v1::ConsentRequested m;
    m.set_consent_id(id);
    m.set_until_ms(until.ms);
    m.add_scopes()->set_recipient("r-school");
    Say(m);
    Read();
  }

  // What the log says of a child, read as escalation does: the last word about each id; and every record in short.
  struct Heard {
    Words open;
    std::vector<std::string> records;
  };
  Heard Hear(const std::string& child = "ch-1") {
    Heard out;
    std::uint64_t version = 0;
    for (const auto& record : log.Records("log", Partition(child))) {
      const auto e = *gate::Decode(record.value);
      if (e.stream != "disclosure/receipts-" + child || e.version <= version) continue;
      EXPECT_EQ(e.version, version + 1);
      version = e.version;
      EXPECT_EQ(record.key, child);
      EXPECT_EQ(e.child, child);
      EXPECT_FALSE(e.sealed);
      EXPECT_EQ(e.subject + e.cause + e.purpose + e.actor.person + e.actor.organisation, "") << "more than it needs";
      std::string text;
      for (const auto& word : e.awaited) {
        EXPECT_EQ(word.person, "");
        EXPECT_EQ(word.kind, AwaitedKind::kDeliveryStored);
        text += (word.done ? " -" : " +") + word.id.substr(word.id.find('/') + 1);
        if (word.done) {
          EXPECT_EQ(out.open.erase(word.id), 1U) << "never said, or ended twice";
        } else {
          EXPECT_FALSE(out.open.contains(word.id) && out.open[word.id] == word) << "said twice";
          out.open[word.id] = word;
        }
      }
      EXPECT_NE(text, "") << "a record that says nothing";
      ::stafett::disclosure::v1::ReceiptsAwaited body;
      EXPECT_TRUE(body.ParseFromString(e.clear));
      EXPECT_EQ(body.open(), out.open.size());
      out.records.push_back(text.substr(text.empty() ? 0 : 1));
    }
    return out;
  }
  domain::View View(const std::string& child = "ch-1") {
    return *a->views.Load(Partition(child), child, Soon())->state;
  }

  Files files{{"r-school", {Receipt::kStored, Receipt::kOpened}}, {"r-ppt", {Receipt::kStored}}, {"r-paper", {}}};
  gate::MemoryStore store;
  test::MemoryLog log;
  std::unique_ptr<Copy> a, b;
  std::unique_ptr<gate::Shards> shards;
  std::unique_ptr<gate::Tailer> ledger, tail;
  std::set<std::string> relayed;
  std::map<std::string, std::uint64_t> said;
  int ids = 0;
};

// What was found is about to be written down.
bool IsLook(const gate::Transaction& tx) {
  return std::any_of(tx.writes.begin(), tx.writes.end(), [](const gate::Write& w) { return w.op == "zrem"; });
}

TEST(AwaitedReceiptsTest, What_is_not_stored_is_said_with_its_moment_and_then_that_it_is) {
  House h;
  const auto d = h.Tell({"r-school", "r-ppt"});
  h.Pass(kGrace);
  const auto at = h.Now();
  h.Rounds(*h.a);
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[1] + " +" + d[0]));
  const auto word = h.Hear().open.at("stored/" + d[0]);
  EXPECT_EQ(word.at, at);
  EXPECT_EQ(word.date, "2026-11-18");
  EXPECT_EQ(word.recipient, "r-school");
  h.Store(d[0]);
  h.Settle();
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[1] + " +" + d[0], "-" + d[0]));
}

TEST(AwaitedReceiptsTest, What_is_stored_at_once_is_never_spoken_of) {
  House h;
  const auto quick = h.Tell({"r-school"});
  h.Pass(kGrace / 2);
  const auto slow = h.Tell({"r-ppt"});
  h.Store(quick[0]);
  h.Pass(kGrace - Millis(1) - kGrace / 2);
  h.Rounds(*h.a);
  h.Relay();
  EXPECT_THAT(h.Hear().records, IsEmpty()) << "not before its time";
  h.Pass(kGrace / 2 + Millis(1));
  h.Rounds(*h.a);
  h.Relay();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + slow[0])) << "nobody had to touch it";
}

// A child about which something happens all the time is looked at all the same.
TEST(AwaitedReceiptsTest, New_deliveries_do_not_put_off_the_word_about_the_first) {
  House h;
  const auto first = h.Tell({"r-school"});
  for (auto passed = Millis(0); passed < kGrace; passed += kGrace / 4) {
    h.Pass(kGrace / 4);
    h.Tell({"r-ppt"});
    h.Rounds(*h.a);
  }
  h.Relay();
  EXPECT_TRUE(h.Hear().open.contains("stored/" + first[0]));
}

TEST(AwaitedReceiptsTest, Who_cannot_say_stored_is_not_waited_for_and_who_is_in_no_file_is) {
  House h;
  h.Tell({"r-paper"});
  const auto unknown = h.Tell({"r-gone"});
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + unknown[0]));
}

TEST(AwaitedReceiptsTest, Other_files_are_other_duties_from_the_next_start_on) {
  House h;
  const auto paper = h.Tell({"r-paper"});
  const auto school = h.Tell({"r-school"});
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + school[0]));
  h.files["r-paper"] = {Receipt::kStored};
  h.files["r-school"] = {};
  h.Restart("files-2");
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + school[0], "+" + paper[0] + " -" + school[0]));
}

TEST(AwaitedReceiptsTest, Withheld_resent_and_taken_back_are_each_said_once) {
  House h;
  const auto d = h.Tell({"r-school"});
  h.Settle();
  h.Keep(domain::SignalWithheld{d[0], "r-school"});
  h.Settle();
  domain::Decided resent;
  resent.event_id = "rs-1";
  resent.at = h.Now();
  resent.lines = {h.View().missed["r-school"].front().line};
  h.Keep(resent);
  h.Settle();
  EXPECT_GT(h.Hear().open.at("stored/" + d[0]).at, resent.at) << "counted from when it was sent again";
  domain::Decided taken_back;
  taken_back.event_id = "ev-w";
  taken_back.at = h.Now();
  taken_back.withdrawn = {d[0]};
  h.Keep(taken_back);
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0], "-" + d[0], "+" + d[0], "-" + d[0]));
}

TEST(AwaitedReceiptsTest, When_a_consent_runs_out_nobody_waits_any_more_though_nothing_happens) {
  House h;
  h.Consent("co-1", Time{h.Now().ms + 60'000});
  const auto d = h.Tell({"r-school"}, "ch-1", "co-1");
  h.Settle();
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0]));
  h.Pass(Millis(60'000));
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0], "-" + d[0]));
}

TEST(AwaitedReceiptsTest, Of_two_copies_one_says_it) {
  House h;
  const auto d = h.Tell({"r-school"});
  h.Pass(kGrace);
  bool inside = false;
  h.store.BeforeRunForTest([&](const gate::Transaction& tx) {
    if (!IsLook(tx) || std::exchange(inside, true)) return;
    h.Rounds(*h.b);
  });
  h.Rounds(*h.a);
  h.store.BeforeRunForTest(nullptr);
  EXPECT_TRUE(inside);
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0]));
}

TEST(AwaitedReceiptsTest, What_happens_while_a_child_is_looked_at_is_not_forgotten) {
  House h;
  const auto first = h.Tell({"r-school"});
  h.Pass(kGrace);
  bool inside = false;
  std::vector<std::string> second;
  h.store.BeforeRunForTest([&](const gate::Transaction& tx) {
    if (!IsLook(tx) || std::exchange(inside, true)) return;
    h.Store(first[0]);
    second = h.Tell({"r-ppt"});
  });
  h.Rounds(*h.a);
  h.store.BeforeRunForTest(nullptr);
  ASSERT_TRUE(inside);
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + second[0])) << "what was stored meanwhile was never said";
}

TEST(AwaitedReceiptsTest, A_word_that_was_lost_with_the_store_is_said_again_under_the_same_version) {
  House h;
  const auto d = h.Tell({"r-school"});
  h.Relay();
  h.Settle();
  h.Store(d[0]);
  h.Relay();  // the receipts are on the ledger,
  h.Pass(kGrace);
  h.Rounds(*h.a);  // the word that nobody waits is written,
  h.Wipe();        // and lost
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0]));
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0], "-" + d[0]));
}

// Reports come in any order over topics (relay.h, R4): the word may be on Kafka, and what it rested on not.
TEST(AwaitedReceiptsTest, A_receipt_that_was_lost_after_its_word_is_waited_for_again) {
  House h;
  const auto d = h.Tell({"r-school"});
  h.Settle();
  h.Store(d[0]);
  h.Pass(kGrace);
  h.Rounds(*h.a);
  // The word overtakes both receipts.
  int asked = 0;
  h.Relay([&] { return asked++ % 2 == 0 ? 0 : 9; });
  h.Wipe();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0], "-" + d[0]));
  h.Settle();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0], "-" + d[0], "+" + d[0]));
}

TEST(AwaitedReceiptsTest, One_child_that_fails_does_not_hold_up_the_others) {
  House h;
  for (int i = 0; i < 70; ++i) {  // more than one round takes
    const auto child = "broken-" + std::to_string(i);
    const auto p = House::Partition(child);
    ASSERT_TRUE(h.store.Run({{},
                             {gate::Write::Push(h.a->keys.Own(p, child), "no record"),
                              AwaitedReceipts::LookAgain(h.a->keys, p, child, Time{0})},
                             0},
                            Soon()));
  }
  const auto d = h.Tell({"r-school"});
  h.Pass(kGrace);
  for (int i = 0; i < 5; ++i) (void)h.a->awaited.Turn();
  h.Relay();
  EXPECT_THAT(h.Hear().records, ElementsAre("+" + d[0]));
}

TEST(AwaitedReceiptsTest, More_than_fit_into_a_record_come_in_several) {
  House h;
  for (int i = 0; i < 301; ++i) h.Tell({"r-school", "r-ppt"});
  h.Settle();
  const auto heard = h.Hear();
  EXPECT_EQ(heard.records.size(), 2U);
  EXPECT_EQ(heard.open.size(), 602U);
}

TEST(AwaitedReceiptsTest, Deliveries_are_counted_by_where_they_stand_touched_or_not) {
  House h;
  const auto d = h.Tell({"r-school", "r-ppt", "r-paper"});
  const auto other = h.Tell({"r-school"}, "ch-2");
  h.Pass(Millis(30'000));
  h.Keep(domain::Fetched{d[2], "r-paper", {}, "digest", "T020"});  // all that its system can do
  h.Store(d[0]);                                                   // to be opened
  h.Keep(domain::Fetched{other[0], "r-school", {}, "digest", "T020"}, "ch-2");
  h.Keep(domain::SignalWithheld{h.Tell({"r-ppt"})[0], "r-ppt"});
  h.Pass(Millis(30'000));
  h.Restart();  // so that it counts at once
  h.Rounds(*h.a);
  h.Restart();
  h.Rounds(*h.a);
  const auto text = h.a->metrics.Text();
  for (const char* line : {"stafett_deliveries{state=\"signalled\"} 1\n", "stafett_deliveries{state=\"fetched\"} 1\n",
                           "stafett_deliveries{state=\"stored\"} 1\n", "stafett_deliveries{state=\"withheld\"} 1\n",
                           "stafett_delivery_oldest_seconds{state=\"signalled\"} 60\n",
                           "stafett_delivery_oldest_seconds{state=\"withheld\"} 30\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  telemetry::Metrics metrics;
  AwaitedReceipts idle(h.a->views, h.a->committer, metrics,
                       {[] { return std::optional<std::set<int>>(std::in_place); }, "log",
                        [](const std::string&) { return nullptr; }, "files-1"});
  EXPECT_FALSE(idle.Turn());
  EXPECT_THAT(metrics.Text(), HasSubstr("stafett_deliveries{state=\"fetched\"} 1\n")) << "every copy counts all";
}

TEST(AwaitedReceiptsTest, Who_leaves_something_untouched_for_a_day_is_silent_whatever_it_does_else) {
  House h;
  h.Tell({"r-ppt"});
  const auto since = h.Now();
  h.Pass(Millis(3600'000));
  const auto d = h.Tell({"r-school", "r-ppt", "r-paper"}, "ch-2");
  h.Keep(domain::Fetched{d[1], "r-ppt", {}, "digest", "T020"}, "ch-2");
  auto silent = [&] {
    h.Restart();  // so that it counts at once
    h.Rounds(*h.a);
    h.Restart();
    h.Rounds(*h.a);
    const auto text = h.a->metrics.Text();
    const std::string line = "\nstafett_recipients_silent ";
    const auto at = text.find(line);
    return at == std::string::npos ? "" : text.substr(at + line.size(), 1);
  };
  h.Pass(AwaitedReceipts::kSilent - Millis(3600'000));
  EXPECT_EQ(silent(), "0") << "not before its time";
  h.Pass(Millis(1));
  EXPECT_EQ(silent(), "1");
  const auto untouched = AwaitedReceipts::Untouched(h.store, h.a->keys, Soon());
  ASSERT_TRUE(untouched);
  EXPECT_EQ(untouched->size(), 3U);
  EXPECT_EQ(untouched->at("r-ppt"), since);
  EXPECT_EQ(untouched->at("r-school"), Time{since.ms + 3600'000});
  h.Store(d[0], "ch-2");
  h.Pass(Millis(3600'000));
  EXPECT_EQ(silent(), "2") << "that of paper too: it could have fetched";
}

// Decisions, receipts, time, restarts, lost replies, racing copies, and stores that are lost at any moment with Kafka
// having any part of what was written.
RC_GTEST_PROP(AwaitedReceiptsProperty, In_the_end_the_log_says_exactly_what_is_to_be_stored_and_nothing_twice, ()) {
  House h;
  const std::vector<std::string> children{"ch-1", "ch-2"};
  auto pick = [](int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); };
  const int steps = 5 + pick(30);
  for (int i = 0; i < steps; ++i) {
    const auto& child = children[static_cast<std::size_t>(pick(2))];
    const auto view = h.View(child);
    std::string any;
    if (!view.deliveries.empty()) {
      auto it = view.deliveries.begin();
      std::advance(it, pick(static_cast<int>(view.deliveries.size())));
      any = it->first;
    }
    switch (pick(11)) {
      case 0:
      case 1: h.Tell({"r-school", "r-ppt", "r-paper"}, child); break;
      case 2:
      case 3:
        if (!any.empty()) h.Store(any, child);
        break;
      case 4: {
        if (any.empty()) break;
        if (pick(2) == 0) {
          h.Keep(domain::SignalWithheld{any, view.FindDelivery(any)->recipient}, child);
        } else {
          domain::Decided taken_back;
          taken_back.event_id = "w-" + std::to_string(i);
          taken_back.withdrawn = {any};
          h.Keep(taken_back, child);
        }
        break;
      }
      case 5: h.Restart(); break;
      case 6: h.Wipe(); break;
      case 7: h.Relay([&] { return pick(4); }); break;
      default: {
        h.Pass(kGrace * pick(3));
        h.store.LoseRepliesForTest(pick(3) == 0 ? 1 : 0);
        int when = pick(4);
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
  h.Settle();
  h.Settle();
  auto in_the_end = [&](const std::string& child) {
    const auto heard = h.Hear(child);
    std::set<std::string> said, expected;
    for (const auto& [id, word] : heard.open) said.insert(id);
    for (const auto& [id, d] : h.View(child).deliveries) {
      const bool told = d.state == DeliveryState::kSignalled || d.state == DeliveryState::kFetched;
      if (told && d.recipient != "r-paper") expected.insert("stored/" + id);
    }
    RC_ASSERT(said == expected);
    return heard.records.size();
  };
  for (const auto& child : children) {
    const auto records = in_the_end(child);
    h.Wipe();
    h.Settle();
    RC_ASSERT(in_the_end(child) == records);  // a rebuild says nothing again
  }
}

}  // namespace
}  // namespace stafett::disclosure::adapters
