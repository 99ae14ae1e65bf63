// A child with a log, five services and two parents, and the real rule file. All data are synthetic.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "disclosure/domain/route.h"
#include "lib/policy/file.h"

namespace stafett::disclosure::domain::sample {

using policy::Category;
using policy::CategorySet;

inline constexpr std::int64_t kDay = 24LL * 3600 * 1000;
inline constexpr Time kStart{1'795'000'000'000};  // a day in November 2026
inline constexpr char kSchool[] = "r-school";
inline constexpr char kPpt[] = "r-ppt";
inline constexpr char kHealth[] = "r-health";
inline constexpr char kBvt[] = "r-welfare";
inline constexpr char kBup[] = "r-bup";
inline constexpr char kCase[] = "ca-1";
inline constexpr char kNote[] = "no.stafett.cases.note-written.v1";

template <class... C>
constexpr CategorySet Cats(C... categories) {
  CategorySet out;
  ((out = out.With(categories)), ...);
  return out;
}
inline constexpr CategorySet kUsual = Cats(Category::kConcern, Category::kPlan, Category::kEduc);

inline const policy::RuleSet& Rules() {
  static const policy::RuleSet rules = [] {
    auto loaded = policy::LoadRulesFile(STAFETT_RULES);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return *std::move(loaded);
  }();
  return rules;
}

inline Regime Usual() {
  Regime r;
  r.rules = &Rules();
  r.version = "activation-1";
  r.agencies = {{kSchool, policy::Agency::kSkoleK},
                {kPpt, policy::Agency::kPpt},
                {kHealth, policy::Agency::kHst},
                {kBvt, policy::Agency::kBvt},
                {kBup, policy::Agency::kBup}};
  for (const auto& [id, agency] : r.agencies) r.active.insert(id);
  return r;
}

inline std::string IdOf(const std::string& item, const std::string& recipient, DeliveryKind kind) {
  return item + ">" + recipient + "#" + std::to_string(static_cast<int>(kind));
}

inline Requested Ask(const std::string& id, const std::vector<std::pair<std::string, CategorySet>>& scopes,
                     std::set<std::string> consenters = {"p-mother"}, Time until = Time{kStart.ms + 365 * kDay},
                     const std::string& asked_by = kSchool) {
  Requested f;
  f.consent.asked_by = asked_by;
  f.consent_id = id;
  f.consent.purpose = "follow-up";
  f.consent.until = until;
  f.consent.consenters = std::move(consenters);
  for (const auto& [recipient, categories] : scopes) f.consent.scopes[recipient].categories = categories;
  return f;
}
inline Answered Yes(const std::string& id, std::vector<std::string> recipients, std::string who = "p-mother") {
  return {id, std::move(who), std::move(recipients), {}};
}

// What the router does with each record, in memory.
class Child {
 public:
  View view;
  Regime regime = Usual();
  Time now = kStart;

  // With the log open, held by the school.
  static Child WithLog() {
    Child c;
    c.Record(CaseOpened{kCase, "p-teacher", kSchool, "sleep", "2026-12-01", 1});
    return c;
  }

  std::optional<Decided> Record(const Fact& fact) { return Pass(fact, std::nullopt); }
  // A note of one service; its id is the event's.
  std::optional<Decided> Note(const std::string& origin, CategorySet categories, const std::string& case_id = kCase) {
    Item item;
    item.type = kNote;
    item.case_id = case_id;
    item.origin = origin;
    item.categories = categories.With(Category::kExist);
    item.purpose = "follow-up";
    item.body = "body";
    item.happened = now;
    return Pass({}, std::move(item));
  }
  // What one service addresses to another alone.
  std::optional<Decided> Addressed(const std::string& origin, const std::string& addressee, CategorySet categories) {
    Item item;
    item.type = "no.stafett.cases.contribution-submitted.v1";
    item.case_id = kCase;
    item.origin = origin;
    item.addressee = addressee;
    item.categories = categories.With(Category::kExist);
    item.purpose = "follow-up";
    return Pass({}, std::move(item));
  }
  // A note of one service that another has put on the log.
  std::optional<Decided> NoteFor(const std::string& author, const std::string& organisation, CategorySet categories) {
    Item item;
    item.type = kNote;
    item.case_id = kCase;
    item.origin = author;
    item.organisation = organisation;
    item.categories = categories.With(Category::kExist);
    item.purpose = "follow-up";
    return Pass({}, std::move(item));
  }
  // A note of several sections, by what each needs.
  std::optional<Decided> Sections(const std::string& origin, const std::vector<CategorySet>& sections,
                                  CategorySet outside = Cats(Category::kExist, Category::kPlan)) {
    Item item;
    item.type = kNote;
    item.case_id = kCase;
    item.origin = origin;
    item.outside = outside;
    item.sections = sections;
    item.categories = outside;
    for (const auto& s : sections) item.categories = item.categories.Or(s);
    item.purpose = "follow-up";
    return Pass({}, std::move(item));
  }
  // A no, also after a yes.
  std::optional<Decided> Refuse(const std::string& id, const std::string& recipient) {
    return Record(Answered{id, "p-mother", {}, {recipient}});
  }
  // A consent for some recipients, answered by everybody who has to.
  std::optional<Decided> Grant(const std::string& id, const std::vector<std::pair<std::string, CategorySet>>& scopes) {
    Record(Ask(id, scopes));
    std::vector<std::string> recipients;
    for (const auto& [recipient, categories] : scopes) recipients.push_back(recipient);
    return Record(Yes(id, recipients));
  }
  void Fetch(const std::string& delivery) {
    Evolve(view, Fetched{delivery, view.FindDelivery(delivery)->recipient, {}, "digest", "T020"});
  }
  Result<ReadDecision> Read(const std::string& delivery, bool known = true) const {
    return DecideRead(view, *view.FindDelivery(delivery), regime, known, now);
  }
  std::string last_event;

 private:
  std::optional<Decided> Pass(const Fact& fact, std::optional<Item> item) {
    now.ms += 1000;
    ++offset_;
    last_event = "ev-" + std::to_string(offset_);
    auto learned = Learn(view, {offset_, now, last_event}, fact);
    std::vector<Offer> offers;
    if (item) {
      item->id = last_event;
      item->offset = offset_;
      offers.push_back({&(view.items[item->id] = *item), item->addressee, DeliveryKind::kEvent});
    }
    if (!learned.completed.empty()) {
      for (const auto& [case_id, facts] : view.cases) {
        if (!facts.open) continue;
        Item snapshot;
        snapshot.id = last_event + "/" + case_id;
        snapshot.type = "no.stafett.cases.case-snapshot.v1";
        snapshot.case_id = case_id;
        snapshot.origin = facts.holder_recipient;
        snapshot.categories = Cats(Category::kExist, Category::kPlan);
        snapshot.purpose = "follow-up";
        snapshot.offset = offset_;
        auto* stored = &(view.items[snapshot.id] = snapshot);
        for (const auto& [consent, recipient] : learned.completed) {
          offers.push_back({stored, recipient, DeliveryKind::kSnapshot});
        }
      }
    }
    auto decided = Route(view, {last_event, "type", kCase, offset_}, offers, learned, regime, view.latest, IdOf);
    if (decided) Evolve(view, *decided);
    return decided;
  }
  std::int64_t offset_ = -1;
};

inline const Line* LineFor(const std::optional<Decided>& decided, const std::string& recipient) {
  if (!decided) return nullptr;
  for (const auto& line : decided->lines) {
    if (line.recipient == recipient) return &line;
  }
  return nullptr;
}
inline bool Told(const std::optional<Decided>& decided, const std::string& recipient) {
  const auto* line = LineFor(decided, recipient);
  return line != nullptr && line->verdict == policy::Verdict::kDisclose;
}

// PPT has a consent for the log.
struct WithPpt : testing::Test {
  Child c = Child::WithLog();
  void SetUp() override { c.Grant("co-1", {{kPpt, Cats(Category::kEduc, Category::kPlan)}}); }
  // The delivery of a new note to it.
  std::string Note() {
    c.Note(kSchool, Cats(Category::kEduc, Category::kPlan));
    return IdOf(c.last_event, kPpt, DeliveryKind::kEvent);
  }
};

}  // namespace stafett::disclosure::domain::sample
