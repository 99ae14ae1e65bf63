// Promise P7, for every history of a child: each decision can be made again from what the log and the ledger keep, with
// the same result, whatever was activated and suspended meanwhile. And an officer may ask why for exactly what it may
// list.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "disclosure/adapters/regimes.h"
#include "disclosure/app/operations.h"
#include "lib/base/id.h"
#include "play.h"
#include "stafett/disclosure/v1/ledger_events.pb.h"

namespace stafett::disclosure {
namespace {
namespace v1 = ::stafett::disclosure::v1;
using namespace play;  // NOLINT

tenants::Recipient Of(const std::string& id, policy::Agency agency, const std::string& organisation) {
  tenants::Recipient r;
  r.id = id;
  r.agency = agency;
  r.organisation_number = organisation;
  return r;
}

// A town with all services but the last, which belongs to a hospital trust. Organisations are named as in play.h.
using Recipients = std::vector<tenants::Recipient>;
tenants::Tenants Files(Recipients town, Recipients trust) {
  auto controller = [](const std::string& id, Recipients recipients) {
    tenants::Controller c;
    c.id = id;
    c.recipients = std::move(recipients);
    for (auto& r : c.recipients) r.controller = id;
    return c;
  };
  return tenants::Tenants({controller("c-town", std::move(town)), controller("c-trust", std::move(trust))}, "files");
}
using enum policy::Agency;
Recipients Town() {
  return {Of("r-school", kSkoleK, "r-school"), Of("r-ppt", kPpt, "r-ppt"), Of("r-health", kHst, "r-health"),
          Of("r-welfare", kBvt, "r-welfare")};
}
Recipients Trust() { return {Of("r-bup", kBup, "r-bup")}; }

// Versions that differ in one thing each: what a decision may turn on.
using Version = std::shared_ptr<const adapters::Version>;
const std::map<std::string, Version>& Versions() {
  static const std::map<std::string, Version> versions = [] {
    std::stringstream text;
    text << std::ifstream(STAFETT_RULES).rdbuf();
    auto fewer = text.str();
    fewer.replace(fewer.find("categories: [CONCERN, PLAN, EDUC]"), 33, "categories: [EDUC]");  // of T020
    std::set<std::string> all(kRecipients.begin(), kRecipients.end());
    auto without = all;
    without.erase("r-health");
    auto other_kinds = Town();
    other_kinds[1].agency = kNavK;
    other_kinds[2].agency = kKe;
    auto moved = Town();
    std::swap(moved[0].organisation_number, moved[2].organisation_number);
    moved.pop_back();
    std::map<std::string, Version> out;
    auto add = [&](const std::string& rules, Recipients town, const std::set<std::string>& active) {
      auto loaded = policy::LoadRules(rules, "rules").value();
      auto message = adapters::VersionMessage(loaded, rules, Files(std::move(town), Trust()), active);
      auto version = adapters::ParseVersion(message).value();
      out[version->hash] = version;
      return version->hash;
    };
    auto first = add(text.str(), Town(), all);
    add(fewer, Town(), all);
    add(text.str(), Town(), without);
    add(text.str(), other_kinds, all);
    add(text.str(), moved, all);
    if (out.size() != 5) throw std::logic_error("two versions have the same hash");
    out["first"] = out.at(first);
    return out;
  }();
  return versions;
}

// What was played, as the log and the ledger give it back.
class Stored final : public app::Ledger {
 public:
  Stored(const History& history, const Player& player) : history_(history), player_(player) {}
  Result<app::Case> Load(const std::string&, Deadline) override {
    app::Case c;
    c.view = std::shared_ptr<const domain::View>(&player_.view, [](auto*) {});
    c.regime = RegimeOf(*Versions().at("first"), {});
    return c;
  }
  Result<app::Moment> LoadAt(const std::string&, const domain::Decided& decided, Deadline) override {
    app::Moment m;
    m.view = std::make_shared<domain::View>();
    std::int64_t offset = -1;
    adapters::LearnedRecord learned;
    for (const auto& s : history_) {
      if (!s.message) continue;
      if (++offset > decided.offset) break;
      learned = Player::LearnStep(*m.view, s, offset);
    }
    for (const auto& event : player_.ledger) {
      const auto* same = std::get_if<domain::Decided>(&event);
      if (same != nullptr && same->event_id == decided.event_id) break;
      domain::Evolve(*m.view, event);
    }
    m.learned = learned.learned;
    m.offers = OffersOf(*m.view, learned);
    m.regime = RegimeOf(*Versions().at(decided.policy_hash), {decided.suspended.begin(), decided.suspended.end()});
    return m;
  }
  Status Change(const gate::Command&, const std::string&, Deadline, const Decide&,
                std::optional<app::Reading>*) override {
    return NotHere();
  }
  void EndReading(const std::string&, const app::Reading&) override {}
  Result<std::string> ChildOfDelivery(const std::string&, Deadline) override { return NotHere(); }
  Result<Page> Deliveries(const std::string&, std::int64_t, std::int64_t, Deadline) override { return NotHere(); }
  Result<std::vector<std::string>> Missed(const std::string&, std::int64_t, Deadline) override { return NotHere(); }
  Status Caught(const std::string&, const std::string&, Deadline) override { return NotHere(); }
  Result<Told> ToldOn(const std::string&, const calendar::Date&, std::int64_t, std::int64_t, Deadline) override {
    return NotHere();
  }
  Result<FenceView> Fence(const std::string&, const std::string&, Deadline) override { return NotHere(); }

 private:
  static tl::unexpected<Error> NotHere() { return Fail(Code::kInternal, "NOT_HERE", ""); }
  const History& history_;
  const Player& player_;
};
class NoRecipients final : public app::Recipients {
 public:
  Result<std::map<std::string, std::string>> Suspended(const std::vector<std::string>&, Deadline) override {
    return Fail(Code::kInternal, "NOT_HERE", "");
  }
  Result<std::map<std::string, Time>> Untouched(Deadline) override { return Fail(Code::kInternal, "NOT_HERE", ""); }
  Status Resume(const std::string&, Deadline) override { return Fail(Code::kInternal, "NOT_HERE", ""); }
};

class Names final : public host::References {
 public:
  std::string ForService(const std::string&, const std::string&) const override { return "cr-1"; }
  std::string CaseFor(const std::string&, const std::string&) const override { return "k-1"; }
  Result<std::string> ToCase(const std::string&, const std::string&) const override { return host::NotAllowed(); }
  Result<std::string> ToChild(const std::string&, const std::string&) const override { return std::string("ch-1"); }
};

host::Who Officer(const std::string& recipient, const std::string& controller) {
  host::Who who;
  who.recipient = recipient;
  who.controller = controller;
  who.role = "DISCLOSURE_OFFICER";
  return who;
}

Deadline Soon() { return Deadline::In(Millis(60'000)); }
std::string Name(const domain::Line& l) {
  return l.item + ">" + l.recipient + "#" + std::to_string(static_cast<int>(l.kind));
}

// A whole house after a random history, in which versions changed, topics refused, and what was missed was resent.
struct House {
  History history = AnyHistory();
  Player p;
  tenants::Tenants tenants = Files(Town(), Trust());
  Names names;
  adapters::CutContents contents;
  NoRecipients recipients;
  Stored ledger{history, p};
  app::App app{ledger, contents, names, {}, recipients, tenants};

  House() {
    auto version = Versions().at("first");
    std::set<std::string> suspended;
    for (const auto& s : history) {
      if (Pick(8) == 0) version = std::next(Versions().begin(), Pick(5))->second;
      if (Pick(8) == 0) suspended = Pick(2) == 0 ? std::set<std::string>() : std::set<std::string>{Recipient()};
      p.regime = RegimeOf(*version, suspended);
      s.message ? void(p.Record(s)) : p.Fetch(s);
      if (Pick(4) == 0) Withhold(Recipient());
      if (Pick(4) == 0) Resend(Recipient(), "rs-" + s.event_id);
    }
  }
  void Withhold(const std::string& recipient) {
    for (const auto& id : p.to[recipient]) {
      if (p.view.FindDelivery(id)->state == domain::DeliveryState::kSignalled && Pick(2) == 0) {
        p.Keep(domain::SignalWithheld{id, recipient});
      }
    }
  }
  void Resend(const std::string& recipient, const std::string& event_id) {
    auto missed = app::AsItWas(app, "ch-1", p.view, recipient, Soon()).value();
    auto id = [](const std::string& item, const std::string& to, domain::DeliveryKind kind) {
      return item + ">" + to + "#" + std::to_string(static_cast<int>(kind));
    };
    auto decided = domain::RouteMissed(p.view, recipient, event_id, missed, p.regime, true, p.now, id);
    if (decided) p.Keep(*decided);
  }
  Result<app::Explained> Explain(const host::Who& who, const domain::Decided& decided, const domain::Line& line) {
    return app::Explain(app, who, "cr-1", decided.event_id, line.recipient, IdOf(decided, line), Soon());
  }
  static std::string IdOf(const domain::Decided& d, const domain::Line& l) {
    return DerivedId("dc",
                     d.event_id + "\n" + l.item + "\n" + l.recipient + "\n" + std::to_string(static_cast<int>(l.kind)));
  }
};

std::array<host::Who, 2> Officers() { return {Officer("r-school", "c-town"), Officer("r-bup", "c-trust")}; }

TEST(Explained, Every_decision_made_again_is_the_same_and_is_told_to_whom_it_is_listed) {
  std::map<std::string, int> seen;
  auto count = [&](House& h, const domain::Decided& decided, const domain::Line& line) {
    if (decided.event_type == domain::kResent) ++seen[line.fields.Empty() ? "resent no more" : "resent"];
    if (line.kind == domain::DeliveryKind::kRetraction) ++seen["retraction"];
    if (line.kind == domain::DeliveryKind::kSnapshot) ++seen["snapshot"];
    if (line.item_type.find("contribution-") != std::string::npos) ++seen["for one alone"];
    if (decided.policy_hash != Versions().at("first")->hash && !line.fields.Empty()) ++seen["told, other version"];
    if (std::count(decided.suspended.begin(), decided.suspended.end(), line.recipient) > 0) ++seen["suspended"];
    const auto* d = h.p.view.FindDelivery(line.delivery_id);
    if (d != nullptr && d->state == domain::DeliveryState::kWithheld) ++seen["signal withheld"];
  };
  const std::vector<std::string> outcomes = {"not this officer's",  "several fit",     "retraction",      "snapshot",
                                             "told, other version", "suspended",       "signal withheld", "resent",
                                             "resent no more",      "named, withheld", "for one alone"};
  HoldsAndReaches(seen, outcomes, [&] {
    House h;
    for (const auto& who : Officers()) {
      std::set<std::string> listed;                            // ids
      std::map<std::pair<std::string, std::string>, int> fit;  // rows of one record for one recipient
      for (std::string page;;) {
        auto got = app::ListDecisions(h.app, who, "cr-1", 500, page, Soon()).value();
        for (const auto& row : got.rows) {
          RC_ASSERT(listed.insert(row.id).second);
          ++fit[{row.decided.event_id, row.line.recipient}];
        }
        page = got.next;
        if (page.empty()) break;
      }
      for (const auto& [event_id, decided] : h.p.view.decided) {
        for (const auto& line : decided.lines) {
          auto explained = h.Explain(who, decided, line);
          RC_ASSERT(explained.has_value() == listed.contains(House::IdOf(decided, line)));
          if (!explained) {
            RC_ASSERT(explained.error().reason == "NOT_ALLOWED");
            ++seen["not this officer's"];
            continue;
          }
          RC_ASSERT(Name(explained->row.line) == Name(line));
          if (!explained->same_again) RC_LOG() << event_id << " " << Name(line) << " " << line.missing;
          RC_ASSERT(explained->same_again);
          RC_ASSERT(!explained->why.empty());
          CategorySet shown;
          for (const auto& why : explained->why) {
            if (why.outcome != policy::kShown) continue;
            RC_ASSERT(!why.rule.empty() && !why.statute.empty());
            shown = shown.With(*policy::CategoryFromName(why.category));
          }
          RC_ASSERT(shown == line.fields);
          if (Versions().at("first")->rules->Find(line.rule) != nullptr) {
            const bool named = std::any_of(explained->why.begin(), explained->why.end(),
                                           [&](const auto& why) { return why.rule == line.rule; });
            if (!named) RC_LOG() << event_id << " " << Name(line) << " " << line.rule;
            RC_ASSERT(named);
            ++seen[line.fields.Empty() ? "named, withheld" : "named"];
          }
          bool one = fit[{event_id, line.recipient}] == 1;
          auto unnamed = app::Explain(h.app, who, "cr-1", event_id, line.recipient, "", Soon());
          RC_ASSERT(unnamed.has_value() == one);
          if (!one) RC_ASSERT(unnamed.error().field == "decision_id");
          if (!one) ++seen["several fit"];
          count(h, decided, line);
        }
      }
    }
  });
}

TEST(Explained, It_would_be_noticed_if_the_ledger_said_anything_else) {
  int noticed = 0;
  EXPECT_TRUE(rc::check([&] {
    House h;
    if (h.p.view.order.empty()) return;
    auto& changed =
        h.p.view.decided[h.p.view.order.at(static_cast<std::size_t>(Pick(static_cast<int>(h.p.view.order.size()))))];
    if (changed.lines.empty()) return;
    auto& line = changed.lines[static_cast<std::size_t>(Pick(static_cast<int>(changed.lines.size())))];
    switch (Pick(4)) {
      case 0: line.rule += "x"; break;
      case 1: line.fields = {line.fields.bits ^ CategorySet{}.With(Category::kEduc).bits}; break;
      case 2: line.sequence += 1; break;
      case 3: line.consents.emplace_back("co-x"); break;
    }
    for (const auto& who : Officers()) {
      auto explained = h.Explain(who, changed, line);
      if (!explained) continue;
      RC_ASSERT(!explained->same_again);
      ++noticed;
    }
  }));
  EXPECT_GT(noticed, 0);
}

// ---- a version, as it lies on the log
// --------------------------------------------------------------------------------

TEST(Versions, Say_of_every_recipient_what_it_is_and_change_with_it) {
  const auto& first = *Versions().at("first");
  EXPECT_EQ(first.agencies.at("r-ppt"), kPpt);
  EXPECT_EQ(first.agencies.size(), kRecipients.size());
  EXPECT_EQ(first.organisations.at("r-bup"), "r-bup");
  EXPECT_FALSE(first.rules->rules().empty());
  auto regime = RegimeOf(first, {"r-ppt"});
  EXPECT_EQ(regime.version, first.hash);
  EXPECT_FALSE(regime.active.contains("r-ppt"));
  EXPECT_EQ(regime.suspended, std::set<std::string>{"r-ppt"});
}

// Written before versions said it: nobody is told anything until the next activation.
TEST(Versions, Of_a_recipient_without_a_kind_that_is_known_nothing_may_be_said) {
  std::stringstream text;
  text << std::ifstream(STAFETT_RULES).rdbuf();
  v1::PolicyActivated m;
  m.set_rules(text.str());
  m.add_active_recipients("r-ppt");
  auto& later = *m.add_recipients();
  later.set_recipient("r-ppt");
  later.set_agency("OF_A_LATER_VERSION");
  auto version = adapters::ParseVersion(m.SerializeAsString()).value();
  EXPECT_EQ(version->agencies.at("r-ppt"), kUnknown);
  EXPECT_FALSE(adapters::ParseVersion("\xff\xff"));
}

}  // namespace
}  // namespace stafett::disclosure
