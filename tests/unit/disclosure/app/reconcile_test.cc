// What a recipient and its controller's officer are shown of a day: all of it once, in parts, and to nobody else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "disclosure/app/operations.h"
#include "fakes.h"

namespace stafett::disclosure::app {
namespace {
using domain::DeliveryState;
using testing::ElementsAre;
using namespace fakes;

constexpr Time kNoon{1'795'345'200'000};  // 22 November 2026, 12:00 in Oslo
constexpr char kDay[] = "2026-11-22";
Deadline Soon() { return Deadline::In(Millis(1000)); }

struct Reconciling : testing::Test {
  Children ledger;
  AnyReference references;
  NoContents contents;
  tenants::Tenants tenants{{Of("c-town", "r-ppt"), Of("c-trust", "r-bup")}, ""};
  NoRecipients recipients;
  App app{ledger, contents, references, {}, recipients, tenants};
  host::Who ppt;

  void SetUp() override {
    ledger.now = kNoon;
    ppt.recipient = "r-ppt";
    ppt.controller = "c-town";
  }
  // A child of whom PPT was told so often today.
  void Told(const std::string& child, int times) {
    auto view = std::make_shared<domain::View>();
    domain::Decided decided;
    decided.event_id = "ev-" + child;
    decided.at = Time{kNoon.ms - 3600'000};
    for (int i = 0; i < times; ++i) {
      domain::Line line;
      line.recipient = "r-ppt";
      line.verdict = policy::Verdict::kDisclose;
      line.item = "ev-" + child;
      line.delivery_id = child + "/" + std::to_string(i);
      line.sequence = static_cast<std::uint64_t>(i) + 1;
      decided.lines.push_back(line);
    }
    domain::Evolve(*view, decided);
    ledger.views[child] = view;
    ledger.told.push_back(child);
  }
  std::string Refused(const host::Who& who, const std::string& recipient, const std::string& date = kDay,
                      const std::string& token = "") {
    auto part = Reconcile(app, who, recipient, date, token, Soon());
    return part ? "no" : part.error().reason;
  }
};

TEST_F(Reconciling, The_recipient_sees_its_day_and_what_is_missing) {
  Told("ch-1", 2);
  domain::Evolve(*ledger.views["ch-1"], domain::Fetched{"ch-1/0", "r-ppt", {}, "digest", "T020"});
  auto part = Reconcile(app, ppt, "", kDay, "", Soon());
  ASSERT_TRUE(part);
  EXPECT_EQ(part->recipient, "r-ppt");
  EXPECT_FALSE(part->day_over);
  EXPECT_EQ(part->next, "");
  ASSERT_EQ(part->deliveries.size(), 2U);
  EXPECT_EQ(part->deliveries[0].missing, DeliveryState::kStored);
  EXPECT_EQ(part->deliveries[1].missing, DeliveryState::kFetched);
}

TEST_F(Reconciling, What_its_system_cannot_tell_is_not_missing) {
  auto town = Of("c-town", "r-ppt");
  town.recipients.back().receipts = {};
  tenants::Tenants paper{{town}, ""};
  App other{ledger, contents, references, {}, recipients, paper};
  Told("ch-1", 1);
  domain::Evolve(*ledger.views["ch-1"], domain::Fetched{"ch-1/0", "r-ppt", {}, "digest", "T020"});
  auto part = Reconcile(other, ppt, "", kDay, "", Soon());
  ASSERT_TRUE(part);
  EXPECT_EQ(part->deliveries[0].missing, std::nullopt);
}

TEST_F(Reconciling, Every_child_stands_in_one_part_however_many_there_are) {
  for (int i = 0; i < 2 * kChildrenInPart; ++i) Told("ch-" + std::to_string(i), i == 3 ? kDeliveriesInPart : 1);
  std::multiset<std::string> seen;
  std::string token;
  int parts = 0;
  do {
    auto part = Reconcile(app, ppt, "", kDay, token, Soon());
    ASSERT_TRUE(part);
    EXPECT_EQ(part->from, token);
    EXPECT_LT(part->deliveries.size(), kDeliveriesInPart + kChildrenInPart);
    for (const auto& row : part->deliveries) seen.insert(row.delivery.id);
    token = part->next;
    ASSERT_LT(++parts, 10);
  } while (!token.empty());
  EXPECT_EQ(parts, 3) << "the large one ends its part";
  EXPECT_EQ(seen.size(), kDeliveriesInPart + 2 * kChildrenInPart - 1U);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
}

TEST_F(Reconciling, The_officer_of_its_own_controller_asks_for_it_and_sees_what_was_withheld) {
  Told("ch-1", 1);
  domain::Evolve(*ledger.views["ch-1"], domain::SignalWithheld{"ch-1/0", "r-ppt"});
  auto part = Reconcile(app, Officer("r-ppt", "c-town"), "r-ppt", kDay, "", Soon());
  ASSERT_TRUE(part);
  ASSERT_EQ(part->deliveries.size(), 1U);
  EXPECT_EQ(part->deliveries[0].delivery.state, DeliveryState::kWithheld);
  part = Reconcile(app, ppt, "", kDay, "", Soon());
  ASSERT_TRUE(part);
  EXPECT_EQ(part->deliveries.size(), 0U) << "it was never told of it";
}

TEST_F(Reconciling, Nobody_else_does) {
  Told("ch-1", 1);
  EXPECT_EQ(Refused(Officer("r-bup", "c-trust"), "r-ppt"), "NOT_ALLOWED");
  EXPECT_EQ(Refused(Officer("r-bup", "c-trust"), "r-nobody"), "NOT_ALLOWED") << "the same, whether there is one";
  EXPECT_EQ(Refused(ppt, "r-ppt"), "NOT_ALLOWED") << "who names one is asked for its office";
  EXPECT_EQ(Refused(host::Who(), ""), "NOT_ALLOWED") << "our own services have no day";
}

TEST_F(Reconciling, A_day_is_one_of_the_calendar_until_today_in_Oslo) {
  for (const char* wrong : {"", "22.11.2026", "2026-02-30", "2026-11-23"}) {
    EXPECT_EQ(Refused(ppt, "", wrong), "INVALID_FIELD") << wrong;
  }
  EXPECT_EQ(Refused(ppt, "", "2026-11-21"), "no");
  EXPECT_TRUE(Reconcile(app, ppt, "", "2026-11-21", "", Soon())->day_over);
  ledger.now = Time{kNoon.ms + 11 * 3600'000};  // 23:00 in Oslo
  EXPECT_EQ(Refused(ppt, "", "2026-11-23"), "INVALID_FIELD");
  ledger.now = Time{kNoon.ms + 12 * 3600'000};
  EXPECT_EQ(Refused(ppt, "", "2026-11-23"), "no");
}

TEST_F(Reconciling, A_token_of_others_is_refused) {
  for (const char* wrong : {"x", "1x", "-1", "0", " 1"}) {
    EXPECT_EQ(Refused(ppt, "", kDay, wrong), "INVALID_FIELD") << wrong;
  }
}

}  // namespace
}  // namespace stafett::disclosure::app
