// ListDue and ListTimeline over pages, with what changes in between.
#include "cases/app/reads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "cases/domain/awaited.h"

namespace stafett::cases::app {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kTeacher[] = "p-teacher", kHead[] = "p-head", kNurse[] = "p-nurse";

Deadline Soon() { return Deadline::In(Millis(10'000)); }

// Children by id, each with the case "ca-<child>"; and the index as GateCaseStore keeps it.
class SomeChildren final : public CaseStore {
 public:
  void Do(const std::string& child, const domain::Event& event) {
    for (const auto& word : domain::AwaitedBy(children_[child], event)) {
      for (auto& [who, members] : index_) {
        std::erase_if(members, [&](const auto& m) { return std::get<1>(m) == word.id; });
      }
      if (word.done) continue;
      for (const auto& who : {word.person, word.recipient}) index_[who].insert({word.date, word.id, child});
    }
    domain::Evolve(children_[child], event);
    histories_[child].push_back({event, "type", "message", "body", Time{}, ""});
  }
  void Noted(const std::string& child, const std::string& person, const std::string& recipient,
             const std::string& date) {
    Do(child, domain::ChildRegistered{});
    Do(child, domain::ConcernNoted{"ca-" + child, recipient, "u", person, "worried", date});
  }
  // As when the state was read later than the index.
  void Stale(const std::string& who, const std::string& date, const std::string& child) {
    index_[who].insert({date, "next/ca-" + child, child});
  }

  Result<gate::Committed> Change(const gate::Command&, const std::string&, Deadline, const Decide&) override {
    return domain::NotAllowed();
  }
  Result<gate::Committed> Register(const gate::Command&, const std::string&, Deadline,
                                   const domain::ChildRegistered&) override {
    return domain::NotAllowed();
  }
  Result<View> Load(const std::string& child, Deadline) override { return View{children_[child], Time{}}; }
  Result<std::string> ChildOfCase(const std::string& case_id, Deadline) override { return case_id.substr(3); }
  Result<std::vector<DuePlace>> Due(const std::string& of, const DuePlace& after, std::size_t count,
                                    Deadline) override {
    std::vector<DuePlace> out;
    const auto behind = after.child.empty() && !after.date.empty() ? "\xff" : after.child;
    for (const auto& [date, id, child] : index_[of]) {
      if (out.size() == count) break;
      if (std::tuple(date, id, child) > std::tuple(after.date, after.awaited_id, behind)) {
        out.push_back({date, id, child});
      }
    }
    return out;
  }
  Result<std::vector<Recorded>> History(const std::string& child, const std::string& case_id, Deadline) override {
    std::vector<Recorded> out;
    for (const auto& r : histories_[child]) {
      if (domain::CaseOf(r.event) == case_id) out.push_back(r);
    }
    return out;
  }

 private:
  std::map<std::string, domain::Child> children_;
  std::map<std::string, std::vector<Recorded>> histories_;
  std::map<std::string, std::set<std::tuple<std::string, std::string, std::string>>> index_;
};

class NoReferences final : public host::References {
 public:
  std::string CaseFor(const std::string&, const std::string&) const override { return ""; }
  std::string ForService(const std::string&, const std::string&) const override { return ""; }
  Result<std::string> ToCase(const std::string&, const std::string&) const override { return host::NotAllowed(); }
  Result<std::string> ToChild(const std::string&, const std::string&) const override { return host::NotAllowed(); }
};

struct Reads : testing::Test {
  SomeChildren store;
  NoReferences references;
  tenants::Tenants tenants;
  App app{store, references, tenants, false};

  static host::Who Staff(const std::string& person, const std::string& recipient, const std::string& role = "TEACHER") {
    host::Who who;
    who.person = person;
    who.recipient = recipient;
    who.role = role;
    return who;
  }
  const host::Who teacher = Staff(kTeacher, "r-school");
  const host::Who head = Staff(kHead, "r-school", "HEAD");

  // The dates with their cases, of all pages of this size. `between` runs before each page but the first.
  std::vector<std::string> AllDue(
      const host::Who& who, int size, const std::function<void()>& between = [] {}) {
    std::vector<std::string> out;
    std::string token;
    do {
      if (!token.empty()) between();
      auto page = ListDue(app, who, size, token, Soon());
      EXPECT_TRUE(page) << page.error().reason;
      if (!page) break;
      EXPECT_LE(page->due.size(), static_cast<std::size_t>(size));
      for (const auto& due : page->due) out.push_back(due.awaited.date + " " + due.case_id);
      token = page->next;
    } while (!token.empty());
    return out;
  }
};

TEST_F(Reads, What_awaits_somebody_comes_by_date_and_once_whatever_the_pages_size) {
  std::vector<std::string> expected;
  for (int i = 0; i < 7; ++i) {
    const auto child = std::to_string(i);
    const auto date = "2026-12-0" + std::to_string(9 - i / 2);  // some on one day
    store.Noted(child, kTeacher, "r-school", date);
    store.Noted("n" + child, kNurse, "r-health", date);
    expected.push_back(date + " ca-" + child);
  }
  std::sort(expected.begin(), expected.end());
  for (int size : {1, 2, 3, 7, 50}) EXPECT_EQ(AllDue(teacher, size), expected) << size;
}

TEST_F(Reads, A_leader_sees_what_awaits_the_service_and_others_their_own) {
  store.Noted("1", kTeacher, "r-school", "2026-12-01");
  store.Noted("2", kHead, "r-school", "2026-12-02");
  store.Noted("3", kNurse, "r-health", "2026-12-03");
  EXPECT_THAT(AllDue(teacher, 10), ElementsAre("2026-12-01 ca-1"));
  EXPECT_THAT(AllDue(head, 10), ElementsAre("2026-12-01 ca-1", "2026-12-02 ca-2"));
  EXPECT_THAT(AllDue(Staff("p-other", "r-school"), 10), IsEmpty());
  // He works elsewhere now: what awaits him there is nothing yet.
  EXPECT_THAT(AllDue(Staff(kTeacher, "r-health"), 10), IsEmpty());
}

TEST_F(Reads, What_is_done_or_put_off_between_the_pages_is_neither_repeated_nor_a_reason_to_leave_others_out) {
  for (int i = 1; i <= 6; ++i) store.Noted(std::to_string(i), kTeacher, "r-school", "2026-12-0" + std::to_string(i));
  int page = 0;
  auto between = [&] {
    if (++page != 1) return;
    store.Do("1", domain::CaseClosed{"ca-1", "done"});              // was on the first page
    store.Do("2", domain::CaseClosed{"ca-2", "done"});              // the token's own
    store.Do("3", domain::CaseClosed{"ca-3", "done"});              // would have come next
    store.Do("4", domain::LevelSet{"ca-4", {}, "", "2027-01-01"});  // put off
  };
  EXPECT_THAT(AllDue(teacher, 2, between), ElementsAre("2026-12-01 ca-1", "2026-12-02 ca-2", "2026-12-05 ca-5",
                                                       "2026-12-06 ca-6", "2027-01-01 ca-4"));
}

TEST_F(Reads, What_only_the_index_says_is_not_told) {
  store.Noted("1", kTeacher, "r-school", "2026-12-05");
  store.Stale(kTeacher, "2026-12-01", "1");  // another date by now
  store.Noted("2", kNurse, "r-health", "2026-12-02");
  store.Stale(kTeacher, "2026-12-02", "2");  // another's by now
  for (int size : {1, 2, 10}) EXPECT_THAT(AllDue(teacher, size), ElementsAre("2026-12-05 ca-1")) << size;
}

TEST_F(Reads, A_token_that_is_none_and_a_guardian_are_refused) {
  for (const char* token : {"x", "2026-12-01", "2026-12-01/", "2026-13-01/next/ca-1", "/next/ca-1"}) {
    EXPECT_EQ(ListDue(app, teacher, 10, token, Soon()).error().field, "page_token") << token;
  }
  EXPECT_EQ(ListDue(app, teacher, -1, "", Soon()).error().field, "page_size");
  auto mother = Staff("p-mother", "r-portal", "GUARDIAN");
  mother.guardian = true;
  EXPECT_EQ(ListDue(app, mother, 10, "", Soon()).error().reason, "STAFF_ONLY");
}

// ---- ListTimeline -----------------------------------------------------------------------------------------------

struct Timeline : Reads {
  void SetUp() override {
    store.Noted("1", kTeacher, "r-school", "2026-12-01");
    for (int i = 0; i < 6; ++i) Note();
  }
  void Note() { store.Do("1", domain::NoteWritten{"ca-1", kTeacher, "r-school", {}}); }
  std::vector<std::uint64_t> All(
      Paging paging, const std::function<void()>& between = [] {}) {
    std::vector<std::uint64_t> out;
    do {
      if (!paging.token.empty()) between();
      auto page = ListTimeline(app, teacher, "ca-1", paging, Soon());
      EXPECT_TRUE(page) << page.error().reason;
      if (!page) break;
      for (const auto& entry : page->entries) out.push_back(entry.version);
      paging.token = page->next;
    } while (!paging.token.empty());
    return out;
  }
};

TEST_F(Timeline, Each_event_comes_once_in_both_orders_whatever_the_pages_size) {
  for (int size : {1, 2, 3, 7, 50}) {
    EXPECT_THAT(All({size, "", false, 1000}), ElementsAre(1, 2, 3, 4, 5, 6, 7)) << size;
    EXPECT_THAT(All({size, "", true, 1000}), ElementsAre(7, 6, 5, 4, 3, 2, 1)) << size;
  }
}

TEST_F(Timeline, What_comes_in_between_two_pages_moves_none) {
  EXPECT_THAT(All({3, "", true, 1000}, [&] { Note(); }), ElementsAre(7, 6, 5, 4, 3, 2, 1));
  int once = 0;
  EXPECT_THAT(All({6, "", false, 1000},
                  [&] {
                    if (once++ == 0) Note();
                  }),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

TEST_F(Timeline, A_page_has_no_more_bytes_than_fit_but_one_event_always) {
  EXPECT_EQ(ListTimeline(app, teacher, "ca-1", {50, "", false, 9}, Soon())->entries.size(), 2U) << "\"body\" is four";
  EXPECT_THAT(All({50, "", false, 1}), ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST_F(Timeline, Who_may_not_read_the_case_is_told_what_he_is_told_of_none) {
  for (const auto& who : {Staff("p-other", "r-school"), Staff(kNurse, "r-health"), Staff(kHead, "r-health", "HEAD")}) {
    for (const char* id : {"ca-1", "ca-9"}) {
      EXPECT_EQ(ListTimeline(app, who, id, {10, "", false, 1000}, Soon()).error().reason, "NOT_ALLOWED") << id;
    }
  }
}

TEST_F(Timeline, The_next_holder_reads_on_from_the_handing_over) {
  store.Do("1", domain::BatonAccepted{"ca-1", kNurse, "r-health", "2026-12-01"});
  store.Do("1", domain::NoteWritten{"ca-1", kNurse, "r-health", {}});
  auto page = ListTimeline(app, Staff(kNurse, "r-health"), "ca-1", {1, "", false, 1000}, Soon());
  ASSERT_TRUE(page);
  EXPECT_EQ(page->entries.at(0).version, 2U) << "what the school wrote before is not counted";
  EXPECT_EQ(page->next, "2");
  page = ListTimeline(app, Staff(kNurse, "r-health"), "ca-1", {1, "", true, 1000}, Soon());
  EXPECT_EQ(page->next, "3");
  page = ListTimeline(app, Staff(kNurse, "r-health"), "ca-1", {1, "2", true, 1000}, Soon());
  EXPECT_THAT(page->entries, IsEmpty());
  EXPECT_EQ(page->next, "") << "that more lies before it is not said";
}

TEST_F(Timeline, A_token_that_is_none_is_refused) {
  for (const char* token : {"x", "7x", "-1", " 1"}) {
    EXPECT_EQ(ListTimeline(app, teacher, "ca-1", {10, token, false, 1000}, Soon()).error().field, "page_token")
        << token;
  }
}

}  // namespace
}  // namespace stafett::cases::app
