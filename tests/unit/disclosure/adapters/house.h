// A whole house after a random history: versions changed, topics refused, what was missed was resent. The real use
// cases over what the log and the ledger would give back.
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "disclosure/adapters/regimes.h"
#include "disclosure/app/operations.h"
#include "lib/base/id.h"
#include "play.h"

namespace stafett::disclosure::play {

inline tenants::Recipient Of(const std::string& id, policy::Agency agency, const std::string& organisation) {
  tenants::Recipient r;
  r.id = id;
  r.agency = agency;
  r.organisation_number = organisation;
  return r;
}

// A town with all services but the last, which belongs to a hospital trust. Organisations are named as in play.h.
using Recipients = std::vector<tenants::Recipient>;
inline tenants::Tenants Files(Recipients town, Recipients trust) {
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
inline Recipients Town() {
  return {Of("r-school", kSkoleK, "r-school"), Of("r-ppt", kPpt, "r-ppt"), Of("r-health", kHst, "r-health"),
          Of("r-welfare", kBvt, "r-welfare")};
}
inline Recipients Trust() { return {Of("r-bup", kBup, "r-bup")}; }

// Versions that differ in one thing each: what a decision may turn on.
using Version = std::shared_ptr<const adapters::Version>;
inline const std::map<std::string, Version>& Versions() {
  static const std::map<std::string, Version> versions = [] {
    std::stringstream text;
    text << std::ifstream(STAFETT_RULES).rdbuf();
    auto fewer = text.str();
    fewer.replace(fewer.find("categories: [CONCERN, PLAN, EDUC]", fewer.find("- id: T020")), 33, "categories: [EDUC]");
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
      auto loaded = policy::LoadWithText(rules, "rules").value();
      auto message = adapters::VersionMessage(*loaded, Files(std::move(town), Trust()), active);
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

inline host::Who Officer(const std::string& recipient, const std::string& controller) {
  host::Who who;
  who.recipient = recipient;
  who.controller = controller;
  who.role = "DISCLOSURE_OFFICER";
  return who;
}

inline Deadline Soon() { return Deadline::In(Millis(60'000)); }
inline std::string Name(const domain::Line& l) { return IdOf(l.item, l.recipient, l.kind); }

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
    auto decided = domain::RouteMissed(p.view, recipient, event_id, missed, p.regime, true, p.now, play::IdOf);
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

}  // namespace stafett::disclosure::play
