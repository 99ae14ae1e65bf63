// Statements about every sequence of requests, answers and withdrawals, by anybody, in any order.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <sstream>

#include "sample.h"

namespace stafett::consent::domain {
namespace {
using namespace sample;

std::string Dump(const Consent& c) {
  std::ostringstream out;
  out << c.id << '|' << c.purpose << '|' << c.asking_recipient << '|' << c.language << '|' << c.until.ms << '|'
      << c.version;
  for (const auto& s : c.scopes) {
    out << "\n s " << s.recipient;
    for (auto category : s.categories) out << ' ' << policy::Name(category);
  }
  for (const auto& x : c.consenters) out << "\n c " << x;
  for (const auto& [r, answers] : c.answers) {
    for (const auto& [who, answer] : answers) out << "\n a " << r << ' ' << who << ' ' << static_cast<int>(answer);
  }
  for (const auto& x : c.withdrawn) out << "\n w " << x;
  return out.str();
}
std::string Dump(const Child& child) {
  std::ostringstream out;
  out << child.registered << '|' << child.guardians.size();
  for (const auto& [id, c] : child.consents) out << '\n' << id << ": " << Dump(c);
  return out.str();
}

// At full size from the first try: small sizes would only ever pick the first of everything.
int Pick(int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); }
template <class T>
T OneOf(const std::vector<T>& all) {
  return all[static_cast<std::size_t>(Pick(static_cast<int>(all.size())))];
}

const std::vector<std::string> kNamed = {"r-school", "r-ppt", "r-welfare"};
const std::vector<Person> kPeople = {kTeacher, kNurse, kAdviser, kCaseWorker, kMother, kFather, kStepfather};

std::vector<std::string> Some() {
  std::vector<std::string> out;
  for (const auto& r : kNamed) {
    if (Pick(2) == 0) out.push_back(r);
  }
  if (Pick(20) == 0) out.push_back("r-health");
  return out;
}

Result<Events> AnyCommand(const Child& child, Time now) {
  auto who = OneOf<Person>({kTeacher, kMother, kMother, kFather, kFather, OneOf(kPeople)});
  auto change = By(who, Pick(8) == 0 ? std::to_string(Pick(6)) : "", now, OneOf<std::string>({"co-1", "co-1", "co-2"}));
  auto consenter = who.guardian && Pick(6) != 0 ? who.id : OneOf<std::string>({"p-mother", "p-father", "p-stepfather"});
  auto evidence = OneOf<std::string>({"", "ELECTRONIC", "SIGNED_ON_PAPER", "HEARSAY"});
  switch (Pick(8)) {
    case 0: {
      if (child.Find(change.consent_id) != nullptr) change.consent_id = "co-3";  // ids are new, derived from requests
      if (child.Find(change.consent_id) != nullptr) return NotAllowed();
      auto asked = Question();
      if (Pick(5) == 0) asked.consenters.pop_back();
      return RequestConsent(child, change, asked);
    }
    case 1: return Refuse(child, change, consenter, Some(), evidence);
    case 2: return Withdraw(child, change, consenter, Some());
    default: return Grant(child, change, consenter, Some(), evidence);
  }
}

struct Played {
  Child child;
  std::vector<Event> events;
  std::vector<std::string> versions;  // versions[n]: after n events
};

template <class Each>
Played Play(Each each) {
  Played p;
  p.child = Registered();
  p.versions.push_back(Dump(p.child));
  Time now = kNow;
  int steps = 15 + Pick(30);
  for (int i = 0; i < steps; ++i) {
    now.ms += Pick(60'000);
    auto before = p.child;
    auto decided = AnyCommand(p.child, now);
    RC_ASSERT(Dump(p.child) == Dump(before));  // deciding changes nothing
    if (decided) {
      RC_ASSERT(!decided->empty());
      for (const auto& e : *decided) {
        Evolve(p.child, e);
        p.events.push_back(e);
        p.versions.push_back(Dump(p.child));
      }
    } else {
      RC_ASSERT(!decided.error().reason.empty());
    }
    each(before, p.child, now);
  }
  return p;
}

// The last word of each, taken from the events themselves and not from the fold.
bool EverybodySaidYes(const std::vector<Event>& events, const std::string& consent, const std::string& recipient) {
  std::map<std::string, bool> last{{"p-mother", false}, {"p-father", false}};
  for (const auto& e : events) {
    const auto* answered = std::get_if<ConsentAnswered>(&e);
    if (answered == nullptr || answered->consent_id != consent) continue;
    for (const auto& r : answered->granted) {
      if (r == recipient) last[answered->consenter] = true;
    }
    for (const auto& r : answered->refused) {
      if (r == recipient) last[answered->consenter] = false;
    }
  }
  return last["p-mother"] && last["p-father"];
}

RC_GTEST_PROP(Consents, Granted_means_that_everybody_said_yes_and_nobody_took_it_back, ()) {
  auto played = Play([](const Child&, const Child&, Time) {});
  for (const auto& [id, c] : played.child.consents) {
    for (const auto& r : kNamed) {
      for (Time now : {kNow, Time{kEnd.ms - 1}, kEnd}) {
        bool granted = c.StandingFor(r, now) == Standing::kGranted;
        bool expected = EverybodySaidYes(played.events, id, r) && !c.withdrawn.contains(r) && now < c.until;
        RC_ASSERT(granted == expected);
      }
    }
  }
}

// Without this the statements here might hold because nothing ever happens.
TEST(Consents, Random_play_reaches_every_standing) {
  std::set<Standing> seen;
  EXPECT_TRUE(rc::check([&] {
    Play([&](const Child&, const Child& after, Time now) {
      for (const auto& [id, c] : after.consents) {
        for (const auto& r : kNamed) seen.insert(c.StandingFor(r, now));
      }
    });
  }));
  EXPECT_EQ(seen.size(), 5U);
}

RC_GTEST_PROP(Consents, Withdrawn_is_withdrawn_for_good, ()) {
  Play([](const Child& before, const Child& after, Time now) {
    for (const auto& [id, c] : before.consents) {
      for (const auto& r : c.withdrawn) RC_ASSERT(after.Find(id)->StandingFor(r, now) == Standing::kWithdrawn);
    }
  });
}

// What is in force ends by its time or by a withdrawal: the two that the fence knows (promise P4).
RC_GTEST_PROP(Consents, Nothing_in_force_ends_but_by_time_or_withdrawal, ()) {
  Play([](const Child& before, const Child& after, Time now) {
    for (const auto& [id, c] : before.consents) {
      for (const auto& r : kNamed) {
        if (c.StandingFor(r, now) != Standing::kGranted) continue;
        auto then = after.Find(id)->StandingFor(r, now);
        RC_ASSERT(then == Standing::kGranted || then == Standing::kWithdrawn);
      }
    }
  });
}

RC_GTEST_PROP(Consents, Replaying_any_prefix_gives_the_state_as_it_was, ()) {
  auto played = Play([](const Child&, const Child&, Time) {});
  for (std::size_t n = 0; n <= played.events.size(); ++n) {
    Child again = Registered();
    for (std::size_t i = 0; i < n; ++i) Evolve(again, played.events[i]);
    RC_ASSERT(Dump(again) == played.versions[n]);
  }
}

// The registration and the own records are two lists: in which order they are folded makes no difference.
RC_GTEST_PROP(Consents, It_does_not_matter_when_the_guardians_became_known, ()) {
  auto played = Play([](const Child&, const Child&, Time) {});
  Child late;
  for (const auto& e : played.events) Evolve(late, e);
  Learn(late, {Registered().guardians});
  RC_ASSERT(Dump(late) == Dump(played.child));
}

// Promise P1: PPT gets the same answers whatever was said about child welfare, by whom and how often.
RC_GTEST_PROP(Consents, What_is_said_about_one_service_changes_no_answer_to_another, ()) {
  auto played = Play([](const Child&, const Child&, Time) {});
  Child other = played.child;
  for (auto& [id, c] : other.consents) {
    if (c.asking_recipient == "r-ppt") continue;
    Evolve(other, ConsentAnswered{id, "p-mother", {"r-welfare"}, {}, "", ""});
    Evolve(other, ConsentAnswered{id, "p-father", {}, {"r-welfare"}, "", ""});
  }
  for (const auto& [id, c] : played.child.consents) {
    if (c.asking_recipient == "r-ppt") continue;
    auto a = Show(c, kAdviser);
    auto b = Show(*other.Find(id), kAdviser);
    RC_ASSERT(a.has_value() == b.has_value());
    if (a) RC_ASSERT(a->scopes == b->scopes && a->whole == b->whole);
    auto x = Withdraw(played.child, By(kAdviser, "", kNow, id), "p-mother", {});
    auto y = Withdraw(other, By(kAdviser, "", kNow, id), "p-mother", {});
    RC_ASSERT(!x && !y && x.error().message == y.error().message);
  }
}

}  // namespace
}  // namespace stafett::consent::domain
