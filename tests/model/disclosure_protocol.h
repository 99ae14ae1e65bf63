// The disclosure protocol as the services keep it, small enough to try every interleaving (README.md). Each switch of
// Protocol takes one rule away; none taken away is what the code does.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace stafett::model {

// ---- what is modelled -------------------------------------------------------------------------------------------

enum class Outputs { kInTheStep, kBeforeTheStep, kAfterTheStep };
enum class Fence { kAcknowledged, kMark, kAppend };

struct Protocol {
  Fence fence = Fence::kAcknowledged;     // kMark: the mark alone; kAppend: a withdrawal that is on the log is enforced
  Outputs outputs = Outputs::kInTheStep;  // decision, outbox and mark: one script
  bool ledger_first = true;               // in the outbox, before the signals
  bool relay_skips_none = true;           // …entry that failed
  bool relay_ends_at_barrier = true;      // what was under way to Kafka when the store was lost
  bool mark_guards = true;                // Apply
  bool lists_guard = true;                // Apply: the lengths that the decision was made on
  bool one_log = true;                    // consents in the same partition as what they are about
  bool view_is_read = true;               // with each record; else: when the copy gets to it
  bool rules_by_log = true;               // an activation is a record of the partition; else: a file, read some time
  bool rules_pass_once = true;            // a repeated activation does nothing
  bool rules_pass_with_mark = true;       // nor does one that a restoring copy comes by
  bool repeats_are_dropped = true;        // by version
  bool unreadable_sets_aside = true;      // the child
  bool unknown_is_withheld = true;        // a type that is not known
  bool read_asks_then = true;             // fields that were allowed at the record's place
  bool read_asks_now = true;              // fields that are allowed now
  bool read_is_guarded = true;            // admitted only while the lists and rules are those it was decided on
  bool read_is_noted = true;              // in the step that admits it
  bool read_wants_fresh = true;
  bool set_aside_guards = true;  // a read
};

enum Recipient { kSchool, kHealth };
inline constexpr int kRecipients = 2, kChildren = 2, kConsents = 2, kCopies = 2, kReads = 2, kStreams = 5;

enum class Kind { kItem, kUnknown, kUnreadable, kGrant, kWithdraw, kRules };
struct Said {
  Kind kind = Kind::kItem;
  int child = 0;
  int consent = 0;
  int recipients = 0;    // set of those that a consent is given to or taken from, or that the rules allow anything
  bool snapshot = true;  // of a consent: a log is open, and its state is told to whom the consent is given
};
inline constexpr int Only(Recipient r) { return 1 << r; }
inline constexpr int kBoth = Only(kSchool) | Only(kHealth);

// What happens, at most. A stream is said in its order; between streams any order is tried.
struct Scope {
  std::vector<std::vector<Said>> streams;  // [0]: rules, disclosure's own; the others are of cases and consent
  int repeats = 0;                         // records that a zombie relay puts on the log again
  int wipes = 0;                           // times that Redis loses everything
  int crashes = 0;                         // matter only where a copy keeps something
  int reads = 0;                           // of deliveries, at most kReads…
  int readers = kBoth;                     // …by these recipients
  int suspends = 0;                        // recipients whose topic refuses for good
  int ticks = 0;                           // of the clock, each as long as a view may be old; 0: no time passes
};

// ---- state ------------------------------------------------------------------------------------------------------

// A byte that counts. What does not fit is an error, not another number.
class N {
 public:
  constexpr N(int n = 0) : n_(static_cast<std::uint8_t>(n)) {  // NOLINT(google-explicit-constructor)
    if (n < 0 || n > 255) throw std::out_of_range("a number of the model");
  }
  constexpr operator int() const { return n_; }  // NOLINT(google-explicit-constructor)
  N& operator++() { return *this = N(n_ + 1); }
  N& operator|=(int bits) { return *this = N(n_ | bits); }

 private:
  std::uint8_t n_;
};

template <class T, int kMost>
struct List {
  N count;
  std::array<T, kMost> all{};

  int size() const { return count; }
  void Push(const T& t) {
    if (count == kMost) throw std::length_error("a list of the model is too short for the scope");
    all[static_cast<std::size_t>(static_cast<int>(count))] = t;
    ++count;
  }
  T& operator[](int i) { return all[static_cast<std::size_t>(i)]; }
  const T& operator[](int i) const { return all[static_cast<std::size_t>(i)]; }
  const T* begin() const { return all.data(); }
  const T* end() const { return all.data() + static_cast<int>(count); }
};

struct Record {
  N stream, version;  // from 1
  bool operator==(const Record&) const = default;
};

enum LineKind { kNothing, kTold, kRetraction, kWithheld };
struct Line {
  N kind, ground, epoch, sequence;  // ground: a consent
  N voided;                         // set of own records whose delivery to this recipient ends here
  bool operator==(const Line&) const = default;
};
// A record of disclosure about a child: what was decided about a record of the log, or that somebody fetched it.
struct Own {
  Record about;
  N fetched_by;  // recipient + 1
  N rules;       // that it was decided by
  std::array<Line, kRecipients> lines{};
  bool operator==(const Own&) const = default;
};

enum Where { kLedger, kSignal, kLog };
struct Entry {
  N where, recipient, child, index;  // of the own record
  N mark;                            // at the moment when it was written
};
struct Landed {
  N child, version;
  Own own;
};
struct Signal {
  N child;
  Record about;
  Line line;
};

// What one copy of the router has in its memory.
struct Copy {
  N step;  // 0: idle; 1: has read and decided; 2: the same, outputs sent (kBeforeTheStep); 3: restoring
  N topic, mark, place;
  N generation, own_count, input_count;
  N does, reacts;
  Own decided;
  std::array<N, kChildren> cached{};  // inputs that its view has (view_is_read is off)
  N rules;                            // of its file (rules_by_log is off)
  List<Entry, 6> keeps;               // outputs to be sent (kAfterTheStep)
};

enum Does { kDrop, kTake, kSetAside, kPass };
enum ReadStep { kNotYet, kDecided, kUnderWay, kEnded };
struct Read {
  N step, child, index, recipient, ground, noted;
  N generation, own_count, input_count, rules;
};

struct Store {
  N generation, open, opens_at;
  std::array<N, 2> mark{};  // [1]: of the consents' topic (one_log is off)
  std::array<N, kStreams> seen{};
  N in_force;   // rules: version of stream 0; 0: those from the start
  N activated;  // own records of stream 0
  N suspended;  // set of recipients
  std::array<N, kChildren> set_aside{};
  std::array<List<N, 10>, kChildren> inputs{};  // places in the log
  std::array<List<Own, 8>, kChildren> own{};
  List<Entry, 20> outbox;
  N landed, acked, fence;  // landed: entries that Kafka has, whoever sent them
  N fresh;                 // clock + 1
};

struct State {
  // Kafka. A record on a recipient's topic and on the ledger stands once: exact repeats say nothing.
  List<Record, 10> log;
  std::array<N, 10> appended{};  // at this clock
  std::array<List<Own, 8>, kChildren> ledger{};
  std::array<List<Signal, 8>, kRecipients> topic{};
  Store store;
  std::array<Copy, kCopies> copies{};
  std::array<Read, kReads> reads{};
  std::array<N, kStreams> said{};
  Landed carried;  // by a producer that outlived the store (relay_ends_at_barrier is off)
  N carries;
  N clock, asked_clock, asked_end;  // the watch: what it asked for; end + 1
  N repeats, wipes, crashes, suspends;
  std::array<N, kStreams> enforced{};  // by stream: version + 1 of the last withdrawal that was answered ENFORCED
};

// ---- the model --------------------------------------------------------------------------------------------------

class Disclosure {
 public:
  using State = model::State;
  Disclosure(Protocol protocol, Scope scope) : is_(protocol), scope_(std::move(scope)) {
    if (scope_.streams.size() > kStreams || scope_.reads > kReads) throw std::length_error("the scope is too large");
  }

  State Initial() const {
    State s;
    s.store.open = 1;
    for (int i = scope_.reads; i < kReads; ++i) s.reads[At(i)].step = kEnded;
    return s;
  }

  // Copies have no names in the store, nor do readers: states that differ in which is which are one. A step that can
  // no longer be admitted is as good as none: marks and lengths never come back in one store.
  State Canonical(State s) const {
    for (auto& c : s.copies) {
      if (c.step == 1 && is_.outputs != Outputs::kBeforeTheStep && !Holds(s, c)) Idle(c);
    }
    for (auto& r : s.reads) {
      if (r.step == kDecided && is_.read_is_guarded && !SameView(s, r)) r = Read();
    }
    Order(s.copies[0], s.copies[1]);
    Order(s.reads[0], s.reads[1]);
    List<Entry, 20> waiting;  // nothing looks at an entry that is acknowledged
    for (int i = s.store.acked; i < s.store.outbox.size(); ++i) waiting.Push(s.store.outbox[i]);
    s.store.outbox = waiting;
    s.store.landed = s.store.landed - s.store.acked;
    s.store.acked = 0;
    return s;
  }

  // emit(next, violates or nullptr, name).
  template <class Emit>
  void Next(const State& s, const Emit& emit) const {
    bool any = false;
    auto one = [&](const State& to, const char* violates, const auto& name) {
      any = true;
      emit(to, violates, name);
    };
    Say(s, one);
    for (int i = 0; i < kCopies; ++i) RouterSteps(s, i, one);
    RelaySteps(s, one);
    for (int i = 0; i < kReads; ++i) ReadSteps(s, i, one);
    Withdrawals(s, one);
    Accidents(s, one);
    Watch(s, one);
    const char* wrong = AllSaidAndDone(s) ? Lost(s) : (any ? nullptr : "Progress");
    if (wrong == nullptr && !any) wrong = NotEnforced(s);
    if (wrong != nullptr) emit(s, wrong, [] { return std::string("all is quiet"); });
  }

 private:
  // ---- the log, and what it says: by its order, not by what the services make of it

  const Said& Of(const Record& r) const {
    return scope_
        .streams[static_cast<std::size_t>(static_cast<int>(r.stream))][static_cast<std::size_t>(r.version - 1)];
  }
  static int First(const State& s, const Record& r) {
    for (int o = 0; o < s.log.size(); ++o) {
      if (s.log[o] == r) return o;
    }
    return s.log.size();
  }
  // The rules that the log's first `n` records put in force: who is allowed anything.
  int Tells(const State& s, int n) const {
    int tells = kBoth;
    for (int o = 0; o < n; ++o) {
      if (First(s, s.log[o]) == o && Of(s.log[o]).kind == Kind::kRules) tells = Of(s.log[o]).recipients;
    }
    return tells;
  }
  // A consent of `child` for `r`, given in the first `given` records and not taken back in the first `n`; -1: none.
  int Consent(const State& s, int child, int r, int given, int n) const {
    for (int c = 0; c < kConsents; ++c) {
      bool valid = false;
      for (int o = 0; o < n; ++o) {
        const auto& said = Of(s.log[o]);
        if (First(s, s.log[o]) != o || said.child != child || said.consent != c || !(said.recipients >> r & 1))
          continue;
        if (said.kind == Kind::kGrant && o < given) valid = true;
        if (said.kind == Kind::kWithdraw) valid = false;
      }
      if (valid) return c;
    }
    return -1;
  }
  bool Readable(const State& s, int child, int n) const {
    for (int o = 0; o < n; ++o) {
      if (Of(s.log[o]).child == child && Of(s.log[o]).kind == Kind::kUnreadable) return false;
    }
    return true;
  }
  // May `r` be told of the record at `o`, as of the first `n` records?
  bool Allowed(const State& s, int o, int r, int n) const {
    const auto& said = Of(s.log[o]);
    if (said.kind == Kind::kGrant && !(said.recipients >> r & 1)) return false;  // a snapshot for whom it is given
    const bool item = said.kind == Kind::kItem || (said.kind == Kind::kGrant && said.snapshot);
    return item && Readable(s, said.child, n) && (Tells(s, n) >> r & 1) && Consent(s, said.child, r, o + 1, n) >= 0;
  }

  // ---- what disclosure makes of its lists

  struct Consented {
    int place[kConsents][kRecipients];  // where it became whole + 1; 0: nowhere
    bool withdrawn[kConsents][kRecipients];
    // The first that is valid and was whole at `place`.
    int Ground(int r, int place_of_item) const {
      for (int c = 0; c < kConsents; ++c) {
        if (place[c][r] != 0 && place[c][r] - 1 <= place_of_item && !withdrawn[c][r]) return c;
      }
      return -1;
    }
  };
  Consented Fold(const State& s, int child, int count, int plus = -1) const {
    Consented out{};
    auto learn = [&](int o) {
      const auto& said = Of(s.log[o]);
      for (int r = 0; r < kRecipients; ++r) {
        if (!(said.recipients >> r & 1)) continue;
        if (said.kind == Kind::kGrant) {
          out.place[said.consent][r] = o + 1;
          out.withdrawn[said.consent][r] = false;
        }
        if (said.kind == Kind::kWithdraw) out.withdrawn[said.consent][r] = true;
      }
    };
    for (int i = 0; i < count; ++i) learn(s.store.inputs[At(child)][i]);
    if (plus >= 0) learn(plus);
    return out;
  }
  int RulesTell(int version) const { return version == 0 ? kBoth : Of({0, version}).recipients; }

  bool Fetched(const State& s, int child, int index, int r) const {
    for (const auto& own : s.store.own[At(child)]) {
      if (own.fetched_by == r + 1 && own.about == s.store.own[At(child)][index].about) return true;
    }
    return false;
  }
  bool Voided(const State& s, int child, int index, int r) const {
    for (const auto& own : s.store.own[At(child)]) {
      if (own.lines[At(r)].voided >> index & 1) return true;
    }
    return false;
  }

  // Route: about the record at `place`, by the child's lists. Nothing to say: no line.
  bool Decide(const State& s, const Copy& copy, int place, Own& out) const {
    const auto& said = Of(s.log[place]);
    const auto& store = s.store;
    const auto& own = store.own[At(said.child)];
    for (const auto& o : own) {
      if (o.fetched_by == 0 && o.about == s.log[place]) return false;  // what the ledger decided is not decided again
    }
    const int count = is_.view_is_read ? store.inputs[At(said.child)].size() : int{copy.cached[At(said.child)]};
    const auto consents = Fold(s, said.child, count, place);
    const int rules = is_.rules_by_log ? store.in_force : copy.rules;
    out = Own();
    out.about = s.log[place];
    out.rules = rules;
    bool any = false;
    for (int r = 0; r < kRecipients; ++r) {
      auto& line = out.lines[At(r)];
      int epoch = 0, sequence = 0;
      bool had = false;
      int waiting = 0;
      for (int i = 0; i < own.size(); ++i) {
        const auto& old = own[i].lines[At(r)];
        if (old.kind == kTold || old.kind == kRetraction) epoch = old.epoch, sequence = old.sequence;
        if (old.kind != kTold || said.kind != Kind::kWithdraw || old.ground != said.consent) continue;
        had = true;
        if (!Fetched(s, said.child, i, r) && !Voided(s, said.child, i, r)) waiting |= 1 << i;
      }
      if (said.kind == Kind::kWithdraw) {
        if (!(said.recipients >> r & 1) || !had) continue;
        line = {kRetraction, said.consent, epoch + 1, sequence + 1, waiting};
      } else {
        const bool snapshot = said.kind == Kind::kGrant && said.snapshot && (said.recipients >> r & 1);
        const bool unknown = said.kind == Kind::kUnknown && !is_.unknown_is_withheld;
        if (said.kind != Kind::kItem && !snapshot && !unknown) continue;
        const int ever = s.log.size();
        if (consents.Ground(r, ever) < 0) continue;  // who has no consent is not thought of
        const int ground = consents.Ground(r, is_.one_log ? place : ever);
        const bool told = ground >= 0 && (RulesTell(rules) >> r & 1) && !(store.suspended >> r & 1);
        line = told ? Line{kTold, ground, epoch, sequence + 1, 0} : Line{kWithheld, 0, 0, 0, 0};
      }
      any = true;
    }
    return any;
  }

  // ---- cases, consent and the policy's owner

  template <class Emit>
  void Say(const State& s, const Emit& emit) const {
    for (int stream = 0; stream < static_cast<int>(scope_.streams.size()); ++stream) {
      const int most = static_cast<int>(scope_.streams[At(stream)].size());
      if (stream == 0) {  // disclosure's own: through its gate
        if (s.store.activated >= most || !s.store.open) continue;
        State to = s;
        ++to.store.activated;
        if (is_.rules_by_log) {
          to.store.outbox.Push({kLog, 0, 0, to.store.activated, to.store.mark[0]});
        } else {
          Append(to, {0, to.store.activated});
        }
        emit(to, nullptr, [&] { return "rules " + std::to_string(to.store.activated) + " are activated"; });
        continue;
      }
      if (s.said[At(stream)] >= most) continue;
      State to = s;
      ++to.said[At(stream)];
      Record r{stream, to.said[At(stream)]};
      Append(to, r);
      emit(to, nullptr, [&] { return "the log takes " + Text(r) + " at " + std::to_string(s.log.size()); });
    }
    if (s.repeats >= scope_.repeats) return;
    for (int o = 0; o < s.log.size(); ++o) {
      if (First(s, s.log[o]) != o) continue;
      State to = s;
      ++to.repeats;
      Append(to, s.log[o]);
      emit(to, nullptr, [&] { return "a zombie relay repeats " + Text(s.log[o]); });
    }
  }
  static void Append(State& s, const Record& r) {
    s.appended[At(s.log.size())] = s.clock;
    s.log.Push(r);
  }

  // ---- the router (Tailer, Router)

  int TopicOf(const Record& r) const {
    const auto kind = Of(r).kind;
    return !is_.one_log && (kind == Kind::kGrant || kind == Kind::kWithdraw) ? 1 : 0;
  }
  bool Holds(const State& s, const Copy& c) const {
    if (c.generation != s.store.generation) return false;
    if (is_.mark_guards && s.store.mark[At(c.topic)] != c.mark) return false;
    if (!is_.lists_guard || !c.reacts) return true;
    const int child = Of(s.log[c.place]).child;
    return s.store.own[At(child)].size() == c.own_count && s.store.inputs[At(child)].size() == c.input_count;
  }
  static void Idle(Copy& c) {
    c.step = c.topic = c.mark = c.place = c.generation = c.own_count = c.input_count = c.does = c.reacts = 0;
    c.decided = Own();
  }

  template <class Emit>
  void RouterSteps(const State& s, int i, const Emit& emit) const {
    const auto& copy = s.copies[At(i)];
    const auto me = "copy " + std::to_string(i + 1);
    const auto& store = s.store;
    if (copy.step == 0 && (store.open || store.opens_at != 0)) {
      for (int topic = 0; topic < (is_.one_log ? 1 : 2); ++topic) {
        int place = store.mark[At(topic)];
        while (place < s.log.size() && TopicOf(s.log[place]) != topic) ++place;
        if (place == s.log.size()) continue;
        State to = s;
        auto& c = to.copies[At(i)];
        c.step = 1;
        c.topic = topic;
        c.mark = store.mark[At(topic)];
        c.place = place;
        c.generation = store.generation;
        const auto& record = s.log[place];
        const auto& said = Of(record);
        c.does = WhatToDo(s, record);
        if (c.does == kTake) {
          c.own_count = store.own[At(said.child)].size();
          c.input_count = store.inputs[At(said.child)].size();
          c.reacts = Decide(s, copy, place, c.decided) ? 1 : 0;
          if (!c.reacts) c.own_count = c.input_count = 0, c.decided = Own();
        }
        emit(to, nullptr, [&] {
          return me + " reads " + Text(record) + " at " + std::to_string(place) + Text(c.decided, c.reacts != 0);
        });
      }
    }
    if (copy.step == 1 && is_.outputs == Outputs::kBeforeTheStep && copy.reacts) {
      State to = s;
      to.copies[At(i)].step = 2;
      const int child = Of(s.log[copy.place]).child;
      const char* wrong = Put(to, {child, store.own[At(child)].size() + 1, copy.decided});
      for (int r = 0; r < kRecipients && wrong == nullptr; ++r) {
        if (Signalled(copy.decided, r)) wrong = Put(to, r, {child, copy.decided.about, copy.decided.lines[At(r)]});
      }
      emit(to, wrong, [&] { return me + " sends what it decided"; });
    }
    if (copy.step == 2 || (copy.step == 1 && !(is_.outputs == Outputs::kBeforeTheStep && copy.reacts))) {
      State to = s;
      if (Holds(s, copy)) Write(to, to.copies[At(i)]);
      Idle(to.copies[At(i)]);
      emit(to, nullptr, [&] { return me + " writes" + (Holds(s, copy) ? "" : ": refused"); });
    }
    if (copy.keeps.size() > 0) {  // sends the oldest
      State to = s;
      auto& keeps = to.copies[At(i)].keeps;
      const auto entry = keeps[0];
      List<Entry, 6> rest;
      for (int k = 1; k < keeps.size(); ++k) rest.Push(keeps[k]);
      keeps = rest;
      const char* wrong = Land(to, entry);
      emit(to, wrong, [&] { return me + " sends " + Text(s, entry); });
    }
    if (s.crashes < scope_.crashes && (copy.step != 0 || copy.keeps.size() > 0)) {
      State to = s;
      ++to.crashes;
      to.copies[At(i)] = Copy();
      emit(to, nullptr, [&] { return me + " dies"; });
    }
    if (!is_.view_is_read) {
      for (int child = 0; child < kChildren; ++child) {
        if (copy.cached[At(child)] == store.inputs[At(child)].size()) continue;
        State to = s;
        to.copies[At(i)].cached[At(child)] = store.inputs[At(child)].size();
        emit(to, nullptr, [&] { return me + " reads the consents again"; });
      }
    }
    if (!is_.rules_by_log && copy.rules != store.activated) {
      State to = s;
      to.copies[At(i)].rules = store.activated;
      emit(to, nullptr, [&] { return me + " reads its file of rules again"; });
    }
    // Taking a partition up: own records from the mark to the end, not guarded by the mark.
    if (!is_.rules_pass_with_mark && copy.step == 0) {
      for (int o = store.mark[0]; o < s.log.size(); ++o) {
        if (s.log[o].stream != 0) continue;
        State to = s;
        auto& c = to.copies[At(i)];
        c.step = 3;
        c.place = o;
        c.generation = store.generation;
        emit(to, nullptr, [&] { return me + " takes the partition up and reads " + Text(s.log[o]); });
      }
    }
    if (copy.step == 3) {
      State to = s;
      if (copy.generation == store.generation) to.store.in_force = s.log[copy.place].version;
      Idle(to.copies[At(i)]);
      emit(to, nullptr, [&] { return me + " writes what it restored"; });
    }
  }

  // By what is stored when it is read.
  int WhatToDo(const State& s, const Record& record) const {
    const auto& said = Of(record);
    const bool repeat = record.version <= s.store.seen[At(record.stream)];
    if (said.kind == Kind::kRules) {
      return !is_.rules_by_log || (repeat && is_.rules_pass_once) ? kDrop : kPass;
    }
    if (said.kind == Kind::kUnreadable) return is_.unreadable_sets_aside ? kSetAside : kDrop;
    if (repeat && is_.repeats_are_dropped) return kDrop;
    return s.store.set_aside[At(said.child)] ? kSetAside : kTake;
  }
  // One script: input, decision, outbox, mark.
  void Write(State& s, Copy& c) const {
    auto& store = s.store;
    const auto record = s.log[c.place];
    const auto& said = Of(record);
    const auto stream = At(record.stream);
    const auto child = At(said.child);
    if (c.does == kPass) {
      store.in_force = record.version;
      store.seen[0] = record.version;
    }
    if (c.does == kSetAside) store.set_aside[child] = 1;
    if (c.does == kTake) {
      if (c.reacts) {
        store.own[child].Push(c.decided);
        const int index = store.own[child].size() - 1;
        auto out = [&](int where, int r) {
          Entry e{where, r, said.child, index, store.mark[0]};
          if (is_.outputs == Outputs::kInTheStep) store.outbox.Push(e);
          if (is_.outputs == Outputs::kAfterTheStep) c.keeps.Push(e);
        };
        if (is_.ledger_first) out(kLedger, 0);
        for (int r = 0; r < kRecipients; ++r) {
          if (Signalled(c.decided, r)) out(kSignal, r);
        }
        if (!is_.ledger_first) out(kLedger, 0);
      }
      store.inputs[child].Push(c.place);
      store.seen[stream] = record.version;
    }
    store.mark[At(c.topic)] = c.place + 1;
    Raise(store);
    if (!store.open && store.mark[0] >= store.opens_at) store.open = 1, store.opens_at = 0;
  }
  static bool Signalled(const Own& own, int r) {
    const int kind = own.lines[At(r)].kind;
    return own.fetched_by == 0 && (kind == kTold || kind == kRetraction);
  }
  // The number of the oldest entry that is not acknowledged, or the mark; it never falls.
  void Raise(Store& store) const {
    int fence = store.mark[0];
    if (is_.fence == Fence::kAcknowledged && store.acked < store.outbox.size()) {
      fence = store.outbox[store.acked].mark;
    }
    if (fence > store.fence) store.fence = fence;
  }

  // ---- the relay: whoever sends, it is the stored bytes in their order, so what Kafka has is a prefix of the outbox

  template <class Emit>
  void RelaySteps(const State& s, const Emit& emit) const {
    const auto& store = s.store;
    if (store.landed < store.outbox.size()) {
      const auto entry = store.outbox[store.landed];
      State to = s;
      ++to.store.landed;
      const char* wrong = Land(to, entry);
      emit(to, wrong, [&] { return "Kafka takes " + Text(s, entry); });
      if (!is_.relay_skips_none) {
        State skipped = s;
        ++skipped.store.landed;
        emit(skipped, nullptr, [&] { return "the relay skips " + Text(s, entry); });
      }
    }
    if (store.acked < store.landed) {
      State to = s;
      to.store.acked = store.landed;
      Raise(to.store);
      emit(to, nullptr, [&] { return "the acknowledgement of " + std::to_string(store.landed) + " entries is noted"; });
    }
    if (s.carries) {
      State to = s;
      to.carries = 0;
      to.carried = Landed();
      const char* wrong = Put(to, s.carried);
      emit(to, wrong, [&] { return "Kafka takes what was under way when Redis was lost"; });
    }
  }
  const char* Land(State& s, const Entry& e) const {
    if (e.where == kLog) {
      if (First(s, {0, e.index}) == s.log.size()) Append(s, {0, e.index});
      return nullptr;
    }
    const auto& own = s.store.own[At(e.child)][e.index];
    if (e.where == kLedger) return Put(s, {e.child, e.index + 1, own});
    return Put(s, e.recipient, {e.child, own.about, own.lines[At(e.recipient)]});
  }
  // A record of the ledger, at its end. Readers drop repeats by version.
  const char* Put(State& s, const Landed& record) const {
    auto& ledger = s.ledger[At(record.child)];
    const bool decided = record.own.fetched_by == 0;
    if (record.version <= ledger.size()) return ledger[record.version - 1] == record.own ? nullptr : "DecidedOnce";
    if (record.version != ledger.size() + 1) return "Contiguous";
    for (const auto& old : ledger) {
      if (decided && old.fetched_by == 0 && old.about == record.own.about) return "DecidedOnce";
    }
    ledger.Push(record.own);
    for (int r = 0; r < kRecipients && decided; ++r) {  // a signal of it may have been quicker
      for (const auto& signal : s.topic[At(r)]) {
        if (signal.about == record.own.about && signal.line != record.own.lines[At(r)]) return "DecidedOnce";
      }
    }
    return nullptr;
  }
  // A signal, at the end of a recipient's topic.
  const char* Put(State& s, int r, const Signal& signal) const {
    int sequence = 0, epoch = 0;
    for (const auto& old : s.topic[At(r)]) {
      if (old.child != signal.child) continue;
      sequence = old.line.sequence;
      epoch = std::max<int>(epoch, old.line.epoch);
      if (old.about == signal.about) return old.line == signal.line ? nullptr : "DecidedOnce";
    }
    s.topic[At(r)].Push(signal);
    const int place = First(s, signal.about);
    const auto& said = Of(signal.about);
    if (signal.line.kind == kTold && said.kind == Kind::kUnknown) return "FailClosed";
    if (signal.line.kind == kTold && !Readable(s, said.child, place + 1)) return "FailClosed";
    if (signal.line.kind == kTold && Enforced(s, said.child, signal.line.ground, r)) return "Fence";
    if (signal.line.epoch < epoch) return "Fence";  // by the topic's order alone
    if (signal.line.kind == kTold && !Allowed(s, place, r, place + 1)) return "NoLeak";
    // A signal that was lost with Redis leaves a gap, which is how the recipient learns of it.
    if (s.wipes == 0 ? signal.line.sequence != sequence + 1 : signal.line.sequence <= sequence) return "Contiguous";
    for (const auto& old : s.ledger[At(said.child)]) {
      if (old.fetched_by == 0 && old.about == signal.about && old.lines[At(r)] != signal.line) return "DecidedOnce";
    }
    return nullptr;
  }

  // ---- Fetch

  // May it be shown, by the child's lists and the rules in force?
  bool MayRead(const State& s, int child, int index, int r, int& ground) const {
    const auto& store = s.store;
    const auto& own = store.own[At(child)][index];
    if (own.fetched_by != 0 || own.lines[At(r)].kind != kTold) return false;
    ground = own.lines[At(r)].ground;
    if (store.set_aside[At(child)] || !store.open) return false;
    if (!is_.read_asks_now) return true;
    if (Voided(s, child, index, r) || !(RulesTell(store.in_force) >> r & 1)) return false;
    const auto consents = Fold(s, child, store.inputs[At(child)].size());
    ground = consents.Ground(r, is_.read_asks_then ? First(s, own.about) : s.log.size());
    return ground >= 0;
  }
  bool SameView(const State& s, const Read& read) const {
    const auto child = At(read.child);
    return read.generation == s.store.generation && s.store.own[child].size() == read.own_count &&
           s.store.inputs[child].size() == read.input_count;
  }
  bool Admitted(const State& s, const Read& read) const {
    const auto& store = s.store;
    if (read.generation != store.generation) return false;
    if (is_.read_is_guarded && (!SameView(s, read) || store.in_force != read.rules)) return false;
    if (is_.set_aside_guards && store.set_aside[At(read.child)]) return false;
    return scope_.ticks == 0 || !is_.read_wants_fresh || store.fresh == s.clock + 1;
  }

  template <class Emit>
  void ReadSteps(const State& s, int i, const Emit& emit) const {
    const auto& read = s.reads[At(i)];
    const auto& store = s.store;
    const auto me = "reader " + std::to_string(i + 1);
    if (read.step == kNotYet) {
      for (int child = 0; child < kChildren; ++child) {
        for (int index = 0; index < store.own[At(child)].size(); ++index) {
          for (int r = 0; r < kRecipients; ++r) {
            int ground = 0;
            if (!(scope_.readers >> r & 1)) continue;
            if (!MayRead(s, child, index, r, ground)) continue;
            State to = s;
            to.reads[At(i)] = {kDecided,
                               child,
                               index,
                               r,
                               ground,
                               0,
                               store.generation,
                               store.own[At(child)].size(),
                               store.inputs[At(child)].size(),
                               store.in_force};
            emit(to, nullptr,
                 [&] { return me + ", of " + Name(r) + ": may have " + Text(store.own[At(child)][index].about); });
          }
        }
      }
    }
    if (read.step == kDecided && Admitted(s, read)) {
      State to = s;
      auto& own = to.store.own[At(read.child)];
      Own fetched;
      fetched.about = own[read.index].about;
      fetched.fetched_by = read.recipient + 1;
      own.Push(fetched);
      to.store.outbox.Push({kLedger, 0, read.child, own.size() - 1, to.store.mark[0]});
      to.reads[At(i)] = {
          kUnderWay, read.child, read.index, read.recipient, read.ground, is_.read_is_noted ? 1 : 0, store.generation,
          0,         0,          0};
      emit(to, Shown(s, read), [&] { return me + " is admitted"; });
    }
    if (read.step == kUnderWay && !read.noted && read.generation == store.generation) {
      State to = s;
      to.reads[At(i)].noted = 1;
      emit(to, nullptr, [&] { return me + " is noted"; });
    }
    if (read.step == kUnderWay) {
      State to = s;
      to.reads[At(i)] = Read();
      to.reads[At(i)].step = kEnded;
      emit(to, nullptr, [&] { return me + " has it all"; });
    }
  }
  // What is wrong with admitting it, by the log up to the mark.
  const char* Shown(const State& s, const Read& read) const {
    const int child = read.child, r = read.recipient;
    const auto& about = s.store.own[At(child)][read.index].about;
    const int place = First(s, about);
    int mark = s.store.mark[0];
    if (!is_.one_log && s.store.mark[1] > mark) mark = s.store.mark[1];
    if (!Readable(s, child, mark)) return "FailClosed";
    if (Enforced(s, child, read.ground, r)) return "FetchNow";
    if (!Allowed(s, place, r, place + 1) || !Allowed(s, place, r, mark)) return "FetchNow";
    for (int o = mark; o < s.log.size(); ++o) {
      if (s.appended[At(o)] < s.clock) return "FailClosed";  // a view that old
    }
    return nullptr;
  }

  // ---- Withdraw: ENFORCED

  bool Enforced(const State& s, int child, int consent, int r) const {
    for (int stream = 1; stream < static_cast<int>(scope_.streams.size()); ++stream) {
      for (int v = 1; v < s.enforced[At(stream)]; ++v) {
        const auto& said = Of({stream, v});
        if (said.kind == Kind::kWithdraw && said.child == child && said.consent == consent &&
            (said.recipients >> r & 1)) {
          return true;
        }
      }
    }
    return false;
  }
  template <class Emit>
  void Withdrawals(const State& s, const Emit& emit) const {
    for (int o = 0; o < s.log.size(); ++o) {
      const auto& record = s.log[o];
      const auto& said = Of(record);
      if (said.kind != Kind::kWithdraw || First(s, record) != o) continue;
      if (s.enforced[At(record.stream)] > record.version) continue;
      bool learned = false;
      for (const auto& input : s.store.inputs[At(said.child)]) learned = learned || s.log[input] == record;
      if (is_.fence != Fence::kAppend && (!learned || FenceOf(s, record) <= o)) continue;
      State to = s;
      to.enforced[At(record.stream)] = record.version + 1;
      emit(to, Unfinished(s, said), [&] { return Text(record) + " is ENFORCED"; });
    }
  }
  int FenceOf(const State& s, const Record& r) const {
    return TopicOf(r) == 1 && s.store.acked == s.store.outbox.size() ? s.store.mark[1] : s.store.fence;
  }
  // What is wrong with saying so now.
  const char* Unfinished(const State& s, const Said& withdrawal) const {
    for (int r = 0; r < kRecipients; ++r) {
      if (!(withdrawal.recipients >> r & 1)) continue;
      bool told = false, retracted = false;
      for (const auto& signal : s.topic[At(r)]) {
        if (signal.child != withdrawal.child || signal.line.ground != withdrawal.consent) continue;
        told = told || signal.line.kind == kTold;
        retracted = retracted || signal.line.kind == kRetraction;
      }
      // A retraction that was lost with Redis stays due in the ledger, and is escalated.
      if (told && !retracted && s.wipes == 0) return "Fence";
      for (const auto& read : s.reads) {
        const bool concerns = read.step == kUnderWay && read.child == withdrawal.child && read.recipient == r &&
                              read.ground == withdrawal.consent;
        if (concerns && !read.noted && s.wipes == 0) return "FetchNow";  // told of no read under way, and there is one
      }
    }
    return nullptr;
  }

  // ---- accidents

  template <class Emit>
  void Accidents(const State& s, const Emit& emit) const {
    if (s.suspends < scope_.suspends) {
      for (int r = 0; r < kRecipients; ++r) {
        if (s.store.suspended >> r & 1) continue;
        State to = s;
        ++to.suspends;
        to.store.suspended |= 1 << r;
        emit(to, nullptr, [&] { return "the topic of " + Name(r) + " refuses"; });
      }
    }
    if (s.wipes < scope_.wipes) {
      State to = s;
      ++to.wipes;
      to.store = Store();
      to.store.generation = s.store.generation + 1;
      for (auto& read : to.reads) read.noted = 0;
      if (!is_.relay_ends_at_barrier && s.store.landed < s.store.outbox.size()) {
        const auto& e = s.store.outbox[s.store.landed];
        if (e.where == kLedger) {
          to.carries = 1;
          to.carried = {e.child, e.index + 1, s.store.own[At(e.child)][e.index]};
        }
      }
      emit(to, nullptr, [] { return std::string("Redis loses everything"); });
    }
    // The barrier: own records from ledger and log; then the log from its start, to the end that was asked for now.
    if (!s.store.open && s.store.opens_at == 0) {
      State to = s;
      to.store.own = s.ledger;
      for (const auto& record : s.log) {
        if (record.stream == 0 && record.version > to.store.activated) to.store.activated = record.version;
      }
      to.store.opens_at = s.log.size();
      if (s.log.size() == 0) to.store.open = 1;
      emit(to, nullptr, [] { return std::string("the ledger is read again"); });
    }
  }

  // ---- the watch, where time passes

  template <class Emit>
  void Watch(const State& s, const Emit& emit) const {
    if (s.clock < scope_.ticks) {
      State to = s;
      ++to.clock;
      emit(to, nullptr, [] { return std::string("five seconds pass"); });
    }
    if (scope_.ticks == 0) return;
    if (s.asked_end != s.log.size() + 1 || s.asked_clock != s.clock) {
      State to = s;
      to.asked_clock = s.clock;
      to.asked_end = s.log.size() + 1;
      emit(to, nullptr, [] { return std::string("the watch asks for the log's end"); });
    }
    if (s.asked_end != 0 && s.store.mark[0] >= s.asked_end - 1 && s.store.fresh < s.asked_clock + 1) {
      State to = s;
      to.store.fresh = s.asked_clock + 1;
      emit(to, nullptr, [] { return std::string("the watch says that the view is fresh"); });
    }
  }

  // ---- at the end: was anything lost?

  bool AllSaidAndDone(const State& s) const {
    const auto& store = s.store;
    for (int i = 0; i < static_cast<int>(scope_.streams.size()); ++i) {
      const int said = i == 0 ? store.activated : s.said[At(i)];
      if (said < static_cast<int>(scope_.streams[At(i)].size())) return false;
    }
    if (!store.open || store.landed < store.outbox.size() || store.acked < store.landed || s.carries) return false;
    for (const auto& copy : s.copies) {
      if (copy.step != 0 || copy.keeps.size() > 0) return false;
    }
    for (int o = 0; o < s.log.size(); ++o) {
      if (o >= store.mark[At(TopicOf(s.log[o]))]) return false;
    }
    return true;
  }
  // Every withdrawal comes to its end, but that of a child that is set aside.
  const char* NotEnforced(const State& s) const {
    for (int o = 0; o < s.log.size(); ++o) {
      const auto& record = s.log[o];
      if (Of(record).kind == Kind::kWithdraw && s.enforced[At(record.stream)] <= record.version &&
          Readable(s, Of(record).child, s.log.size())) {
        return "Progress";
      }
    }
    return nullptr;
  }
  const char* Lost(const State& s) const {
    const auto& store = s.store;
    for (int o = 0; o < s.log.size(); ++o) {
      if (First(s, s.log[o]) != o) continue;
      const auto& said = Of(s.log[o]);
      for (int r = 0; r < kRecipients; ++r) {
        if (!Allowed(s, o, r, o + 1) || s.suspends != 0) continue;
        bool there = false;
        for (const auto& signal : s.topic[At(r)]) there = there || signal.about == s.log[o];
        // After a loss of Redis it is in the ledger, where the recipient can list it and it is chased.
        for (const auto& own : store.own[At(said.child)]) {
          if (s.wipes != 0 && own.about == s.log[o] && own.lines[At(r)].kind == kTold) there = true;
        }
        if (!there) return "NoWithheldLoss";
      }
    }
    return nullptr;
  }

  // ---- names

  static std::string Name(int r) { return r == kSchool ? "the school" : "health"; }
  std::string Text(const Record& r) const {
    const auto& said = Of(r);
    auto child = "of child " + std::to_string(said.child + 1);
    auto to = said.recipients == kBoth ? "both" : said.recipients == 0 ? "nobody" : Name(said.recipients - 1);
    switch (said.kind) {
      case Kind::kItem: return "note " + std::to_string(r.version) + " " + child;
      case Kind::kUnknown: return "a record of an unknown type " + child;
      case Kind::kUnreadable: return "an unreadable record " + child;
      case Kind::kGrant: return "consent " + std::to_string(said.consent + 1) + " " + child + " for " + to;
      case Kind::kWithdraw: return "the withdrawal of consent " + std::to_string(said.consent + 1) + " from " + to;
      case Kind::kRules: return "rules " + std::to_string(r.version) + " (allow " + to + ")";
    }
    return "";
  }
  static std::string Text(const Own& own, bool reacts) {
    std::string out;
    for (int r = 0; r < kRecipients && reacts; ++r) {
      const int kind = own.lines[At(r)].kind;
      if (kind == kTold) out += ", tells " + Name(r);
      if (kind == kRetraction) out += ", takes back from " + Name(r);
      if (kind == kWithheld) out += ", withholds from " + Name(r);
    }
    return out;
  }
  std::string Text(const State& s, const Entry& e) const {
    if (e.where == kLog) return Text({0, e.index});
    const auto& own = s.store.own[At(e.child)][e.index];
    if (own.fetched_by != 0) return "the ledger's record of a read";
    return (e.where == kLedger ? "the ledger's record about " : "the signal to " + Name(e.recipient) + " about ") +
           Text(own.about);
  }

  static std::size_t At(int i) { return static_cast<std::size_t>(i); }
  template <class T>
  static void Order(T& a, T& b) {
    if (std::memcmp(&b, &a, sizeof(T)) < 0) std::swap(a, b);
  }

  Protocol is_;
  Scope scope_;
};

}  // namespace stafett::model
