// Random histories of one child, and the router over them in memory: the same LearnRecord, OffersOf, Route and Show as
// in the process, on the real rule file. A history can be played again with what a recipient may not know changed.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "disclosure/adapters/fact_mapping.h"
#include "disclosure/adapters/signals.h"
#include "lib/policy/file.h"
#include "random_message.h"
#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/consent/v1/consent_events.pb.h"

namespace stafett::disclosure::play {

namespace cv1 = ::stafett::cases::v1;
namespace sv1 = ::stafett::consent::v1;
using policy::Category;
using policy::CategorySet;

// Not shrunk by rapidcheck: steps depend on each other, and the properties shrink whole histories themselves.
inline int Pick(int n) { return *rc::gen::noShrink(support::FullSize(rc::gen::inRange(0, n))); }

inline constexpr std::int64_t kHour = 3'600'000;
inline constexpr Time kStart{1'795'000'000'000};
inline const std::vector<std::string> kRecipients = {"r-school", "r-ppt", "r-health", "r-welfare", "r-bup"};

inline domain::Regime Regime() {
  static const policy::RuleSet rules = [] {
    auto loaded = policy::LoadRulesFile(STAFETT_RULES);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return *std::move(loaded);
  }();
  domain::Regime r;
  r.rules = &rules;
  using enum policy::Agency;
  r.agencies = {{"r-school", kSkoleK}, {"r-ppt", kPpt}, {"r-health", kHst}, {"r-welfare", kBvt}, {"r-bup", kBup}};
  for (const auto& id : kRecipients) {
    r.active.insert(id);
    r.organisations[id] = id;
  }
  return r;
}

// Holds the property, and all these outcomes are seen: what is rare comes in one of sixty rounds, however short a round
// is.
template <class Property>
void HoldsAndReaches(const std::map<std::string, int>& seen, const std::vector<std::string>& outcomes,
                     Property property) {
  auto missing = [&](const std::string& outcome) { return !seen.contains(outcome) || seen.at(outcome) == 0; };
  auto params = rc::detail::configuration().testParams;
  for (int round = 0; round < 60; ++round, ++params.seed) {  // the same seed would play the same again
    const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata(), params);
    if (!result.template is<rc::detail::SuccessResult>()) rc::detail::printResultMessage(result, std::cerr);
    ASSERT_TRUE(result.template is<rc::detail::SuccessResult>());
    if (std::none_of(outcomes.begin(), outcomes.end(), missing)) return;
  }
  for (const auto& outcome : outcomes) EXPECT_FALSE(missing(outcome)) << outcome;
}

// One record of the log, or something that a recipient does.
struct Step {
  std::shared_ptr<const google::protobuf::Message> message;  // none: a recipient fetches
  std::string event_id, origin, subject;
  Time at;
  std::string fetcher;
  int which = 0;  // which of its deliveries, counted from the newest
};
using History = std::vector<Step>;

inline void Show(std::ostream& out, const History& history) {
  for (const auto& s : history) {
    out << "\n  " << s.event_id << " +" << (s.at.ms - kStart.ms) / kHour << "h ";
    if (s.message) {
      out << s.origin << ' ' << s.message->GetDescriptor()->name() << " { " << s.message->ShortDebugString() << " }";
    } else {
      out << s.fetcher << " fetches " << s.which;
    }
  }
}

template <class T>
const T& OneOf(const std::vector<T>& all) {
  return all[static_cast<std::size_t>(Pick(static_cast<int>(all.size())))];
}
inline std::string Recipient() { return OneOf(kRecipients); }
inline common::v1::Category AnyCategory() {
  using namespace common::v1;  // NOLINT: names of one enum
  return OneOf<common::v1::Category>({PLAN, PLAN, EDUC, EDUC, CONCERN, HEALTHD, WELFARE});
}

inline History AnyHistory() {
  History h;
  Time now = kStart;
  int next = 0;
  auto add = [&](auto message, const std::string& origin, const std::string& subject) {
    Step s;
    using M = decltype(message);
    s.message = std::make_shared<const M>(std::move(message));
    s.event_id = "ev-" + std::to_string(next++);
    s.origin = origin;
    s.subject = subject;
    s.at = now;
    h.push_back(std::move(s));
  };
  auto any_case = [&] { return Pick(4) > 0 ? std::string("ca-1") : std::string("ca-2"); };
  auto date = [&] { return "2026-12-" + std::to_string(10 + Pick(20)); };
  cv1::ChildRegistered registered;
  registered.mutable_identity()->set_name("Mina");
  add(registered, "r-school", "");
  int consents = 0;
  std::vector<std::string> granted;
  // Mostly somebody who may have something: what is for one alone is else hardly ever told.
  auto addressee = [&] { return granted.empty() || Pick(6) == 0 ? Recipient() : OneOf(granted); };
  std::vector<sv1::ConsentRequested> asked;
  auto ask = [&] {
    sv1::ConsentRequested m;
    m.set_consent_id("co-" + std::to_string(++consents));
    m.set_purpose(Pick(8) > 0 ? "follow-up" : "health-care");
    m.set_until_ms(now.ms + (Pick(5) > 0 ? 10'000 : Pick(40)) * kHour);
    m.add_consenters("p-mother");
    if (Pick(3) == 0) m.add_consenters("p-father");
    for (const auto& r : kRecipients) {
      if (Pick(2) == 0) continue;
      auto& scope = *m.add_scopes();
      scope.set_recipient(r);
      for (int i = 0, n = 1 + Pick(4); i < n; ++i) scope.add_categories(AnyCategory());
    }
    m.set_asking_recipient(Recipient());
    asked.push_back(m);
    add(m, m.asking_recipient(), m.consent_id());
  };
  auto some = [](const sv1::ConsentRequested& m) {
    std::vector<std::string> out;
    for (const auto& s : m.scopes()) {
      if (Pick(4) > 0) out.push_back(s.recipient());
    }
    return out;
  };

  auto answer = [&] {
    if (asked.empty()) return;
    const auto& consent = OneOf(asked);
    sv1::ConsentAnswered m;
    m.set_consent_id(consent.consent_id());
    m.set_consenter(consent.consenters(Pick(consent.consenters_size())));
    for (const auto& r : some(consent)) m.add_granted(r);
    granted.insert(granted.end(), m.granted().begin(), m.granted().end());
    add(m, "r-school", m.consent_id());
  };
  ask();
  if (Pick(2) == 0) answer();
  int steps = 10 + Pick(30);
  for (int i = 0; i < steps; ++i) {
    now.ms += Pick(4) * kHour;
    auto origin = Recipient();
    auto case_id = any_case();
    switch (i == 2 ? 0 : Pick(21)) {
      case 0: {
        cv1::LogOpened m;
        m.set_case_id(case_id);
        m.set_holder("p-" + origin);
        m.set_holder_recipient(origin);
        m.set_goal("goal");
        m.set_level(cv1::LEVEL_1);
        m.set_next_date(date());
        add(m, origin, case_id);
        break;
      }
      case 1: {
        cv1::LevelSet m;
        m.set_case_id(case_id);
        m.set_level(static_cast<cv1::Level>(1 + Pick(4)));
        m.set_reason("reason");
        m.set_next_date(date());
        add(m, origin, case_id);
        break;
      }
      case 2: {
        cv1::ParticipantAdded m;
        m.set_case_id(case_id);
        m.set_recipient(Recipient());
        add(m, origin, case_id);
        break;
      }
      case 3: {
        cv1::ParticipantRemoved m;
        m.set_case_id(case_id);
        m.set_recipient(Recipient());
        add(m, origin, case_id);
        break;
      }
      case 4: {
        cv1::BatonOffered m;
        m.set_case_id(case_id);
        m.set_to_recipient(Recipient());
        add(m, origin, case_id);
        break;
      }
      case 5: {
        cv1::BatonAccepted m;
        m.set_case_id(case_id);
        m.set_holder("p-" + origin);
        m.set_holder_recipient(origin);
        m.set_next_date(date());
        add(m, origin, case_id);
        break;
      }
      case 6: {
        cv1::ConcernNoted m;
        m.set_case_id(case_id);
        m.set_concern("concern");
        add(m, origin, case_id);
        break;
      }
      case 7: {
        if (Pick(4) > 0) break;
        cv1::CaseClosed m;
        m.set_case_id(case_id);
        add(m, origin, case_id);
        break;
      }
      case 16: {
        cv1::MeasureStarted m;
        m.set_case_id(case_id);
        m.mutable_measure()->set_measure_id("ms-" + std::to_string(i));
        m.mutable_measure()->set_title("measure " + std::to_string(i));
        m.mutable_measure()->set_responsible_recipient(Recipient());
        m.mutable_measure()->set_evaluation_date(date());
        add(m, origin, case_id);
        break;
      }
      case 17: {
        cv1::MeasureEvaluated m;
        m.set_case_id(case_id);
        m.set_measure_id("ms-" + std::to_string(Pick(i + 1)));
        m.set_outcome(cv1::HELPED);
        if (Pick(2) == 0) {
          m.set_ended(true);
        } else {
          m.set_evaluation_date(date());
        }
        add(m, origin, case_id);
        break;
      }
      case 18: {
        cv1::ContributionSubmitted m;
        m.set_case_id(case_id);
        m.set_contribution_id("cb-" + std::to_string(i));
        m.set_author("p-" + origin);
        m.set_author_recipient(origin);
        m.set_to_recipient(addressee());
        for (int k = 0, n = 1 + Pick(2); k < n; ++k) {
          auto& section = *m.add_sections();
          section.set_section_category(AnyCategory());
          section.set_text("contribution " + std::to_string(next) + "/" + std::to_string(k));
        }
        m.set_answer_by(date());
        add(m, origin, case_id);
        break;
      }
      case 19: {
        auto author = addressee();
        cv1::ContributionAccepted m;
        m.set_case_id(case_id);
        m.set_contribution_id("cb-" + std::to_string(Pick(i + 1)));
        m.set_to_recipient(author);
        add(m, origin, case_id);
        cv1::NoteWritten note;
        note.set_case_id(case_id);
        note.set_author("p-" + author);
        note.set_author_recipient(author);
        auto& section = *note.add_sections();
        section.set_section_category(AnyCategory());
        section.set_text("accepted " + std::to_string(next));
        add(note, origin, case_id);
        break;
      }
      case 20: {
        cv1::ContributionDeclined m;
        m.set_case_id(case_id);
        m.set_contribution_id("cb-" + std::to_string(Pick(i + 1)));
        m.set_to_recipient(addressee());
        m.set_reason(cv1::NOT_RELEVANT);
        add(m, origin, case_id);
        break;
      }
      case 8: ask(); break;
      case 9:
      case 10: answer(); break;
      case 11: {
        if (Pick(2) == 0) break;
        const auto& consent = OneOf(asked);
        sv1::ConsentWithdrawn m;
        m.set_consent_id(consent.consent_id());
        m.set_consenter("p-mother");
        for (const auto& r : some(consent)) m.add_recipients(r);
        add(m, "r-school", m.consent_id());
        break;
      }
      case 12: {
        Step s;
        s.event_id = "fetch-" + std::to_string(next++);
        s.fetcher = Recipient();
        s.which = Pick(4);
        s.at = now;
        h.push_back(s);
        break;
      }
      default: {
        cv1::NoteWritten m;
        m.set_case_id(case_id);
        m.set_author("p-" + origin);
        m.set_author_recipient(origin);
        for (int k = 0, n = 1 + Pick(3); k < n; ++k) {
          auto& section = *m.add_sections();
          section.set_section_category(AnyCategory());
          section.set_text("text " + std::to_string(next) + "/" + std::to_string(k));
          if (Pick(5) == 0) section.add_describes("p-brother");
        }
        add(m, origin, case_id);
      }
    }
  }
  return h;
}

// ---- the router in memory
// --------------------------------------------------------------------------------------------

inline std::string CaseRef(const std::string& recipient, const std::string& case_id) {
  return "k-" + recipient + "-" + case_id;
}

// Delivery ids that can be read.
inline std::string IdOf(const std::string& item, const std::string& recipient, domain::DeliveryKind kind) {
  return item + ">" + recipient + "#" + std::to_string(static_cast<int>(kind));
}

struct Player {
  domain::View view;
  domain::Regime regime = Regime();
  Time now = kStart;
  std::int64_t offset = -1;
  std::map<std::string, std::vector<std::string>> to;  // deliveries of each recipient, in order
  std::vector<domain::LedgerEvent> ledger;
  std::vector<std::uint64_t> follows;  // how many records each of them follows

  // As it comes back from the ledger.
  void Keep(const domain::LedgerEvent& event) {
    auto body = adapters::ToBody(event);
    ledger.push_back(**adapters::FromBody(body.type, body.bytes));
    follows.push_back(static_cast<std::uint64_t>(offset + 1));
    domain::Evolve(view, ledger.back());
  }

  static gate::Envelope EnvelopeOf(const Step& s) {
    gate::Envelope e;
    e.event_id = s.event_id;
    e.type = s.message->GetDescriptor()->options().GetExtension(common::v1::event_type);
    e.subject = s.subject;
    e.recorded = s.at;
    e.actor.organisation = s.origin;
    return e;
  }
  static adapters::LearnedRecord LearnStep(domain::View& view, const Step& s, std::int64_t offset) {
    auto learned = adapters::LearnRecord(view, EnvelopeOf(s), s.message->SerializeAsString(), offset, s.at);
    if (!learned) throw std::logic_error(learned.error().message);
    return *learned;
  }

  std::optional<domain::Decided> Record(const Step& s) {
    now = std::max(now, s.at);
    auto learned = LearnStep(view, s, ++offset);
    auto offers = adapters::OffersOf(view, learned);
    auto decided = domain::Route(view, {s.event_id, EnvelopeOf(s).type, s.subject, offset}, offers, learned.learned,
                                 regime, view.latest, IdOf);
    if (!decided) return decided;
    Keep(*decided);
    for (const auto& line : decided->lines) {
      if (!line.delivery_id.empty()) to[line.recipient].push_back(line.delivery_id);
    }
    return decided;
  }

  Result<domain::ReadDecision> DecideRead(const std::string& delivery_id) const {
    return domain::DecideRead(view, *view.FindDelivery(delivery_id), regime, true, now);
  }
  // All that a recipient gets by Fetch, as text.
  std::string Read(const std::string& delivery_id) const {
    const auto& d = *view.FindDelivery(delivery_id);
    auto read = DecideRead(delivery_id);
    if (!read) return read.error().reason;
    const auto& item = view.items.at(d.item);
    auto content = adapters::CutContents()
                       .Show(IdentityFrom(view, item, regime), item, read->fields, CaseRef(d.recipient, d.case_id))
                       .value();
    return policy::Join(read->fields) + " by " + read->rule + " from " + GiverOf(regime, item) + " of " +
           std::to_string(item.happened.ms) + ": " + content.type_url + " " + content.value + " | " + content.identity;
  }
  void Fetch(const Step& s) {
    now = std::max(now, s.at);
    const auto& mine = to[s.fetcher];
    if (mine.empty()) return;
    auto i = mine.size() - 1 - static_cast<std::size_t>(s.which) % mine.size();
    auto read = DecideRead(mine[i]);
    if (read) Keep(domain::Fetched{mine[i], s.fetcher, read->fields, "digest", read->rule});
  }
};

}  // namespace stafett::disclosure::play
