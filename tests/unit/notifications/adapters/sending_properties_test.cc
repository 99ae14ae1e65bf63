// Two copies of notifications over one store and one log, moved step by step: whatever is repeated, raced, refused, cut
// off or lost, a reader is told once, and nothing is sent without an intent on the log that has no result.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "lib/gate/memory_store.h"
#include "notifications/adapters/event_mapping.h"
#include "notifications/adapters/gate_message_store.h"
#include "notifications/app/operations.h"
#include "notifications/domain/decide.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/escalation/v1/escalation_events.pb.h"
#include "support/memory_log.h"

namespace stafett::notifications::adapters {
namespace {

using gate::MemoryStore;
using stafett::test::MemoryLog;

constexpr int kPartitions = 3;
constexpr char kFile[] =
    "controller: c-aaaaa1\nname: K\norganisation_number: \"974760673\"\n"
    "oncall: {name: V, phone: \"+47 00 00 00 00\"}\n"
    "recipients:\n"
    "  - id: r-aaaaa1\n    agency: SKOLE_K\n    organisation_number: \"998447356\"\n    name: S\n    receipts: []\n"
    "    units:\n      - id: u-aaaaa1\n        name: T\n        people:\n"
    "          - {id: p-aaaaa1, name: A, role: TEACHER, channels: [INBOX, EMAIL], email: a@x.example.no}\n"
    "          - {id: p-aaaaa2, name: B, role: HEAD, channels: [INBOX, EMAIL], email: b@x.example.no, language: ar,\n"
    "             quiet_hours: \"22:00-06:00\"}\n"
    "          - {id: p-aaaaa3, name: C, role: NURSE}\n"
    "clients: []\n"
    "escalation: {lines: {r-aaaaa1: [HEAD]}, last: p-aaaaa1, waiting: {"
    "NEXT_DATE: {first: 1 working day, next: 2 working days, acknowledged: 5 working days}, "
    "BATON_ANSWER: {first: 0 working days, next: 1 working day, acknowledged: 3 working days}, "
    "EVALUATION: {first: 1 working day, next: 3 working days, acknowledged: 10 working days}, "
    "DELIVERY_STORED: {first: 4 hours, next: 1 working day, acknowledged: 2 working days}, "
    "CONTRIBUTION_ANSWER: {first: 1 working day, next: 2 working days, acknowledged: 5 working days}}}\n";
const std::vector<std::string> kPeople = {"p-aaaaa1", "p-aaaaa2", "p-aaaaa3", "p-nobody"};
const std::vector<std::string> kChildren = {"ch-a", "ch-b", "ch-c"};

const tenants::Tenants& People() {
  static const auto loaded = tenants::LoadTenantsFromText({{"one.yaml", kFile}});
  if (!loaded) throw std::runtime_error(loaded.error().message);
  return *loaded;
}
const texts::Texts& TextsOf() {
  static const auto loaded =
      texts::Texts::Load(STAFETT_TEXTS, {tenants::kLanguages.begin(), tenants::kLanguages.end()}, app::Words());
  if (!loaded) throw std::runtime_error(loaded.error().message);
  return *loaded;
}
int Pick(int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); }
template <class T>
const T& OneOf(const std::vector<T>& all) {
  return all[static_cast<std::size_t>(Pick(static_cast<int>(all.size())))];
}
Deadline Soon() { return Deadline::In(Millis(10'000)); }

struct Died {};

// Events of notifications on the log, each version once.
std::vector<domain::Event> OnTheLog(const MemoryLog& log) {
  std::vector<domain::Event> out;
  std::set<std::pair<std::string, std::uint64_t>> seen;
  for (int p = 0; p < kPartitions; ++p) {
    for (const auto& r : log.Records("log", p)) {
      auto e = gate::Decode(r.value);
      if (!e || !e->stream.starts_with("notifications/") || !seen.insert({e->stream, e->version}).second) continue;
      out.push_back(**FromBody(e->type, e->clear));
    }
  }
  return out;
}
bool HasIntent(const MemoryLog& log, const std::string& id) {
  for (const auto& e : OnTheLog(log)) {
    if (std::holds_alternative<domain::MessageQueued>(e) && domain::MessageOf(e) == id) return true;
  }
  return false;
}
bool HasResult(const MemoryLog& log, const std::string& id) {
  for (const auto& e : OnTheLog(log)) {
    if (domain::MessageOf(e) != id) continue;
    const auto* failed = std::get_if<domain::MessageFailed>(&e);
    if (std::holds_alternative<domain::MessageSent>(e) || std::holds_alternative<domain::MessageDropped>(e) ||
        (failed != nullptr && !failed->again)) {
      return true;
    }
  }
  return false;
}

// The mail server, and the moment in which a process may die.
struct Mails final : app::Post {
  explicit Mails(MemoryLog& l) : log(l) {}
  domain::Cause HandOver(const app::Letter& letter) override {
    RC_ASSERT(HasIntent(log, letter.id));
    RC_ASSERT(!HasResult(log, letter.id));
    RC_ASSERT(letter.to == "a@x.example.no" || letter.to == "b@x.example.no");
    for (const auto& child : kChildren) RC_ASSERT(letter.body.find(child) == std::string::npos);
    if (answer == domain::Cause::kNone) ++taken[letter.id];
    if (die) {
      ++excused[letter.id];
      throw Died();
    }
    return answer;
  }
  MemoryLog& log;
  std::map<std::string, int> taken;
  std::map<std::string, int> excused;  // repeats that cannot be helped
  domain::Cause answer = domain::Cause::kNone;
  bool die = false;
};

struct Copy {
  Copy(MemoryStore& store, MemoryLog& log, const std::string& owner)
      : committer(store, gate::Keys("notifications", kPartitions), nullptr, 1'000'000),
        shards(store, committer.keys(), owner),
        messages(committer, "log"),
        applier(messages, People()),
        tailer(store, committer.keys(), shards, log.Reader(), "log", "log", applier, committer) {}
  gate::Committer committer;
  gate::Shards shards;
  GateMessageStore messages;
  MessageApplier applier;
  gate::Tailer tailer;
};

struct World {
  World() { Restart(); }
  void Restart() {
    for (const char* name : {"a", "b"}) {
      copies[name] = std::make_unique<Copy>(store, log, "x");  // both work on all partitions
      copies[name]->shards.TurnForTest();
    }
  }
  Copy& Any() { return Pick(2) == 0 ? *copies["a"] : *copies["b"]; }

  template <class Event>
  void Write(const std::string& child, Event event, const std::string& escalation) {
    event.set_escalation_id(escalation);
    gate::Envelope e;
    e.stream = "escalation/" + child;
    e.version = ++versions[child];
    e.event_id = gate::EventId(e.stream, e.version);
    e.type = Event::descriptor()->options().GetExtension(common::v1::event_type);
    e.child = child;
    e.recorded = Now();
    e.clear = event.SerializeAsString();
    last[child] = gate::Encode(e);
    Append(child);
  }
  void Append(const std::string& child) {
    if (last[child].empty()) return;
    log.SetTime(Now());
    log.Append("log", kafka::PartitionOf(child, kPartitions), child, last[child]);
  }
  Time Now() { return store.Read({}, Soon())->now; }

  void Relay(int n) {
    log.SetTime(Now());
    const gate::Keys keys("notifications", kPartitions);
    for (int p = 0; p < kPartitions; ++p) {
      auto acked = Number(store.Read({gate::Get::String(keys.Acked(p))}, Soon())->values[0].string);
      for (const auto& e : store.StreamForTest(keys.Outbox(p))) {
        if (gate::OutboxNumber(e.id) <= acked || n == 0) continue;
        std::map<std::string, std::string> f(e.fields.begin(), e.fields.end());
        log.Append(f["t"], p, f["k"], f["v"]);
        acked = gate::OutboxNumber(e.id);
        --n;
      }
      (void)store.Run({{},
                       {gate::Write::Max(keys.Acked(p), static_cast<std::int64_t>(acked)),
                        gate::Write::Fence(keys.Fence(p), keys.Outbox(p), keys.Acked(p), keys.Mark(p, "log"))},
                       0},
                      Soon());
    }
  }
  static std::uint64_t Number(const std::string& s) { return s.empty() ? 0 : std::stoull(s); }

  // All of the log is read and all of the outbox is on it. In time, not in rounds: what did not go, the reader tries
  // again a little later.
  void Settle() {
    const gate::Keys keys("notifications", kPartitions);
    const auto until = std::chrono::steady_clock::now() + Millis(10'000);
    do {
      Relay(1'000'000);
      copies["a"]->tailer.TurnForTest();
      bool done = true;
      for (int p = 0; p < kPartitions; ++p) {
        auto mark = store.Read({gate::Get::String(keys.Mark(p, "log"))}, Soon())->values[0].string;
        auto acked = store.Read({gate::Get::String(keys.Acked(p))}, Soon())->values[0].string;
        done = done && Number(mark) == static_cast<std::uint64_t>(log.End("log", p)) &&
               Number(acked) == store.StreamForTest(keys.Outbox(p)).size();
      }
      if (done) return;
    } while (std::chrono::steady_clock::now() < until);
    RC_FAIL("does not come to rest");
  }

  void Send(Copy& copy, domain::Cause answer, bool die) {
    store.AdvanceForTest(Millis(10));  // the log's clock goes a little ahead with each record
    mails.answer = answer;
    mails.die = die;
    app::App app{copy.messages, People(), TextsOf()};
    app::Sending sending{{Millis(1'000), Millis(4'000), 3}, "https://x.example.no", Millis(60'000)};
    app::Round round{[] { return false; }, [](Millis) {}, [](const domain::Tried&, bool) {}};
    try {
      (void)app::SendDue(app, mails, sending, round);  // a lost reply ends the round, no more
    } catch (const Died&) {
    }
  }

  MemoryLog log;
  MemoryStore store;
  Mails mails{log};
  std::map<std::string, std::unique_ptr<Copy>> copies;
  std::map<std::string, std::uint64_t> versions;
  std::map<std::string, std::string> last;
};

RC_GTEST_PROP(SendingProperty, Told_once_whatever_happens, ()) {
  using namespace ::stafett::escalation::v1;
  World world;
  const int steps = *rc::gen::inRange(10, 60);
  for (int i = 0; i < steps; ++i) {
    const auto& child = OneOf(kChildren);
    const auto escalation = OneOf<std::string>({"es-1", "es-2"});
    switch (Pick(12)) {
      case 0:
      case 1: {
        EscalationRaised e;
        e.set_owner(OneOf(kPeople));
        world.Write(child, e, escalation);
        break;
      }
      case 2: {
        EscalationPassedOn e;
        e.set_owner(OneOf(kPeople));
        world.Write(child, e, escalation);
        break;
      }
      case 3: {
        EscalationResolved e;
        e.set_by(OneOf<std::string>({"", "p-aaaaa1"}));
        world.Write(child, e, escalation);
        break;
      }
      case 4: world.Append(child); break;  // a zombie repeats it
      case 5:
      case 6: world.Any().tailer.TurnForTest(); break;
      case 7: world.Relay(Pick(4)); break;
      case 8:
        world.Send(world.Any(),
                   OneOf<domain::Cause>(
                       {domain::Cause::kNone, domain::Cause::kNone, domain::Cause::kConnect, domain::Cause::kRefused}),
                   Pick(6) == 0);
        break;
      case 9: world.store.AdvanceForTest(Millis(OneOf<int>({500, 5'000, 61'000, 8 * 3600'000}))); break;
      case 10: world.store.LoseRepliesForTest(1); break;
      default: {
        if (Pick(3) != 0) break;
        // Redis is lost, with whatever it had not told Kafka. The gate opens when the log's end is reached.
        for (const auto& [id, times] : world.mails.taken) {
          if (!HasResult(world.log, id)) ++world.mails.excused[id];
        }
        world.store.WipeForTest();
        world.Restart();
        world.Settle();
      }
    }
  }
  // Everything comes to an end when everything works.
  for (int i = 0; i < 4; ++i) {
    world.Settle();
    world.store.AdvanceForTest(Millis(8 * 3600'000));
    world.Send(world.Any(), domain::Cause::kNone, false);
    world.Settle();
  }
  std::set<std::tuple<std::string, std::string, domain::Channel>> told;
  std::set<std::string> queued, sent;
  for (const auto& e : OnTheLog(world.log)) {
    if (const auto* q = std::get_if<domain::MessageQueued>(&e)) {
      RC_ASSERT(told.insert({q->cause, q->person, q->channel}).second);
      if (q->channel == domain::Channel::kEmail) queued.insert(q->message_id);
    }
    if (std::holds_alternative<domain::MessageSent>(e)) RC_ASSERT(sent.insert(domain::MessageOf(e)).second);
  }
  for (const auto& id : queued) RC_ASSERT(HasResult(world.log, id));
  for (const auto& id : sent) RC_ASSERT(world.mails.taken.contains(id));
  for (const auto& [id, times] : world.mails.taken) RC_ASSERT(times <= 1 + world.mails.excused[id]);
  auto backlog = world.copies["a"]->messages.CountWaiting(Soon());
  RC_ASSERT(backlog && backlog->mails == 0 && !backlog->oldest);
}

TEST(Sending, A_claim_is_for_one_and_ends_by_itself) {
  World world;
  ::stafett::escalation::v1::EscalationRaised e;
  e.set_owner("p-aaaaa1");
  world.Write("ch-a", e, "es-1");
  world.Settle();
  auto& a = world.copies["a"]->messages;
  auto& b = world.copies["b"]->messages;
  auto waiting = a.Waiting(10, Soon());
  ASSERT_EQ(waiting->size(), 1U);
  auto view = *a.Load("ch-a", Soon());
  EXPECT_TRUE(*a.Claim(waiting->at(0), view, Millis(1'000), Soon()));
  EXPECT_FALSE(*b.Claim(waiting->at(0), view, Millis(1'000), Soon()));
  world.store.AdvanceForTest(Millis(1'001));
  EXPECT_TRUE(*b.Claim(waiting->at(0), view, Millis(1'000), Soon()));
  // Decided on a child that is another now: nothing.
  world.store.AdvanceForTest(Millis(1'001));
  auto stale = view;
  stale.own = 0;
  EXPECT_FALSE(*a.Claim(waiting->at(0), stale, Millis(1'000), Soon()));
  auto backlog = a.CountWaiting(Soon());
  EXPECT_EQ(backlog->mails, 1);
  EXPECT_TRUE(backlog->oldest);
}

TEST(Sending, Nothing_goes_before_its_intent_is_on_the_log) {
  World world;
  ::stafett::escalation::v1::EscalationRaised e;
  e.set_owner("p-aaaaa1");
  world.Write("ch-a", e, "es-1");
  for (int i = 0; i < 10; ++i) world.copies["a"]->tailer.TurnForTest();
  auto& a = *world.copies["a"];
  ASSERT_EQ(a.messages.Waiting(10, Soon())->size(), 1U);
  world.Send(a, domain::Cause::kNone, false);
  EXPECT_TRUE(world.mails.taken.empty());
  world.Relay(100);
  world.Send(a, domain::Cause::kNone, false);
  EXPECT_EQ(world.mails.taken.size(), 1U);
}

}  // namespace
}  // namespace stafett::notifications::adapters
