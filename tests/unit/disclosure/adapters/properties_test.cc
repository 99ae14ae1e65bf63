// Promises P1 and P4, for every history of a child: who is told what, on the real rule file.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "disclosure/adapters/cut.h"
#include "play.h"

namespace stafett::disclosure {
namespace {
using namespace play;  // NOLINT

std::string Text(const History& h) {
  std::ostringstream out;
  Show(out, h);
  return out.str();
}

// ---- P1: no side channel
// ---------------------------------------------------------------------------------------------

// What one recipient can observe, step by step: signals in order with their bytes, and each delivery as read at once
// and at the end. Delivery ids may differ; here they stand for themselves, because steps keep their event ids.
std::string Observed(const History& history, const std::string& who, Time end) {
  Player p;
  std::string out;
  for (const auto& s : history) {
    if (!s.message) {
      p.Fetch(s);
      continue;
    }
    auto decided = p.Record(s);
    if (!decided) continue;
    for (const auto& line : decided->lines) {
      if (line.recipient != who || line.delivery_id.empty()) continue;
      auto signal = adapters::ToSignal("to.", line, CaseRef(who, line.case_id), decided->at);
      out += "\n" + s.event_id + " kind " + std::to_string(static_cast<int>(line.kind)) + " epoch " +
             std::to_string(line.epoch) + " sequence " + std::to_string(line.sequence) + " rule " + line.rule +
             " size " + std::to_string(signal.value.size()) + " " + signal.value + signal.headers + signal.key;
      out += "\n  read at once: " + p.Read(line.delivery_id);
    }
  }
  p.now = end;
  for (const auto& id : p.to[who]) {
    out += "\nat the end " + id + " state " + std::to_string(static_cast<int>(p.view.FindDelivery(id)->state)) + ": " +
           p.Read(id);
  }
  return out;
}

// What was shown to `who` at each step: nothing, or the fields.
struct Knowledge {
  std::map<std::string, CategorySet> told;        // by event id
  std::map<std::string, std::size_t> last_grant;  // place of the last consent that became whole for `who`
  std::size_t last_completed = 0;
};
Knowledge Learn(const History& history, const std::string& who) {
  Player p;
  Knowledge k;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const auto& s = history[i];
    if (!s.message) {
      p.Fetch(s);
      continue;
    }
    auto decided = p.Record(s);
    if (!decided) continue;
    for (const auto& line : decided->lines) {
      if (line.recipient != who || line.verdict != policy::Verdict::kDisclose) continue;
      if (line.kind == domain::DeliveryKind::kEvent) k.told[s.event_id] = line.fields;
      if (line.kind == domain::DeliveryKind::kSnapshot) k.last_completed = i;
    }
  }
  return k;
}

bool SectionShown(const cv1::Section& s, CategorySet fields) {
  return fields.Has(static_cast<Category>(s.section_category())) &&
         (s.describes_size() == 0 || fields.Has(Category::kThird));
}

// May the step be left out, as far as `who` is allowed to know?
bool Hidden(const History& h, std::size_t at, const std::string& who, const Knowledge& k) {
  const auto& s = h[at];
  if (!s.message) return s.fetcher != who;
  // Whatever came of it: to all but its addressee it has not happened.
  if (const auto addressee = adapters::AddresseeOf(*s.message)) {
    return *addressee != who || !k.told.contains(s.event_id);
  }
  if (const auto* note = dynamic_cast<const cv1::NoteWritten*>(s.message.get())) {
    // A note of which no section may be seen, whatever else it carries.
    auto told = k.told.find(s.event_id);
    if (s.origin == who) return false;
    if (told == k.told.end()) return true;
    for (const auto& section : note->sections()) {
      if (SectionShown(section, told->second)) return false;
    }
    return note->sections_size() > 0;
  }
  if (k.told.contains(s.event_id) || s.origin == who) return false;
  // Whether it takes part itself is no secret from it, whoever may not tell it so: others' words tell.
  const auto* added = dynamic_cast<const cv1::ParticipantAdded*>(s.message.get());
  const auto* removed = dynamic_cast<const cv1::ParticipantRemoved*>(s.message.get());
  if ((added != nullptr && added->recipient() == who) || (removed != nullptr && removed->recipient() == who))
    return false;
  if (dynamic_cast<const cv1::BatonOffered*>(s.message.get()) != nullptr) return true;
  if (dynamic_cast<const cv1::ConcernNoted*>(s.message.get()) != nullptr) return true;
  bool of_state = dynamic_cast<const cv1::LevelSet*>(s.message.get()) != nullptr || added != nullptr ||
                  removed != nullptr || dynamic_cast<const cv1::MeasureStarted*>(s.message.get()) != nullptr ||
                  dynamic_cast<const cv1::MeasureEvaluated*>(s.message.get()) != nullptr;
  if (of_state && at > k.last_completed) return true;
  // A level is gone from the state once another was set before the snapshot.
  if (const auto* level = dynamic_cast<const cv1::LevelSet*>(s.message.get())) {
    for (std::size_t i = at + 1; i < h.size(); ++i) {
      if (!h[i].message) continue;
      for (const auto* other : {dynamic_cast<const cv1::LevelSet*>(h[i].message.get())}) {
        if (other != nullptr && other->case_id() == level->case_id()) return true;
      }
      if (dynamic_cast<const sv1::ConsentAnswered*>(h[i].message.get()) != nullptr) return false;
    }
  }
  return false;
}

// Consents that name `who`.
std::set<std::string> Naming(const History& h, const std::string& who) {
  std::set<std::string> out;
  for (const auto& s : h) {
    const auto* requested = dynamic_cast<const sv1::ConsentRequested*>(s.message.get());
    if (requested == nullptr) continue;
    for (const auto& scope : requested->scopes()) {
      if (scope.recipient() == who) out.insert(requested->consent_id());
    }
  }
  return out;
}

// Is it of no consent, or of one that names `who`? Then all of it: what the others that it names may tell him hangs on
// it, too (decision 0017).
bool Concerns(const google::protobuf::Message& m, const std::set<std::string>& naming) {
  auto of = [&](const auto* said) { return said == nullptr || naming.contains(said->consent_id()); };
  return of(dynamic_cast<const sv1::ConsentRequested*>(&m)) && of(dynamic_cast<const sv1::ConsentAnswered*>(&m)) &&
         of(dynamic_cast<const sv1::ConsentWithdrawn*>(&m));
}

// The same history with some or all of what is hidden from `who` taken out.
History WithoutHidden(const History& h, const std::string& who, bool all) {
  auto k = Learn(h, who);
  const auto naming = Naming(h, who);
  History out;
  for (std::size_t i = 0; i < h.size(); ++i) {
    auto s = h[i];
    bool take = all || Pick(2) == 0;
    if (take && Hidden(h, i, who, k)) continue;
    if (take && s.message) {
      if (!Concerns(*s.message, naming)) continue;
      const auto* note = dynamic_cast<const cv1::NoteWritten*>(s.message.get());
      if (note != nullptr && s.origin != who) {
        auto cut = std::make_shared<cv1::NoteWritten>(*note);
        cut->clear_sections();
        for (const auto& section : note->sections()) {
          if (SectionShown(section, k.told.at(s.event_id))) *cut->add_sections() = section;
        }
        s.message = cut;
      }
    }
    out.push_back(std::move(s));
  }
  return out;
}

RC_GTEST_PROP(NoSideChannel, What_a_recipient_gets_does_not_depend_on_what_is_hidden_from_it, ()) {
  auto history = AnyHistory();
  auto who = Recipient();
  auto other = WithoutHidden(history, who, Pick(2) == 0);
  auto end = history.back().at;
  auto one = Observed(history, who, end);
  auto two = Observed(other, who, end);
  bool same = one == two;
  if (!same) {
    // Shrunk by hand: rapidcheck cannot, because the steps depend on each other.
    for (std::size_t i = history.size(); i-- > 1;) {
      auto smaller = history;
      smaller.erase(smaller.begin() + static_cast<std::ptrdiff_t>(i));
      auto without = WithoutHidden(smaller, who, true);
      if (Observed(smaller, who, end) != Observed(without, who, end)) history = smaller;
    }
    other = WithoutHidden(history, who, true);
    RC_LOG() << who << " of" << Text(history) << "\nsees" << Observed(history, who, end) << "\n\nand of" << Text(other)
             << "\nsees" << Observed(other, who, end) << "\n";
  }
  RC_ASSERT(same);
}

// What is for one service is thought of for that one alone: no decision, no place in a sequence, no line in the ledger
// tells of it to another, nor to another's officer.
RC_GTEST_PROP(NoSideChannel, What_has_an_addressee_is_decided_for_that_recipient_alone, ()) {
  Player p;
  for (const auto& s : AnyHistory()) {
    if (!s.message) {
      p.Fetch(s);
      continue;
    }
    auto addressee = adapters::AddresseeOf(*s.message);
    auto decided = p.Record(s);
    if (!addressee || !decided) continue;
    RC_ASSERT(decided->lines.size() == 1U);
    RC_ASSERT(decided->lines[0].recipient == *addressee);
    RC_ASSERT(*addressee != s.origin);
    RC_ASSERT(decided->suspended.empty() && decided->withdrawn.empty());
  }
}

// Accepted, it is given by the service whose words they are; the one that accepted it has them.
RC_GTEST_PROP(NoSideChannel, An_accepted_contribution_is_told_neither_to_its_author_nor_to_who_accepted_it, ()) {
  Player p;
  for (const auto& s : AnyHistory()) {
    if (!s.message) {
      p.Fetch(s);
      continue;
    }
    auto decided = p.Record(s);
    const auto* note = dynamic_cast<const cv1::NoteWritten*>(s.message.get());
    if (note == nullptr) continue;
    const auto& item = p.view.items.at(s.event_id);
    RC_ASSERT(domain::GiverOf(p.regime, item) == note->author_recipient());
    if (!decided) continue;
    for (const auto& line : decided->lines) {
      RC_ASSERT(line.recipient != note->author_recipient());
      RC_ASSERT(line.recipient != s.origin);
    }
  }
}

// ---- P4: withdrawal first
// --------------------------------------------------------------------------------------------

RC_GTEST_PROP(WithdrawalFirst, Nothing_is_told_or_read_under_a_withdrawn_consent, ()) {
  Player p;
  std::set<std::pair<std::string, std::string>> withdrawn;  // (consent, recipient)
  std::map<std::string, std::set<std::string>> whole;       // by delivery: consents when it was decided
  for (const auto& s : AnyHistory()) {
    if (!s.message) {
      p.Fetch(s);
      continue;
    }
    if (const auto* m = dynamic_cast<const sv1::ConsentWithdrawn*>(s.message.get())) {
      for (const auto& r : m->recipients()) withdrawn.emplace(m->consent_id(), r);
    }
    auto decided = p.Record(s);
    if (decided) {
      for (const auto& line : decided->lines) {
        for (const auto& consent : line.consents) RC_ASSERT(!withdrawn.contains({consent, line.recipient}));
        auto item = p.view.items.find(line.item);
        if (item == p.view.items.end()) continue;  // a retraction
        for (const auto& consent : domain::ConsentsOf(p.view, domain::GiverOf(p.regime, item->second))) {
          if (consent.recipient == line.recipient) whole[line.delivery_id].emplace(consent.id);
        }
      }
    }
    for (const auto& [id, d] : p.view.deliveries) {
      auto read = p.DecideRead(id);
      bool rested = false;
      for (const auto& consent : d.consents) rested = rested || withdrawn.contains({consent, d.recipient});
      // What was waiting when its ground ended is void for good, whatever is granted later.
      if (rested && d.state != domain::DeliveryState::kFetched) RC_ASSERT(!read);
      if (!read) continue;
      RC_ASSERT(!read->consents.empty());  // no rule of the file shows the log without one
      for (const auto& consent : read->consents) {
        RC_ASSERT(!withdrawn.contains({consent, d.recipient}));
        RC_ASSERT(whole[id].contains(consent));  // a grant works forward
      }
    }
  }
}

RC_GTEST_PROP(WithdrawalFirst, Granted_again_by_a_new_consent_it_works, ()) {
  Player p;
  Time last;
  for (const auto& s : AnyHistory()) {
    last = s.at;
    if (s.message) p.Record(s);
  }
  auto record = [&](auto message, const std::string& id, const std::string& origin, const std::string& subject) {
    using M = decltype(message);
    Step s;
    s.message = std::make_shared<const M>(std::move(message));
    s.event_id = id;
    s.origin = origin;
    s.subject = subject;
    s.at = last;
    return p.Record(s);
  };
  cv1::LogOpened log;
  log.set_case_id("ca-9");
  log.set_holder_recipient("r-school");
  log.set_level(cv1::LEVEL_1);
  record(log, "new-1", "r-school", "ca-9");
  sv1::ConsentRequested asked;
  asked.set_consent_id("co-new");
  asked.set_asking_recipient("r-school");
  asked.set_purpose("follow-up");
  asked.set_until_ms(last.ms + 1000 * kHour);
  asked.add_consenters("p-mother");
  auto& scope = *asked.add_scopes();
  scope.set_recipient("r-ppt");
  scope.add_categories(common::v1::EDUC);
  record(asked, "new-2", "r-school", "co-new");
  sv1::ConsentAnswered yes;
  yes.set_consent_id("co-new");
  yes.set_consenter("p-mother");
  yes.add_granted("r-ppt");
  record(yes, "new-3", "r-school", "co-new");
  cv1::NoteWritten note;
  note.set_case_id("ca-9");
  auto& section = *note.add_sections();
  section.set_section_category(common::v1::EDUC);
  section.set_text("text");
  record(note, "new-4", "r-school", "ca-9");
  RC_ASSERT(p.Read("new-4>r-ppt#0").find("text") != std::string::npos);
}

// ---- do the statements above say anything?
// ---------------------------------------------------------------------------

// Without this they might hold because nothing ever happens.
TEST(Histories, Reach_every_kind_of_outcome) {
  std::map<std::string, int> seen;
  const std::vector<std::string> outcomes = {"told something, and something was hidden",
                                             "unfetched became withdrawn",
                                             "DISCLOSE 0",
                                             "DISCLOSE 1",
                                             "DISCLOSE 2",
                                             "WITHHOLD 0",
                                             "WITHHOLD 1",
                                             "CONSENT",
                                             "CONSENT_SCOPE",
                                             "CONSENT_EXPIRED",
                                             "CONSENT_WITHDRAWN",
                                             "RULE",
                                             "read",
                                             "WITHDRAWN",
                                             "RETRACTION",
                                             "no.stafett.cases.contribution-submitted.v1",
                                             "no.stafett.cases.contribution-accepted.v1",
                                             "no.stafett.cases.contribution-declined.v1"};
  HoldsAndReaches(seen, outcomes, [&] {
    auto history = AnyHistory();
    auto who = Recipient();
    if (WithoutHidden(history, who, true).size() < history.size() &&
        !Observed(history, who, history.back().at).empty()) {
      ++seen["told something, and something was hidden"];
    }
    Player p;
    for (const auto& s : history) {
      if (!s.message) {
        p.Fetch(s);
        continue;
      }
      auto decided = p.Record(s);
      if (!decided) continue;
      if (!decided->withdrawn.empty()) ++seen["unfetched became withdrawn"];
      for (const auto& line : decided->lines) {
        ++seen[std::string(policy::Name(line.verdict)) + " " + std::to_string(static_cast<int>(line.kind))];
        if (!line.missing.empty()) ++seen[line.missing];
        if (line.verdict == policy::Verdict::kDisclose && line.item_type.find("contribution-") != std::string::npos) {
          ++seen[line.item_type];
        }
      }
    }
    for (const auto& [id, d] : p.view.deliveries) {
      auto read = p.DecideRead(id);
      ++seen[read ? "read" : read.error().reason];
    }
  });
}

}  // namespace
}  // namespace stafett::disclosure
