#include "simulation/simulation.h"

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "cases/domain/national_number.h"
#include "escalation/domain/decide.h"
#include "lib/base/id.h"
#include "lib/host/who.h"
#include "lib/telemetry/log.h"
#include "stafett/disclosure/v1/signal.pb.h"
#include "support/remembered.h"

namespace stafett::simulation {
namespace {

constexpr Time kStart{1'795'000'000'000};            // 18 November 2026
constexpr std::int64_t kMemory = 1'700'000'000'000;  // where the clocks of a store in memory begin
constexpr std::int64_t kHour = 3'600'000;
constexpr int kCopies = 2;
constexpr std::size_t kKindCount = kKinds.size();
const std::vector<std::string> kStaff = {"p-4tz8vq", "p-x6q9sb", "p-7hn4vz"};  // school, health station, PPT
const std::vector<std::string> kGuardians = {"p-mother", "p-father"};

Deadline Soon() { return Deadline::In(Millis(10'000)); }
std::size_t Index(Kind kind) { return static_cast<std::size_t>(kind); }

// What can go wrong in this schedule, each once in so many times; 0: never. Not everything in every one: what is rare
// is else never seen alone.
struct Weather {
  int late = 0, held = 0, failed = 0, failed_landed = 0;    // of messages to the log
  int lost = 0, lost_on_the_way = 0, away = 0;              // of answers of the stores
  int between = 0;                                          // others go on while somebody waits for the store
  int crash = 0, wipe = 0, clock = 0, leap = 0, again = 0;  // of steps
};
Weather AnyWeather(Chance& chance) {
  Weather w;
  auto maybe = [&](int& one_in, int often, int seldom) {
    if (chance.OneIn(2)) one_in = often + chance.Below(seldom - often + 1);
  };
  maybe(w.late, 3, 30);
  maybe(w.held, 3, 30);
  maybe(w.failed, 10, 60);
  maybe(w.failed_landed, 10, 60);
  maybe(w.lost, 20, 200);
  maybe(w.lost_on_the_way, 20, 200);
  maybe(w.away, 20, 200);
  maybe(w.between, 3, 20);
  maybe(w.crash, 10, 80);
  if (chance.OneIn(2)) maybe(w.wipe, 60, 200);
  if (chance.OneIn(2)) maybe(w.clock, 20, 100);
  maybe(w.leap, 40, 150);
  maybe(w.again, 5, 30);
  return w;
}

host::Who WhoIs(const std::string& person) {
  const auto place = TheFiles().tenants.FindPerson(person);
  host::Who who;
  who.person = person;
  who.purpose = "follow-up";
  if (place) {
    const auto* controller = TheFiles().tenants.ControllerOf(place->recipient->id);
    who.recipient = place->recipient->id;
    who.controller = controller->id;
    who.agency = place->recipient->agency;
    who.organisation = place->recipient->organisation_number;
    who.role = place->person->role;
    who.unit = place->unit->id;
  } else {  // a guardian, through the coordinating unit's system
    who.guardian = true;
    who.role = "GUARDIAN";
    who.organisation = "317316372";
  }
  who.actor = {person, who.role, who.unit, who.organisation, "", ""};
  return who;
}

// The i-th number that is valid and nobody's.
std::string SyntheticNumber(int i) {
  for (int n = 75'000; n < 90'000; ++n) {  // individual number and check digits
    auto number = "058817" + std::to_string(n);
    if (cases::domain::ParseNationalNumber(number) && i-- == 0) return number;
  }
  throw std::logic_error("too many children");
}

}  // namespace

const char* NameOf(Weakness weakness) {
  switch (weakness) {
    case Weakness::kNone: return "nothing";
    case Weakness::kVersionGuard: return "version guard";
    case Weakness::kMarkGuard: return "mark guard";
    case Weakness::kGenerationGuard: return "generation guard";
    case Weakness::kFence: return "fence";
    case Weakness::kForgetfulBroker: return "a broker that keeps what it acknowledges";
    case Weakness::kForgottenRequests: return "remembered requests";
  }
  return "";
}

std::vector<Weakness> AllWeaknesses() {
  using enum Weakness;
  return {kVersionGuard, kMarkGuard, kGenerationGuard, kFence, kForgetfulBroker, kForgottenRequests};
}

namespace {

// Where a schedule goes on from.
struct Beginning {
  std::array<std::shared_ptr<const gate::MemoryStore::Data>, kKindCount> stores;
  test::MemoryLog::Topics topics;
  std::int64_t now_ms = kStart.ms;
};

class World final : public consent::app::Fence {
 public:
  World(std::uint64_t seed, const Options& options, const Beginning* beginning)
      : chance_(seed),
        ids_(std::to_string(seed) + "/"),
        options_(options),
        plan_(TheFiles().tenants),
        invariants_(log_, plan_) {
    Reseed(seed);
    now_ms_ = beginning == nullptr ? kStart.ms : beginning->now_ms;
    log_.SetTime(Time{now_ms_});
    log_.Decide([this](const kafka::Message& m) { return FateOf(m); });
    if (beginning != nullptr) log_.Restore(beginning->topics);
    for (auto kind : kKinds) {
      auto& store = stores_[Index(kind)];
      store.AdvanceForTest(Millis(now_ms_ - kMemory));
      if (beginning != nullptr) store.RollBackForTest(beginning->stores[Index(kind)]);
      for (int i = 0; i < kCopies; ++i) Begin(kind, i);
    }
    for (const auto& person : kStaff) recipients_.emplace_back().id = WhoIs(person).recipient;
    invariants_.Scan();
  }
  ~World() override {
    for (auto& copy : copies_) copy->Crash();
  }

  // All that every schedule needs before anything interesting can happen.
  Beginning Prepare() {
    recipients_.clear();  // who begin with the schedules
    calm_ = true;
    Rest();
    for (int i = 0; i < 2; ++i) Register(i);
    Rest();
    for (const auto& [child, of] : invariants_.children()) AskConsent(child);
    Rest();
    for (const auto& [child, of] : invariants_.children()) {
      for (const auto& guardian : kGuardians) {
        for (const auto& [id, c] : of.consents.consents) Grant(child, c, guardian);
      }
    }
    Rest();
    for (const auto& [child, of] : invariants_.children()) NoteConcern(child, kStaff[0]);
    Rest();
    for (const auto& [child, of] : invariants_.children()) {
      for (const auto& [id, c] : of.cases.cases) OpenLog(c);
    }
    Rest();
    if (invariants_.violation()) throw std::logic_error(invariants_.violation()->what);
    Beginning out;
    for (auto kind : kKinds) out.stores[Index(kind)] = stores_[Index(kind)].CopyForTest();
    out.topics = log_.Everything();
    out.now_ms = now_ms_;
    return out;
  }

  Outcome Play() {
    weather_ = AnyWeather(chance_);
    for (auto& r : recipients_) r.silent = chance_.OneIn(4);
    const int steps = 60 + chance_.Below(120);
    for (int i = 0; i < steps && !invariants_.violation(); ++i) {
      ++steps_;
      // Now and then so long that a lease runs out.
      Pass(Millis(chance_.OneIn(10) ? 1000 + chance_.Below(3500) : 1 + chance_.Below(20)));
      Step();
      invariants_.Scan();
    }
    if (!invariants_.violation()) Rest();
    if (!invariants_.violation()) LookAtRest();
    if (!invariants_.violation() && chance_.OneIn(3)) {
      Leap();
      Rest();
      LookAtRest();
    }
    if (!invariants_.violation()) Rebuild();
    auto counts = invariants_.counts();
    counts["steps"] = static_cast<std::uint64_t>(steps_);
    counts["copies begun anew"] = static_cast<std::uint64_t>(begun_) - copies_.size();
    counts["stores lost"] = static_cast<std::uint64_t>(lost_stores_);
    counts["contents refused"] = static_cast<std::uint64_t>(refused_);
    return {invariants_.violation(), std::move(counts)};
  }

 private:
  struct Recipient {
    std::string id;
    bool silent = false;    // never confirms
    std::int64_t next = 0;  // on its topic
    std::set<std::string> seen;
    std::vector<std::string> told, to_fetch;                      // deliveries
    std::vector<std::pair<std::string, std::string>> to_confirm;  // delivery, digest
  };
  struct Request {
    std::string name;  // for people
    Kind service;
    gate::Command command;
    std::function<Result<gate::Committed>(Copy&, const gate::Command&)> call;
    std::function<void(const gate::Committed&)> then;
    bool open = true;  // no answer yet that is for good
    bool published = false;
    bool accepted = false;
    std::string Id() const { return command.request_scope + "/" + command.request_id; }
  };
  struct Withdrawal {
    gate::Committed committed;
    std::size_t request = 0;
    bool enforced = false;
  };
  struct Reading {
    std::string child;
    disclosure::app::Reading reading;
  };

  void Say(const std::function<void(std::ostream&)>& text) {
    if (!options_.trace) return;
    std::ostringstream out;
    out << "+" << (now_ms_ - kStart.ms) << "ms ";
    for (int i = 0; i < depth_; ++i) out << "  | ";
    text(out);
    options_.trace(out.str());
  }

  // ---- time
  void Pass(Millis by) {
    now_ms_ += by.count();
    // Little: else a record is set aside that waits for one that is on its way.
    AdvanceSteady(std::min(by, Millis(calm_ ? 600 : 100)));
    for (auto& store : stores_) store.AdvanceForTest(by);
    log_.SetTime(Time{now_ms_ + log_skew_});
  }
  void Leap() {
    const auto by = Millis(kHour * chance_.Of(std::vector<int>{1, 5, 24, 50, 24 * 20, 24 * 43}));
    Say([&](auto& out) { out << "time passes: " << by.count() / kHour << " h"; });
    Pass(by);
  }
  // Somebody sets a clock: of one store, or of the broker.
  void SetClock() {
    static const std::vector<std::int64_t> by = {-kHour, -5000, -500, 500, 5000, kHour};
    const auto at = static_cast<std::size_t>(chance_.Below(static_cast<int>(kKindCount) + 1));
    const auto ms = chance_.Of(by);
    invariants_.ClocksDisagree();
    Say([&](auto& out) {
      out << "clock of " << (at == kKindCount ? "kafka" : NameOf(kKinds[at])) << " set by " << ms << " ms";
    });
    if (at == kKindCount) {
      log_skew_ += ms;
    } else {
      stores_[at].AdvanceForTest(Millis(ms));
      skew_[at] += ms;
    }
  }
  // They are set right again: forwards, as clocks that fell behind what they had said stand until then.
  void MendClocks() {
    auto ahead = std::max(log_skew_, *std::max_element(skew_.begin(), skew_.end()));
    for (std::size_t i = 0; i < kKindCount; ++i) {
      stores_[i].AdvanceForTest(Millis(std::max<std::int64_t>(ahead, 0) - skew_[i]));
      skew_[i] = 0;
    }
    log_skew_ = 0;
    now_ms_ += std::max<std::int64_t>(ahead, 0);
    log_.SetTime(Time{now_ms_});
  }

  // ---- the rim
  test::Fate FateOf(const kafka::Message& m) {
    if (calm_) return test::Fate::kAck;
    auto fate = test::Fate::kAck;
    if (chance_.OneIn(weather_.failed)) {
      fate = test::Fate::kFail;
    } else if (chance_.OneIn(weather_.failed_landed)) {
      fate = test::Fate::kFailLanded;
    } else if (chance_.OneIn(weather_.late)) {
      fate = test::Fate::kLate;
    } else if (chance_.OneIn(weather_.held)) {
      fate = test::Fate::kHold;
    }
    static const std::map<test::Fate, const char*> kNames = {{test::Fate::kAck, "lands"},
                                                             {test::Fate::kFail, "fails"},
                                                             {test::Fate::kFailLanded, "lands and is reported failed"},
                                                             {test::Fate::kLate, "is on its way"},
                                                             {test::Fate::kHold, "lands, its report is held"}};
    Say([&](auto& out) {
      out << "to " << m.topic << "[" << m.partition << "]: " << What(m) << " " << kNames.at(fate);
    });
    return fate;
  }
  static std::string What(const kafka::Message& m) {
    if (m.topic.starts_with(kTo)) return "a signal";
    if (m.topic != kLog && m.topic != kLedger) return "a record";
    const auto e = gate::Decode(m.value);
    return e ? e->stream + "#" + std::to_string(e->version) + " " + e->type : "what nobody can read";
  }
  // A broker that acknowledges and now and then keeps nothing.
  class Forgetful final : public gate::Publisher {
   public:
    Forgetful(World& world, std::unique_ptr<gate::Publisher> real) : world_(world), real_(std::move(real)) {}
    Status Send(kafka::Message message, kafka::OnDelivery done) override {
      if (world_.calm_ || !world_.chance_.OneIn(20)) return real_->Send(std::move(message), std::move(done));
      kafka::Delivery delivery;
      delivery.ok = true;
      delivery.offset = world_.log_.End(message.topic, message.partition);
      done(delivery);
      return {};
    }

   private:
    World& world_;
    std::unique_ptr<gate::Publisher> real_;
  };
  gate::MakePublisher Publisher() {
    if (options_.weakness != Weakness::kForgetfulBroker) return log_.Publisher();
    return [this, make = log_.Publisher()]() -> Result<std::unique_ptr<gate::Publisher>> {
      STAFETT_TRY(auto real, make());
      return std::make_unique<Forgetful>(*this, std::move(real));
    };
  }
  Reply NextReply(Kind kind) {
    if (calm_) return Reply::kGiven;
    auto reply = Reply::kGiven;
    const char* what = "";
    if (chance_.OneIn(weather_.lost)) {
      reply = Reply::kLost;
      what = "does it, and its answer is lost";
    } else if (chance_.OneIn(weather_.lost_on_the_way)) {
      reply = Reply::kLostOnTheWay;
      what = "never hears of it";
    } else if (chance_.OneIn(weather_.away)) {
      reply = Reply::kAway;
      what = "is away";
    }
    if (reply != Reply::kGiven) Say([&](auto& out) { out << "the store of " << NameOf(kind) << " " << what; });
    return reply;
  }
  void Weaken(gate::Transaction& tx) const {
    auto drop = [&](auto which) { std::erase_if(tx.guards, which); };
    using Guard = gate::Guard::Kind;
    switch (options_.weakness) {
      case Weakness::kVersionGuard:
        return drop([](const gate::Guard& g) { return g.kind == Guard::kLength && g.key.find(":own:") != g.key.npos; });
      case Weakness::kMarkGuard:
        return drop(
            [](const gate::Guard& g) { return g.kind == Guard::kEquals && g.key.find(":mark:") != g.key.npos; });
      case Weakness::kGenerationGuard: tx.generation = 0; return;
      case Weakness::kFence:
        for (auto& w : tx.writes) {
          // As if nothing waited for Kafka.
          if (w.op == "fence") w.args[1] += ":none";
        }
        return;
      case Weakness::kForgottenRequests:
        std::erase_if(tx.writes, [](const gate::Write& w) { return w.op == "remember"; });
        return;
      default: return;
    }
  }

  // ---- copies
  void Begin(Kind kind, int i) {
    auto& store = stores_[Index(kind)];
    const auto name = std::string(NameOf(kind)) + "-" + static_cast<char>('a' + i) + std::to_string(++begun_);
    RimStore::Hooks hooks{[this] { Between(); }, [this, kind] { return NextReply(kind); }, {}};
    if (options_.weakness != Weakness::kNone) hooks.weaken = [this](gate::Transaction& tx) { Weaken(tx); };
    Rims rim{store, std::move(hooks), Publisher(), log_.Reader()};
    std::unique_ptr<Copy> copy;
    switch (kind) {
      case Kind::kCases: copy = std::make_unique<CasesCopy>(name, std::move(rim)); break;
      case Kind::kConsent: copy = std::make_unique<ConsentCopy>(name, std::move(rim), *this); break;
      case Kind::kDisclosure: copy = std::make_unique<DisclosureCopy>(name, std::move(rim)); break;
      case Kind::kEscalation: copy = std::make_unique<EscalationCopy>(name, std::move(rim)); break;
    }
    const auto at = Index(kind) * kCopies + static_cast<std::size_t>(i);
    if (copies_.size() <= at) {
      copies_.push_back(std::move(copy));
    } else {
      copies_[at] = std::move(copy);
    }
  }
  Copy& CopyAt(std::size_t i) { return *copies_[i]; }
  Copy& Any() { return *copies_[static_cast<std::size_t>(chance_.Below(static_cast<int>(copies_.size())))]; }
  template <class T>
  T& AnyOf(Kind kind) {
    const auto at = Index(kind) * kCopies + static_cast<std::size_t>(chance_.Below(kCopies));
    return static_cast<T&>(*copies_[at]);
  }
  void Crash(std::size_t at) {
    const auto kind = copies_[at]->kind;
    Say([&](auto& out) { out << copies_[at]->name << " dies and begins anew"; });
    copies_[at]->Crash();
    copies_[at].reset();
    Begin(kind, static_cast<int>(at % kCopies));
  }
  void Wipe(Kind kind) {
    Say([&](auto& out) { out << "the store of " << NameOf(kind) << " is lost"; });
    // What is on its way must be with the broker before: see README.md, what is not covered.
    log_.Land();
    invariants_.Scan();
    stores_[Index(kind)].WipeForTest();
    wiped_.insert(kind);
    ++lost_stores_;
    for (auto& request : requests_) {
      auto& told = invariants_.Of(request.Id());
      if (request.service != kind || !told.accepted || told.published) continue;
      told.lost = true;
      told.event_ids.clear();
    }
    if (kind == Kind::kDisclosure) {
      invariants_.ReadsForgotten();
      readings_.clear();
    }
  }
  bool Turn(Copy& copy, Copy::Loop& loop) {
    if (loop.running) return false;
    Say([&](auto& out) { out << copy.name << ": " << loop.name; });
    loop.running = true;
    ++depth_;
    loop.turn();
    --depth_;
    loop.running = false;
    return true;
  }
  void Round(Copy& copy) {
    // In any order: each is a thread of its own.
    const auto n = static_cast<int>(copy.loops.size());
    const auto from = chance_.Below(n);
    const auto by = chance_.OneIn(2) ? 1 : n - 1;
    for (int i = 0; i < n; ++i) (void)Turn(copy, copy.loops[static_cast<std::size_t>((from + i * by) % n)]);
  }
  void GiveReports() {
    const auto reporting = log_.Reporting();
    if (reporting.empty()) return;
    const auto publisher = chance_.Of(reporting);
    Say([&](auto& out) { out << "reports of producer " << publisher; });
    ++depth_;
    log_.GiveReports(publisher);
    --depth_;
  }

  // Somebody waits for the store: others go on.
  void Between() {
    if (calm_ || depth_ > 3 || !chance_.OneIn(weather_.between)) return;
    ++depth_;
    const bool sleeps = depth_ < 3 && chance_.OneIn(8);  // so long that others take over its work
    Say([&](auto& out) { out << (sleeps ? "sleeps; meanwhile" : "meanwhile"); });
    if (sleeps) Pass(Millis(4000));
    for (int i = sleeps ? 10 + chance_.Below(30) : 1 + chance_.Below(3); i > 0; --i) Act();
    --depth_;
  }

  // ---- what happens next
  void Step() {
    if (chance_.OneIn(weather_.crash)) return Crash(static_cast<std::size_t>(chance_.Below(kKindCount * kCopies)));
    if (chance_.OneIn(weather_.clock)) return SetClock();
    if (chance_.OneIn(weather_.leap)) return Leap();
    Act();
  }
  void Act() {
    const int what = chance_.Below(100);
    if (chance_.OneIn(weather_.wipe)) return Wipe(chance_.Of(std::vector<Kind>(kKinds.begin(), kKinds.end())));
    if (what < 25) {
      auto& copy = Any();
      (void)Turn(copy, copy.loops[static_cast<std::size_t>(chance_.Below(static_cast<int>(copy.loops.size())))]);
    } else if (what < 50) {
      Round(Any());
    } else if (what < 62) {
      GiveReports();
    } else if (what < 66) {
      Say([](auto& out) { out << "what is on its way lands"; });
      log_.Land();
    } else if (what < 68) {
      log_.ReleaseReports();
    } else if (what < 82) {
      chance_.OneIn(3) ? Retry() : Command();
    } else if (what < 94) {
      Receive(chance_.Of(std::vector<std::size_t>{0, 1, 2}));
    } else {
      Ask();
    }
  }

  // ---- clients
  void Send(Request& request) {
    auto& copy = AnyOf<Copy>(request.service);
    if (!copy.Open()) return;  // RECOVERING: to be sent again
    Say([&](auto& out) { out << "client to " << copy.name << ": " << request.name; });
    ++depth_;
    auto committed = request.call(copy, request.command);
    --depth_;
    if (!committed) {
      const auto& error = committed.error();
      Say([&](auto& out) { out << request.name << ": " << error.reason; });
      switch (error.code) {
        case Code::kUnavailable:
        case Code::kUnknownOutcome:
        case Code::kAborted:
        case Code::kResourceExhausted:
        case Code::kDeadlineExceeded: return;
        default: break;
      }
      if (request.open) invariants_.Refused(request.Id());
      request.open = false;
      return;
    }
    Say([&](auto& out) { out << request.name << ": STORED, version " << committed->version; });
    invariants_.Accepted(request.Id(), request.service, *committed);
    const bool first = !std::exchange(request.accepted, true);
    request.open = false;
    // Said of this outcome: a request that is sent again when it is forgotten has another one, too.
    auto told = [this, &request, ids = committed->event_ids](gate::ReceiptState state) {
      if (state == gate::ReceiptState::kPublished) Published(request, ids);
    };
    copy.parts.gate().WhenPublished(*committed, SteadyTime::max(), std::move(told));
    if (first && request.then) request.then(*committed);
  }
  void Published(Request& request, const std::vector<std::string>& event_ids) {
    if (std::exchange(request.published, true)) return;
    Say([&](auto& out) { out << request.name << ": PUBLISHED"; });
    invariants_.Published(request.Id(), event_ids);
  }
  void Add(const std::string& name, Kind service, const host::Who& who,
           std::function<Result<gate::Committed>(Copy&, const gate::Command&)> call,
           std::function<void(const gate::Committed&)> then = {}) {
    requests_.emplace_back();
    auto& request = requests_.back();
    request.command.request_scope = who.organisation;
    request.command.request_id = DerivedId("rq", ids_ + "client/" + std::to_string(requests_.size()));
    request.command.request_hash = name;
    request.command.actor = who.actor;
    request.command.purpose = who.purpose;
    request.name = name + " (" + std::to_string(requests_.size()) + ")";
    request.service = service;
    request.call = std::move(call);
    request.then = std::move(then);
    Send(request);
  }
  // One that has no answer for good yet; or, as a client whose line broke, one that has.
  void Retry() {
    if (requests_.empty()) return;
    auto& request = requests_[static_cast<std::size_t>(chance_.Below(static_cast<int>(requests_.size())))];
    if (request.open) return Send(request);
    if (request.accepted && !invariants_.Of(request.Id()).lost && chance_.OneIn(weather_.again)) Send(request);
  }
  // GetReceipt.
  void AskReceipt(Request& request) {
    auto& copy = AnyOf<Copy>(request.service);
    if (!copy.Open()) return;
    auto receipt = copy.parts.gate().Receipt(request.command.request_scope, request.command.request_id, Soon());
    if (receipt && *receipt == gate::ReceiptState::kPublished) {
      Published(request, invariants_.Of(request.Id()).event_ids);
    }
  }
  void Ask() {
    if (!withdrawals_.empty() && chance_.OneIn(2)) {
      return AskEnforced(withdrawals_[static_cast<std::size_t>(chance_.Below(static_cast<int>(withdrawals_.size())))]);
    }
    if (requests_.empty()) return;
    auto& request = requests_[static_cast<std::size_t>(chance_.Below(static_cast<int>(requests_.size())))];
    if (request.accepted && !request.published && !invariants_.Of(request.Id()).lost) AskReceipt(request);
  }

  // ---- what clients do
  template <class Call>
  void OnCases(const std::string& name, const std::string& person, Call call) {
    const auto who = WhoIs(person);
    Add(name + " by " + person, Kind::kCases, who, [who, call](Copy& copy, const gate::Command& command) {
      return call(static_cast<CasesCopy&>(copy), who, command);
    });
  }
  template <class Call>
  void OnCase(const std::string& name, const std::string& person, const std::string& case_id, Call call) {
    OnCases(name, person, [case_id, call](CasesCopy& copy, const host::Who& who, const gate::Command& command) {
      return call(copy.app, cases::app::OnCase{who, command, Soon(), case_id, ""});
    });
  }
  template <class Call>
  void OnConsents(const std::string& name, const std::string& person, Call call,
                  std::function<void(const gate::Committed&)> then = {}) {
    const auto who = WhoIs(person);
    Add(
        name + " by " + person, Kind::kConsent, who,
        [who, call](Copy& copy, const gate::Command& command) {
          return call(static_cast<ConsentCopy&>(copy), who, command);
        },
        std::move(then));
  }
  void Register(int i) {
    OnCases("register child", kStaff[0], [i](CasesCopy& copy, const host::Who& who, const gate::Command& command) {
      std::vector<cases::domain::Guardian> guardians;
      for (const auto& g : kGuardians) guardians.push_back({g, "Solvor", "MOTHER", true});
      return cases::app::RegisterChild(copy.app, who, command, Soon(), SyntheticNumber(i), "Mina", guardians);
    });
  }
  void NoteConcern(const std::string& child, const std::string& person) {
    OnCases("note concern", person, [child](CasesCopy& copy, const host::Who& who, const gate::Command& command) {
      return cases::app::NoteConcern(copy.app, who, command, Soon(), copy.references.ForService(who.recipient, child),
                                     "stille", "");
    });
  }
  void OpenLog(const cases::domain::Case& c) {
    OnCase("open log", c.holder, c.id,
           [](auto& app, const auto& on) { return cases::app::OpenLog(app, on, "Mina skal glede seg", ""); });
  }
  void AskConsent(const std::string& child) {
    OnConsents("ask for consent", kStaff[0],
               [child](ConsentCopy& copy, const host::Who& who, const gate::Command& command) {
                 consent::app::Asking asking;
                 asking.child = copy.references.ForService(who.recipient, child);
                 asking.purpose = "follow-up";
                 asking.consenters = kGuardians;
                 using enum policy::Category;
                 for (const auto& person : kStaff) {
                   asking.scopes.push_back({WhoIs(person).recipient, {kConcern, kPlan, kEduc, kHealthd}});
                 }
                 return consent::app::RequestConsent(copy.app, who, command, Soon(), asking);
               });
  }
  std::vector<std::string> Some(const consent::domain::Consent& c) {
    std::vector<std::string> out;
    for (const auto& s : c.scopes) {
      if (chance_.Below(4) > 0) out.push_back(s.recipient);
    }
    return out;
  }
  void Grant(const std::string& /*child*/, const consent::domain::Consent& c, const std::string& guardian) {
    auto recipients = calm_ ? std::vector<std::string>() : Some(c);
    if (recipients.empty()) {
      for (const auto& s : c.scopes) recipients.push_back(s.recipient);
    }
    OnConsents(
        "grant", guardian,
        [id = c.id, guardian, recipients](ConsentCopy& copy, const host::Who& who, const gate::Command& command) {
          return consent::app::Grant(copy.app, {who, command, Soon(), id, ""}, {guardian, recipients, ""});
        });
  }
  void Withdraw(const consent::domain::Consent& c, const std::string& guardian) {
    const auto recipients = chance_.OneIn(2) ? Some(c) : std::vector<std::string>();  // none: all
    OnConsents(
        "withdraw", guardian,
        [id = c.id, guardian, recipients](ConsentCopy& copy, const host::Who& who, const gate::Command& command) {
          return consent::app::Withdraw(copy.app, {who, command, Soon(), id, ""}, guardian, recipients);
        },
        [this, n = requests_.size()](const gate::Committed& committed) {
          withdrawals_.push_back({committed, n});
        });
  }
  // Something that may well be allowed, by what is known from the log.
  void Command() {
    const auto& children = invariants_.children();
    if (children.size() < 2) return Register(static_cast<int>(requests_.size()) % 2);
    const auto& [child, of] = *std::next(children.begin(), chance_.Below(static_cast<int>(children.size())));
    const auto guardian = chance_.Of(kGuardians);
    const auto& consents = of.consents.consents;
    const auto& all = of.cases.cases;
    const int what = chance_.Below(20);
    if (what < 6 || all.empty() || consents.empty()) {
      if (consents.empty() || (what == 0 && consents.size() < 4)) return AskConsent(child);
      if (all.empty() || (what == 1 && all.size() < 3)) return NoteConcern(child, chance_.Of(kStaff));
      const auto& c = std::next(consents.begin(), chance_.Below(static_cast<int>(consents.size())))->second;
      return what < 4 ? Grant(child, c, guardian) : Withdraw(c, guardian);
    }
    const auto& c = std::next(all.begin(), chance_.Below(static_cast<int>(all.size())))->second;
    if (c.state != cases::domain::CaseState::kLogOpen) return OpenLog(c);
    if (!c.offered_to.empty() && what < 14) {
      if (what < 11) {
        return OnCase("accept baton", c.offered_to, c.id,
                      [](auto& app, const auto& on) { return cases::app::AcceptBaton(app, on, ""); });
      }
      return OnCase("decline baton", c.offered_to, c.id,
                    [](auto& app, const auto& on) { return cases::app::DeclineBaton(app, on, "sykmeldt"); });
    }
    auto other = chance_.Of(kStaff);
    if (other == c.holder) other = chance_.Of(kStaff);
    const auto service = WhoIs(other).recipient;
    if (what < 11 && !c.InTheLog(service)) {
      return OnCase("add participant", c.holder, c.id,
                    [service](auto& app, const auto& on) { return cases::app::AddParticipant(app, on, service); });
    }
    if (what < 11) {
      return OnCase("offer baton", c.holder, c.id,
                    [other](auto& app, const auto& on) { return cases::app::OfferBaton(app, on, other); });
    }
    if (what == 11) {
      const auto level = static_cast<cases::domain::Level>(1 + chance_.Below(3));
      return OnCase("set level", c.holder, c.id,
                    [level](auto& app, const auto& on) { return cases::app::SetLevel(app, on, level, "grunn", ""); });
    }
    if (what == 12) {
      return OnCase("start measure", c.holder, c.id, [](auto& app, const auto& on) {
        cases::domain::Measure measure;
        measure.title = "leselekser";
        return cases::app::StartMeasure(app, on, measure);
      });
    }
    using enum policy::Category;
    const auto category = chance_.Of(std::vector<policy::Category>{kPlan, kEduc, kConcern});
    OnCase("write note", c.holder, c.id, [category](auto& app, const auto& on) {
      return cases::app::WriteNote(app, on, {{category, "notat", {}}});
    });
  }

  // ---- is it enforced?
  void AskEnforced(Withdrawal& withdrawal) {
    auto& request = requests_[withdrawal.request];
    // The answer waits for Kafka first.
    if (withdrawal.enforced || !request.published || invariants_.Of(request.Id()).lost) return;
    auto& copy = AnyOf<ConsentCopy>(Kind::kConsent);
    if (!copy.Open()) return;
    asked_.reset();
    consent::app::AwaitEnforced(copy.app, withdrawal.committed, Soon(), [&](const consent::app::Fence::Answer& answer) {
      withdrawal.enforced = answer.passed;
    });
    if (!withdrawal.enforced || !asked_) return;
    Say([&](auto& out) { out << request.name << ": ENFORCED"; });
    invariants_.Enforced(asked_->consent, asked_->recipients, asked_->reads, asked_->now);
  }
  struct Asked {
    std::string consent;
    std::vector<std::string> recipients;
    std::set<std::string> reads;
    Time now;
  };
  // As consent's adapter calls AwaitFence, and disclosure answers.
  void Await(const consent::app::Withdrawal& withdrawal, Deadline deadline,
             std::function<void(const Answer&)> done) override {
    auto& copy = AnyOf<DisclosureCopy>(Kind::kDisclosure);
    if (!copy.Open()) return done({});
    auto fence = disclosure::app::LookAtFence(
        copy.app, {withdrawal.child, withdrawal.event_id, withdrawal.consent_id, withdrawal.recipients}, deadline);
    if (!fence || !fence->passed) return done({});
    const auto now = stores_[Index(Kind::kDisclosure)].Read({}, deadline)->now;
    asked_ = Asked{withdrawal.consent_id, withdrawal.recipients, {}, now};
    for (const auto& read : fence->reads) asked_->reads.insert(read.id);
    done({true, {}});
  }

  // ---- recipients
  void Receive(std::size_t which) {
    auto& r = recipients_[which];
    const int what = chance_.Below(5);
    if (what == 0) return Follow(r);
    if (what < 3 && !r.to_fetch.empty()) return FetchNext(r);
    if (what == 3 && !r.to_confirm.empty() && !r.silent) return ConfirmNext(r);
    if (what == 4 && !readings_.empty()) return EndReading();
    if (!r.told.empty()) return (void)Fetch(r, chance_.Of(r.told));  // once more, something that it was told long ago
  }
  void Follow(Recipient& r) {
    const auto records = log_.Records(kTo + r.id, 0, r.next);
    for (const auto& record : records) {
      disclosure::v1::Signal signal;
      if (!signal.ParseFromString(record.value) || !r.seen.insert(signal.delivery_id()).second) continue;
      r.told.push_back(signal.delivery_id());
      if (signal.kind() == disclosure::v1::RETRACTION) {
        r.to_confirm.emplace_back(signal.delivery_id(), "");
      } else {
        r.to_fetch.push_back(signal.delivery_id());
      }
    }
    r.next += static_cast<std::int64_t>(records.size());
    if (!records.empty()) Say([&](auto& out) { out << r.id << " reads " << records.size() << " signals"; });
  }
  host::Who Machine(const Recipient& r) const {
    host::Who who;
    const auto* recipient = TheFiles().tenants.FindRecipient(r.id);
    who.recipient = r.id;
    who.organisation = recipient->organisation_number;
    who.actor.organisation = who.organisation;
    return who;
  }
  gate::Command NextCommand(const host::Who& who) {
    gate::Command command;
    command.request_scope = who.organisation;
    command.request_id = DerivedId("rq", ids_ + "recipient/" + std::to_string(++calls_));
    command.actor = who.actor;
    return command;
  }
  // True: there is nothing more to try.
  bool Fetch(Recipient& r, std::string delivery) {
    auto& copy = AnyOf<DisclosureCopy>(Kind::kDisclosure);
    if (!copy.Open()) return false;
    const auto who = Machine(r);
    const auto begun = invariants_.EnforcedSoFar();
    Say([&](auto& out) { out << r.id << " fetches " << delivery << " at " << copy.name; });
    ++depth_;
    auto content = disclosure::app::Fetch(copy.app, who, NextCommand(who), Soon(), delivery);
    --depth_;
    if (!content) {
      Say([&](auto& out) { out << "→ " << content.error().reason; });
      if (content.error().code == Code::kGone) ++refused_;
      return content.error().code != Code::kUnavailable && content.error().code != Code::kUnknownOutcome &&
             content.error().code != Code::kAborted;
    }
    Say([&](auto& out) { out << "→ " << content->type_url; });
    invariants_.Fetched({content->reading.id, r.id, content->reading.consents, begun, content->reading.admitted},
                        content->child);
    readings_.push_back({content->child, content->reading});
    r.to_confirm.emplace_back(delivery, content->digest);
    return true;
  }
  void FetchNext(Recipient& r) {
    const auto at = static_cast<std::size_t>(chance_.Below(static_cast<int>(r.to_fetch.size())));
    const auto delivery = r.to_fetch[at];
    if (!Fetch(r, delivery)) return;
    std::erase(r.to_fetch, delivery);
  }
  void ConfirmNext(Recipient& r) {
    const auto [delivery, digest] = r.to_confirm.front();
    auto& copy = AnyOf<DisclosureCopy>(Kind::kDisclosure);
    if (!copy.Open()) return;
    const auto who = Machine(r);
    Say([&](auto& out) { out << r.id << " confirms " << delivery; });
    invariants_.Confirms(delivery, digest);
    ++depth_;
    auto state =
        disclosure::app::ConfirmStored(copy.app, who, NextCommand(who), Soon(), delivery, "own-" + delivery, digest);
    --depth_;
    if (!state) Say([&](auto& out) { out << "→ " << state.error().reason; });
    if (!state && (state.error().code == Code::kUnavailable || state.error().code == Code::kUnknownOutcome ||
                   state.error().code == Code::kAborted)) {
      return;
    }
    std::erase(r.to_confirm, std::pair(delivery, digest));
  }
  void EndReading() {
    const auto [child, reading] = readings_.front();
    readings_.pop_front();
    invariants_.Ended(reading.id);
    AnyOf<DisclosureCopy>(Kind::kDisclosure).app.ledger.EndReading(child, reading);
  }

  // ---- nothing fails any more, for good, and all comes to rest
  std::vector<std::int64_t> Progress() {
    std::vector<std::int64_t> out;
    for (const char* topic : {kLog, kLedger, kKeys, kIdentity}) {
      for (int p = 0; p < kPartitions; ++p) out.push_back(log_.End(topic, p));
    }
    for (auto& copy : copies_) out.push_back(copy->Open() ? 1 : 0);
    for (auto kind : kKinds) {
      gate::Keys keys(NameOf(kind), kPartitions);
      std::vector<gate::Get> gets;
      for (int p = 0; p < kPartitions; ++p) {
        for (const char* topic : {kLog, kLedger, kKeys, kIdentity})
          gets.push_back(gate::Get::String(keys.Mark(p, topic)));
        gets.push_back(gate::Get::String(keys.Acked(p)));
        gets.push_back(gate::Get::String(keys.Fence(p)));
      }
      auto read = stores_[Index(kind)].Read(gets, Soon());
      for (const auto& value : read->values) out.push_back(std::atoll(value.string.c_str()));
    }
    for (const auto& request : requests_) out.push_back(request.open ? 1 : 0);
    for (const auto& r : recipients_) {
      out.push_back(r.next);
      out.push_back(static_cast<std::int64_t>(r.to_fetch.size() + r.to_confirm.size()));
    }
    return out;
  }
  // Lets these loops of all copies go round, or all but these of those that have work: who waits for a lease has none.
  void Everybody(const std::set<std::string>& loops, bool these) {
    for (auto& copy : copies_) {
      if (!these && copy->Open() && copy->parts.gate().Held().empty()) continue;
      for (auto& loop : copy->loops) {
        if (loops.contains(loop.name) == these) (void)Turn(*copy, loop);
      }
    }
  }
  void Rest() {
    calm_ = true;
    Say([](auto& out) { out << "---- nothing fails any more"; });
    log_.Land();
    log_.ReleaseReports();
    MendClocks();
    std::vector<std::int64_t> before;
    int still = 0;
    for (int round = 0; round < 300 && still < 3; ++round) {
      Everybody({"supervisor", "shards", "acks"}, true);
      Everybody({"supervisor", "shards", "acks"}, false);
      // What all this has written goes out in the same round: nothing is left that nobody sees.
      Everybody({"relay"}, true);
      for (auto publisher : log_.Reporting()) log_.GiveReports(publisher);
      Everybody({"noter", "acks"}, true);
      for (std::size_t i = 0; i < requests_.size(); ++i) {
        if (requests_[i].open) Send(requests_[i]);
      }
      for (std::size_t i = 0; i < withdrawals_.size(); ++i) AskEnforced(withdrawals_[i]);
      for (auto& r : recipients_) {
        Follow(r);
        for (auto n = r.to_fetch.size(); n > 0 && !r.to_fetch.empty(); --n) FetchNext(r);
        for (auto n = r.silent ? 0 : r.to_confirm.size(); n > 0 && !r.to_confirm.empty(); --n) ConfirmNext(r);
      }
      while (!readings_.empty()) EndReading();
      invariants_.Scan();
      if (invariants_.violation()) break;
      auto now = Progress();
      still = now == before ? still + 1 : 0;
      before = std::move(now);
      // At rest: when all that waits a while before it tries again has tried again.
      Pass(still == 0 ? Millis(50) : Millis(16'000));
      ++steps_;
      if (round == 299) invariants_.Broken("Rest", "it does not come to rest");
    }
  }
  void LookAtRest() {
    for (auto& copy : copies_) {
      const auto stats = copy->parts.gate().GetStats();
      if (!stats.open) invariants_.Broken("Rest", copy->name + " is not open");
      if (stats.halted != 0) invariants_.Broken("Rest", "a partition of " + copy->name + " stands still");
    }
    for (const auto& request : requests_) {
      if (request.open) invariants_.Broken("Rest", request.name + " gets no answer");
      const auto& told = invariants_.Of(request.Id());
      if (request.accepted && !request.published && !told.lost) {
        const auto receipt = copies_[Index(request.service) * kCopies]->parts.gate().Receipt(
            request.command.request_scope, request.command.request_id, Soon());
        // Remembered for seven days.
        if (receipt && *receipt != gate::ReceiptState::kPublished) {
          invariants_.Broken("Rest", request.name + " stays STORED");
        }
      }
    }
    for (const auto& withdrawal : withdrawals_) {
      const auto& request = requests_[withdrawal.request];
      if (request.published && !withdrawal.enforced && !invariants_.Of(request.Id()).lost) {
        invariants_.Broken("Rest", request.name + " stays REGISTERED");
      }
    }
    for (auto kind : kKinds) {
      const gate::Keys keys(NameOf(kind), kPartitions);
      for (int p = 0; p < kPartitions; ++p) {
        const auto mark = stores_[Index(kind)].Read({gate::Get::String(keys.Mark(p, "log"))}, Soon());
        if (std::atoll(mark->values[0].string.c_str()) != log_.End(kLog, p)) {
          invariants_.Broken("Rest", std::string(NameOf(kind)) + " has not taken all of the log");
        }
      }
    }
    invariants_.AtRest({wiped_});
    StoresEqualLog();
    NothingForgotten();
  }
  // OutboxEqualsState: of every stream a store has what the topics have, no less and no more.
  void StoresEqualLog() {
    for (auto kind : kKinds) {
      const std::string own = ":own:", service = NameOf(kind);
      std::map<std::string, std::string> stored;
      for (const auto& [key, text] : stores_[Index(kind)].DumpForTest()) {
        if (const auto at = key.find(own); at != key.npos) stored[service + "/" + key.substr(at + own.size())] = text;
      }
      for (const auto& [stream, records] : invariants_.streams()) {
        if (!stream.starts_with(service + "/")) continue;
        std::string text = "l:";
        for (const auto& r : records) text += r + "\n";
        if (stored[stream] != text)
          invariants_.Broken("OutboxEqualsState", stream + " is not in the store as on the log");
        stored.erase(stream);
      }
      if (!stored.empty()) invariants_.Broken("OutboxEqualsState", stored.begin()->first + " is not on the log");
      for (const auto& [key, text] : stores_[Index(kind)].DumpForTest()) {
        if (key.find("ix:parked") != key.npos) invariants_.Broken("Rest", key + " is set aside");
      }
    }
  }
  // NoneForgotten: whatever is due by now was raised and passed on.
  void NothingForgotten() {
    auto& copy = static_cast<EscalationCopy&>(*copies_[Index(Kind::kEscalation) * kCopies]);
    for (const auto& [child, of] : invariants_.children()) {
      auto state = copy.escalations.Load(child, Soon());
      if (!state) return invariants_.Broken("Rest", state.error().reason);
      const auto step = escalation::domain::NextStep(*state, plan_);
      if (step && step->at.ms < now_ms_ - 10'000)
        invariants_.Broken("NoneForgotten", "a step was due and was not taken");
    }
  }

  // ---- rebuild
  static bool Durable(const std::string& key) {
    const auto tag = key.find("}:");
    if (tag == key.npos) return !key.ends_with(":clock") && !key.ends_with(":clock:id") && !key.ends_with(":g:series");
    // As in tests/e2e/durable.py.
    static const std::vector<std::string> kVolatile = {
        "ob",           "ack",        "top:",       "fence",       "lease",         "fresh",    "halt",
        "ix:restored:", "ix:reading", "ix:handled", "ix:receipts", "ix:deliveries", "ix:timers"};
    const auto name = key.substr(tag + 2);
    return std::none_of(kVolatile.begin(), kVolatile.end(), [&](const auto& v) { return name.starts_with(v); });
  }
  static std::map<std::string, std::string> Dump(const gate::MemoryStore& store, const gate::Keys& keys) {
    std::map<std::string, std::string> out;
    for (auto& [key, text] : store.DumpForTest()) {
      if (!Durable(key)) continue;
      if (key.find(":g:to:") != key.npos) {
        std::vector<std::string> lines;
        std::istringstream in(text.substr(2));  // its kind
        for (std::string line; std::getline(in, line);) lines.push_back(line);
        std::sort(lines.begin(), lines.end());
        for (const auto& line : lines) out[key] += line + "\n";
      } else {
        out[key] = text;
      }
    }
    test::PutRemembered(out, store, keys);
    return out;
  }
  void Rebuild() {
    Say([](auto& out) { out << "---- every store is lost"; });
    std::array<std::map<std::string, std::string>, kKindCount> before;
    const auto decisions = invariants_.Decisions();
    const auto records = invariants_.streams();
    for (auto kind : kKinds) {
      before[Index(kind)] = Dump(stores_[Index(kind)], {NameOf(kind), kPartitions});
      stores_[Index(kind)].WipeForTest();
      wiped_.insert(kind);
    }
    for (std::size_t i = 0; i < copies_.size(); ++i) Crash(i);
    Rest();
    if (invariants_.violation()) return;
    if (invariants_.Decisions() != decisions) invariants_.Broken("DecidedOnce", "a rebuild decided something");
    // Time passed: something else may have become due meanwhile.
    if (invariants_.streams() != records) return;
    for (auto kind : kKinds) {
      auto after = Dump(stores_[Index(kind)], {NameOf(kind), kPartitions});
      for (const auto& [key, text] : before[Index(kind)]) {
        if (auto it = after.find(key); it == after.end() || it->second != text) {
          invariants_.Broken("RebuildEqual", key + (it == after.end() ? " is gone" : " is another"));
        }
        after.erase(key);
      }
      // What was remembered for its seven days is remembered anew.
      std::erase_if(after, [](const auto& e) { return e.first.find(":cmd:") != e.first.npos; });
      if (!after.empty()) invariants_.Broken("RebuildEqual", after.begin()->first + " is new");
    }
    StoresEqualLog();
  }

  Chance chance_;
  const std::string ids_;  // of requests: those of another schedule are others
  const Options& options_;
  const escalation::app::FilesPlan plan_;
  test::MemoryLog log_{test::MemoryLog::Reports::kByHand};
  std::array<gate::MemoryStore, kKindCount> stores_;
  std::array<std::int64_t, kKindCount> skew_{};
  std::int64_t log_skew_ = 0;
  std::int64_t now_ms_ = 0;
  Invariants invariants_;
  Weather weather_;
  bool calm_ = false;  // nothing fails, and each turn is over before the next begins
  int depth_ = 0;
  int begun_ = 0;
  int steps_ = 0;
  int calls_ = 0;
  int lost_stores_ = 0;
  int refused_ = 0;               // reads
  std::deque<Request> requests_;  // their places stay
  std::deque<Withdrawal> withdrawals_;
  std::deque<Reading> readings_;
  std::vector<Recipient> recipients_;
  std::set<Kind> wiped_;
  std::optional<Asked> asked_;
  std::vector<std::unique_ptr<Copy>> copies_;
};

}  // namespace

Outcome RunSchedule(std::uint64_t seed, const Options& options) {
  // Nothing of it is for anybody: it says what the trace says better.
  telemetry::LogCaptureForTest quiet([](const std::string&) {});
  static const Beginning beginning = [] {
    const Options calm;
    return World(0, calm, nullptr).Prepare();
  }();
  return World(seed, options, seed % 8 == 0 ? nullptr : &beginning).Play();
}

}  // namespace stafett::simulation
