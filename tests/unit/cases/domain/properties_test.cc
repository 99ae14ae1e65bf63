// Statements about every sequence of commands, by anybody, in any order, with consents coming and going.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <variant>

#include "cases/domain/awaited.h"
#include "cases/domain/timeline.h"
#include "sample.h"

namespace stafett::cases::domain {
namespace {
using namespace sample;

// Everything that a child's state is, as text.
std::string Dump(const Child& child) {
  std::ostringstream out;
  out << child.registered << '|' << child.name << '|' << child.birth_date << '|' << child.guardians.size();
  for (const auto& [id, c] : child.cases) {
    out << "\n"
        << id << '|' << c.id << '|' << c.recipient << '|' << c.unit << '|' << static_cast<int>(c.state) << '|'
        << static_cast<int>(c.level) << '|' << c.holder << '|' << c.holder_recipient << '|' << c.next_date << '|'
        << c.offered_to << '|' << c.offered_recipient << '|' << c.answer_by << '|' << c.goal << '|' << c.version;
    for (const auto& p : c.participants) out << ',' << p;
    for (const auto& g : c.goals) out << "\ngoal " << g.id << '|' << g.text << '|' << g.ended;
    for (const auto& m : c.measures) {
      out << "\nmeasure " << m.id << '|' << m.goal << '|' << m.title << '|' << m.responsible << '|'
          << m.responsible_recipient << '|' << m.start << '|' << m.due_date << '|' << m.evaluation_date << '|'
          << static_cast<int>(m.outcome) << '|' << m.ended;
    }
    for (const auto& x : c.contributions) {
      out << "\ncontribution " << x.id << '|' << x.author << '|' << x.author_recipient << '|' << x.to_recipient << '|'
          << x.answer_by << '|' << static_cast<int>(x.state) << '|' << x.sections.size();
    }
    for (const auto& [recipient, count] : c.apart) out << "\napart " << recipient << '|' << count;
  }
  return out.str();
}

// At full size from the first try: small sizes would only ever pick the first of everything.
int Pick(int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); }
template <class T>
T OneOf(const std::vector<T>& all) {
  return all[static_cast<std::size_t>(Pick(static_cast<int>(all.size())))];
}

const std::vector<std::string> kRecipients = {"r-school", "r-health", "r-ppt", "r-welfare"};

Person AnyPerson() {
  return OneOf<Person>(
      {kTeacher, kTeacher, kTeacher, kColleague, kHead, kNurse, kNurse, kNurse, kHealthLeader, kAdviser, kMother});
}

std::string AnyDate() {
  return OneOf<std::string>({kSoon, kSoon, kSoon, "2026-11-18", "2027-06-30", "2026-11-17", "2026-13-77", "", "soon"});
}

// Mostly the one acts who may: the holder, or the one it was offered to. Else nearly everything is refused.
Change AnyChange(const Child& child, bool as_receiver) {
  auto case_id = OneOf<std::string>({"ca-1", "ca-1", "ca-1", "ca-2"});
  auto who = AnyPerson();
  const auto* c = child.Find(case_id);
  if (c != nullptr && Pick(5) != 0) {
    for (const auto& p : {kTeacher, kColleague, kHead, kNurse, kHealthLeader, kAdviser}) {
      if (p.id == (as_receiver ? c->offered_to : c->holder)) who = p;
    }
  }
  std::string etag;
  if (Pick(10) == 0) etag = std::to_string(Pick(8));
  return By(who, case_id, etag, Time{kNow.ms + Pick(1100)});
}

Measure AnyMeasure(const Case& c) {
  auto who = AnyPerson();
  Measure m = Walks(who);
  if (!c.goals.empty() && Pick(2) == 0) m.goal = OneOf(c.goals).id;
  if (Pick(3) == 0) m.start = AnyDate();
  if (Pick(3) == 0) m.due_date = AnyDate();
  m.evaluation_date = AnyDate();
  return m;
}

// On goals and measures, mostly by the one who may.
Result<Events> AnyOnMeasure(const Child& child, Change change) {
  const auto* c = child.Find(change.case_id);
  if (c == nullptr) return EvaluateMeasure(child, change, "ms-none", Helped());
  auto measure = c->measures.empty() ? Measure{} : OneOf(c->measures);
  switch (Pick(10)) {
    case 0: return AddGoal(child, change, "sleep");
    case 1: return EndGoal(child, change, c->goals.empty() ? "go-none" : OneOf(c->goals).id, true, "reached");
    case 2:
    case 3: return StartMeasure(child, change, AnyMeasure(*c));
    case 4:
    case 5: {
      Measure wanted;
      if (Pick(2) == 0) wanted = AnyMeasure(*c);
      wanted.id = measure.id;
      wanted.title = "drives";
      return ChangeMeasure(child, change, wanted);
    }
    case 6: return EndMeasure(child, change, measure.id, "done");
    default: {
      for (const auto& p : {kTeacher, kColleague, kHead, kNurse, kHealthLeader, kAdviser}) {
        if (p.id == measure.responsible && Pick(2) == 0) change.who = p;
      }
      auto said = Helped(AnyDate());
      said.end = Pick(4) == 0;
      if (said.end) said.evaluation_date.clear();
      return EvaluateMeasure(child, change, measure.id, said);
    }
  }
}

// Submitted mostly by who takes part, answered mostly by who holds the log.
Result<Events> AnyOnContribution(const Child& child, Change change) {
  const auto* c = child.Find(change.case_id);
  const auto id = c == nullptr || c->contributions.empty() ? "cb-none" : OneOf(c->contributions).id;
  switch (Pick(4)) {
    case 0: return AcceptContribution(child, change, id);
    case 1: return DeclineContribution(child, change, id, DeclineReason::kNotUnderstood);
    default:
      change.who = OneOf<Person>({kNurse, kHealthLeader, kAdviser, kTeacher, kMother});
      return SubmitContribution(child, change, {{policy::Category::kEduc, "text", {}}}, kSoon);
  }
}

Result<Events> AnyCommand(const Child& child) {
  int what = Pick(19);
  auto change = AnyChange(child, what >= 8 && what <= 10);
  switch (what) {
    case 0:
      if (child.Find(change.case_id) != nullptr) change.case_id = "ca-3";  // ids are new: derived from the request
      if (child.Find(change.case_id) != nullptr) return NotAllowed();
      return NoteConcern(child, change, "worried", AnyDate());
    case 1: {
      ConversationHeld held;
      held.guardians = {OneOf<std::string>({"p-mother", "p-father", "p-other"})};
      held.next_date = AnyDate();
      return RecordConversation(child, change, held);
    }
    case 2:
    case 3: return OpenLog(child, change, "goal", AnyDate());
    case 4: return SetLevel(child, change, OneOf<Level>({Level::k0, Level::k1, Level::k2, Level::k3}), "", AnyDate());
    case 5: return AddParticipant(child, change, OneOf(kRecipients));
    case 6: return RemoveParticipant(child, change, OneOf(kRecipients));
    case 7: {
      auto to = AnyPerson();
      return OfferBaton(child, change, to.id, to.recipient, kSoon);
    }
    case 8:
    case 9: return AcceptBaton(child, change, AnyDate());
    case 10: return DeclineBaton(child, change, "");
    case 11: {
      std::vector<Section> text = {{policy::Category::kEduc, "text", {}}};
      if (Pick(2) == 0) return WriteNote(child, change, text);
      if (Pick(2) == 0) change.who = AnyPerson();
      return AddBrightSpot(child, change, text);
    }
    case 12:
    case 13:
    case 14: return AnyOnMeasure(child, change);
    case 15:
    case 16:
    case 17: return AnyOnContribution(child, change);
    default: return Pick(4) == 0 ? CloseCase(child, change, "done") : NotAllowed();
  }
}

ConsentFact AnyFact() {
  auto consent = OneOf<std::string>({"co-1", "co-2"});
  auto some = [] {
    std::vector<std::string> out;
    for (const auto& r : kRecipients) {
      if (Pick(3) != 0) out.push_back(r);
    }
    return out;
  };
  auto parent = OneOf<std::string>({"p-mother", "p-father"});
  switch (Pick(8)) {
    case 0: return ConsentWithdrawnFact{consent, some()};
    case 1: return ConsentAnsweredFact{consent, parent, {}, some()};
    case 2: {
      auto recipients = some();
      return ConsentRequestedFact{consent,
                                  kFollowUp,
                                  OneOf<std::string>(kRecipients),
                                  Time{kNow.ms + 900},
                                  {"p-mother", "p-father"},
                                  {recipients.begin(), recipients.end()}};
    }
    default: return ConsentAnsweredFact{consent, parent, some(), {}};
  }
}

// Promise P6: exactly one responsible person and a next date at every version. One holder is one field; what can go
// wrong is that it is nobody, or somebody of no service, or that two think that they hold it. The same of every measure
// that has not ended: somebody in the log is responsible for it and is to evaluate it by a date.
void AssertOneHolder(const Child& child) {
  for (const auto& [id, c] : child.cases) {
    RC_ASSERT(c.id == id);
    RC_ASSERT(!c.holder.empty());
    RC_ASSERT(!c.holder_recipient.empty());
    RC_ASSERT(!c.participants.contains(c.holder_recipient));
    RC_ASSERT(c.offered_to != c.holder);
    for (const auto& m : c.measures) {
      if (m.ended) continue;
      RC_ASSERT(!m.responsible.empty());
      RC_ASSERT(m.responsible_recipient == c.holder_recipient || c.participants.contains(m.responsible_recipient));
      RC_ASSERT(DateFault(m.evaluation_date, kToday).empty());
    }
    if (c.state == CaseState::kClosed) continue;
    RC_ASSERT(DateFault(c.next_date, kToday).empty());
    int writers = 0;
    for (const auto& p : {kTeacher, kColleague, kHead, kNurse, kHealthLeader, kAdviser, kMother}) {
      if (CloseCase(child, By(p, id), "").has_value()) ++writers;
    }
    RC_ASSERT(writers == 1);
  }
}

// Whoever holds an open log, takes part in it or is offered it, a valid consent names; and but for who holds it, one
// that is the holder's too. At kNow: the time of commands runs on to where consents have run out, which stops writing
// and takes nobody out (that needs a timer).
void AssertConsented(const Child& child) {
  for (const auto& [id, c] : child.cases) {
    if (c.state != CaseState::kLogOpen) continue;
    RC_ASSERT(child.HasConsent(kFollowUp, c.holder_recipient, kNow));
    auto with_holder = [&](const std::string& service) {
      return child.HasConsentFrom(c.holder_recipient, kFollowUp, service, kNow);
    };
    for (const auto& p : c.participants) RC_ASSERT(with_holder(p));
    if (!c.offered_to.empty()) RC_ASSERT(with_holder(c.offered_recipient));
  }
}

struct Played {
  Child child;  // as it stands at the end
  std::vector<Event> events;
  std::vector<std::string> versions;  // versions[n]: after n events
};

// `each`: called after every command with the state before and the answer; `after`: after every step.
void NoCheck(const Child&) {}
template <class Each, class After = void (*)(const Child&)>
Played Play(Each each, After after = NoCheck) {
  Played p;
  p.versions.push_back(Dump(p.child));
  auto take = [&](const Events& events) {
    for (const auto& e : events) {
      Evolve(p.child, e);
      p.events.push_back(e);
      p.versions.push_back(Dump(p.child));
      AssertOneHolder(p.child);
    }
  };
  take({ChildRegistered{"Mina", "2017-05-14", {{"p-mother", "", "", true}, {"p-father", "", "", true}}}});
  Ask(p.child);
  if (Pick(4) != 0) {
    Yes(p.child, "p-mother", {"r-school", "r-health"});
    Yes(p.child, "p-father", {"r-school", "r-health"});
  }
  take(*NoteConcern(p.child, By(kTeacher), "worried", kSoon));
  if (auto opened = OpenLog(p.child, By(kTeacher), "goal", kSoon)) {
    take(*opened);
    take(*AddParticipant(p.child, By(kTeacher), "r-health"));
    if (Pick(2) == 0) take(*StartMeasure(p.child, By(kTeacher), Walks(kNurse)));
    if (Pick(2) == 0) take(*SubmitContribution(p.child, By(kNurse), SleepsAgain(), kSoon));
  }
  int steps = 20 + Pick(40);
  for (int i = 0; i < steps; ++i) {
    if (Pick(5) == 0) {
      Learn(p.child, AnyFact());
      take(StopWhatLostItsConsent(p.child, kNow));
      after(p.child);
      continue;
    }
    auto before = Dump(p.child);
    auto decided = AnyCommand(p.child);
    RC_ASSERT(Dump(p.child) == before);  // deciding changes nothing
    each(p.child, decided);
    if (decided) take(*decided);
    after(p.child);
  }
  return p;
}

RC_GTEST_PROP(Cases, Every_open_case_has_one_holder_and_a_next_date_at_every_version, ()) {
  auto played = Play([](const Child&, const Result<Events>&) {});  // asserts it after every event
  RC_ASSERT(!played.child.cases.empty());
}

RC_GTEST_PROP(Cases, Nobody_holds_or_takes_part_in_an_open_log_without_a_consent, ()) {
  Play([](const Child&, const Result<Events>&) {}, AssertConsented);
}

// What the log says in clear, folded as a reader who knows nothing else folds it (P6): of every open case exactly one
// next step is waited for, the holder's; while the log is open an offered baton's answer, the holder's to each
// contribution, and of each measure that has not ended its evaluation; of a closed case nothing.
RC_GTEST_PROP(Cases, Whoever_reads_only_what_is_awaited_knows_every_holder_and_next_date, ()) {
  auto played = Play([](const Child&, const Result<Events>&) {});
  Child child;
  std::map<std::string, Awaited> said;
  for (const auto& event : played.events) {
    for (const auto& word : AwaitedBy(child, event)) {
      RC_ASSERT(word.done == word.date.empty());
      if (word.done) {
        RC_ASSERT(said.erase(word.id) == 1U);
      } else {
        said[word.id] = word;
      }
    }
    Evolve(child, event);
    std::size_t expected = 0;
    for (const auto& [id, c] : child.cases) {
      if (c.state == CaseState::kClosed) continue;
      ++expected;
      const auto next = said.find("next/" + id);
      RC_ASSERT(next != said.end());
      RC_ASSERT(next->second.kind == AwaitedKind::kNextDate);
      RC_ASSERT(next->second.person == c.holder);
      RC_ASSERT(next->second.recipient == c.holder_recipient);
      RC_ASSERT(next->second.date == c.next_date);
      if (c.state != CaseState::kLogOpen) continue;
      for (const auto& m : c.measures) {
        if (m.ended) continue;
        ++expected;
        const auto evaluation = said.find("evaluation/" + m.id);
        RC_ASSERT(evaluation != said.end());
        RC_ASSERT(evaluation->second.kind == AwaitedKind::kEvaluation);
        RC_ASSERT(evaluation->second.person == m.responsible);
        RC_ASSERT(evaluation->second.recipient == m.responsible_recipient);
        RC_ASSERT(evaluation->second.date == m.evaluation_date);
      }
      for (const auto& x : c.contributions) {
        if (x.state != ContributionState::kUnanswered) continue;
        ++expected;
        const auto answer = said.find("contribution/" + x.id);
        RC_ASSERT(answer != said.end());
        RC_ASSERT(answer->second.kind == AwaitedKind::kContributionAnswer);
        RC_ASSERT(answer->second.person == c.holder);
        RC_ASSERT(answer->second.recipient == c.holder_recipient);
        RC_ASSERT(answer->second.date == x.answer_by);
      }
      if (c.offered_to.empty()) continue;
      ++expected;
      const auto answer = said.find("baton/" + id);
      RC_ASSERT(answer != said.end());
      RC_ASSERT(answer->second.person == c.offered_to);
      RC_ASSERT(answer->second.recipient == c.offered_recipient);
      RC_ASSERT(answer->second.date == kSoon);
    }
    RC_ASSERT(said.size() == expected);
  }
}

// Without this the statements here might hold because nothing ever happens.
// How many histories the properties try is said from outside; that none of them is blind to an event is asked of as
// many as it takes.
TEST(Cases, Random_play_reaches_every_kind_of_event) {
  std::set<std::size_t> seen, all;
  for (std::size_t i = 0; i < std::variant_size_v<Event>; ++i) all.insert(i);
  rc::detail::TestParams params;
  for (params.seed = 1; params.seed <= 20 && seen != all; ++params.seed) {
    auto result = rc::detail::checkTestable(
        [&] {
          for (const auto& e : Play([](const Child&, const Result<Events>&) {}).events) seen.insert(e.index());
        },
        rc::detail::TestMetadata{}, params);
    EXPECT_TRUE(result.template is<rc::detail::SuccessResult>());
  }
  EXPECT_EQ(seen, all);
}

RC_GTEST_PROP(Cases, A_refused_command_emits_nothing_and_gives_a_reason, ()) {
  Play([](const Child&, const Result<Events>& decided) {
    if (decided) {
      RC_ASSERT(!decided->empty());
    } else {
      RC_ASSERT(!decided.error().reason.empty());
      RC_ASSERT(!decided.error().message.empty());
    }
  });
}

RC_GTEST_PROP(Cases, Replaying_any_prefix_gives_the_state_as_it_was, ()) {
  auto played = Play([](const Child&, const Result<Events>&) {});
  for (std::size_t n = 0; n <= played.events.size(); ++n) {
    Child again;
    for (std::size_t i = 0; i < n; ++i) Evolve(again, played.events[i]);
    RC_ASSERT(Dump(again) == played.versions[n]);
  }
}

RC_GTEST_PROP(Cases, The_version_counts_the_events_of_its_case, ()) {
  auto played = Play([](const Child&, const Result<Events>&) {});
  std::map<std::string, std::uint64_t> count;
  for (const auto& e : played.events) {
    if (!CaseOf(e).empty()) ++count[CaseOf(e)];
  }
  for (const auto& [id, c] : played.child.cases) {
    auto all = c.version;
    for (const auto& [recipient, its] : c.apart) all += its;
    RC_ASSERT(all == count[id]);
  }
}

// Who can answer it was told of it, and it waits for nobody else: in the log is a service that submitted it, and the
// one it was addressed to holds it.
RC_GTEST_PROP(Cases, An_unanswered_contribution_is_of_a_participant_to_who_holds_the_open_log, ()) {
  Play([](const Child&, const Result<Events>&) {},
       [](const Child& child) {
         for (const auto& [id, c] : child.cases) {
           for (const auto& x : c.contributions) {
             const bool unanswered = x.state == ContributionState::kUnanswered;
             RC_ASSERT(unanswered || x.sections.empty());
             if (!unanswered) continue;
             RC_ASSERT(c.state == CaseState::kLogOpen);
             RC_ASSERT(c.participants.contains(x.author_recipient));
             RC_ASSERT(x.to_recipient == c.holder_recipient);
           }
         }
       });
}

// Promise P1: without the words of others, and without contributions that are not addressed to it, a history is the
// same to a service: answers, etags, and the timeline with its versions.
RC_GTEST_PROP(Cases, What_a_service_may_not_read_changes_no_answer_to_it, ()) {
  auto played = Play([](const Child&, const Result<Events>&) {});
  std::map<std::string, std::string> addressed;
  for (const auto& e : played.events) {
    if (const auto* x = std::get_if<ContributionSubmitted>(&e)) addressed[x->contribution_id] = x->to_recipient;
  }
  auto hidden_from = [&](const std::string& recipient, const Event& e) {
    if (const auto* x = std::get_if<ContributionSubmitted>(&e)) return x->to_recipient != recipient;
    if (const auto* x = std::get_if<ContributionAccepted>(&e)) return addressed[x->contribution_id] != recipient;
    if (const auto* x = std::get_if<ContributionDeclined>(&e)) return addressed[x->contribution_id] != recipient;
    if (const auto* x = std::get_if<NoteWritten>(&e)) return x->author_recipient != recipient;
    if (const auto* x = std::get_if<BrightSpotAdded>(&e)) return x->author_recipient != recipient;
    return false;
  };
  for (const auto& who : {kTeacher, kColleague, kHead, kNurse, kHealthLeader, kAdviser, kMother}) {
    Child other;
    std::vector<Event> without;
    for (const auto& e : played.events) {
      if (!hidden_from(who.recipient, e)) without.push_back(e);
    }
    for (const auto& e : without) Evolve(other, e);
    other.consents = played.child.consents;
    for (const auto& [id, c] : played.child.cases) {
      RC_ASSERT(c.VersionFor(who.recipient) == other.Find(id)->VersionFor(who.recipient));
      const auto etag = std::to_string(Pick(10));
      auto same = [](const Result<Events>& a, const Result<Events>& b) {
        RC_ASSERT(a.has_value() == b.has_value());
        if (!a) RC_ASSERT(a.error().reason == b.error().reason && a.error().message == b.error().message);
      };
      const std::vector<Section> text = {{policy::Category::kEduc, "text", {}}};
      same(CloseCase(played.child, By(who, id, etag), "done"), CloseCase(other, By(who, id, etag), "done"));
      same(AddBrightSpot(played.child, By(who, id, etag), text), AddBrightSpot(other, By(who, id, etag), text));
      same(AcceptContribution(played.child, By(who, id), "cb-none"), AcceptContribution(other, By(who, id), "cb-none"));
      if (!c.contributions.empty()) {
        const auto& its = c.contributions[0].id;
        same(AcceptContribution(played.child, By(who, id), its), AcceptContribution(other, By(who, id), its));
      }
      // The timeline, entry by entry: what may be read whole, and the version behind it.
      auto read = [&](const std::vector<Event>& events) {
        std::vector<std::pair<std::size_t, std::uint64_t>> out;
        std::vector<Event> of_case;
        for (const auto& e : events) {
          if (CaseOf(e) == id) of_case.push_back(e);
        }
        const auto whole = WholeFor(who.recipient, of_case);
        const auto versions = VersionsFor(who.recipient, of_case);
        for (std::size_t i = 0; i < of_case.size(); ++i) {
          if (whole[i]) out.emplace_back(of_case[i].index(), versions[i]);
        }
        return out;
      };
      RC_ASSERT(read(played.events) == read(without));
    }
  }
}

// Promise P1: two histories that differ only in what another service did with the child give this one equal answers.
RC_GTEST_PROP(Cases, What_another_service_does_off_the_log_changes_no_answer, ()) {
  auto played = Play([](const Child&, const Result<Events>&) {});
  Child other = played.child;
  Evolve(other, ConcernNoted{"ca-9", "r-welfare", "u-9", "p-case-worker", "secret", kSoon});
  for (const auto& who : {kTeacher, kHead, kNurse, kAdviser, kMother}) {
    for (const auto* id : {"ca-1", "ca-2", "ca-9"}) {
      auto same = [](const Result<Events>& a, const Result<Events>& b) {
        RC_ASSERT(a.has_value() == b.has_value());
        if (!a) RC_ASSERT(a.error().reason == b.error().reason && a.error().message == b.error().message);
      };
      same(CloseCase(played.child, By(who, id), "done"), CloseCase(other, By(who, id), "done"));
      const std::vector<Section> text = {{policy::Category::kEduc, "text", {}}};
      same(AddBrightSpot(played.child, By(who, id), text), AddBrightSpot(other, By(who, id), text));
    }
  }
}

}  // namespace
}  // namespace stafett::cases::domain
