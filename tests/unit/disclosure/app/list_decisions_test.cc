// Which decisions an officer may read: those about what the own controller gave (promises P1, P7).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disclosure/app/operations.h"
#include "fakes.h"

namespace stafett::disclosure::app {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;
using namespace fakes;

struct Listing : testing::Test {
  Children ledger;
  std::shared_ptr<domain::View> view = ledger.views["ch-1"] = std::make_shared<domain::View>();
  AnyReference references;
  NoContents contents;
  tenants::Tenants tenants{{Of("c-town", "r-school"), Of("c-trust", "r-bup")}, ""};
  NoRecipients recipients;
  App app{ledger, contents, references, {}, recipients, tenants};

  void SetUp() override {
    // The school told PPT something; then its consent was withdrawn.
    domain::Item item;
    item.id = "ev-1";
    item.case_id = "ca-1";
    item.origin = "r-school";
    view->items["ev-1"] = item;
    view->consents["co-1"].scopes["r-ppt"].withdrawn = true;
    Decide("ev-1", "ev-1", domain::DeliveryKind::kEvent, "d-1");
    Decide("ev-2", "ev-2/ca-1", domain::DeliveryKind::kRetraction, "d-2");
  }
  void Decide(const std::string& event, const std::string& item, domain::DeliveryKind kind, const std::string& id,
              const std::string& consent = "co-1") {
    domain::Decided decided;
    decided.event_id = event;
    domain::Line line;
    line.recipient = "r-ppt";
    line.case_id = "ca-1";
    line.item = item;
    line.kind = kind;
    line.delivery_id = id;
    if (kind != domain::DeliveryKind::kRetraction) line.consents = {consent};
    decided.lines.push_back(line);
    domain::Evolve(*view, decided);
  }
  std::vector<std::string> Ids(const host::Who& who) {
    std::vector<std::string> out;
    auto page = ListDecisions(app, who, "cr-1", 0, "", Deadline::In(Millis(1000)));
    EXPECT_TRUE(page);
    if (page) {
      for (const auto& row : page->rows) out.push_back(row.line.delivery_id);
    }
    return out;
  }
};

TEST_F(Listing, The_givers_officer_reads_what_was_told_and_taken_back) {
  EXPECT_THAT(Ids(Officer("r-school", "c-town")), ElementsAre("d-1", "d-2"));
}

// Found by reading: a retraction has no item, and was listed to the officer of every controller that had registered
// the child, which told that the child has a case, and with whom.
TEST_F(Listing, Another_controllers_officer_reads_nothing_no_retraction_either) {
  EXPECT_THAT(Ids(Officer("r-bup", "c-trust")), IsEmpty());
}

// Found by reading: whoever had given anything to the same recipient in the same case was listed the retraction, and so
// learnt of the other's consent.
TEST_F(Listing, A_giver_whose_own_consent_stands_reads_nothing_of_what_another_takes_back) {
  auto item = view->items.at("ev-1");
  item.id = "ev-0";
  item.origin = "r-bup";
  view->items["ev-0"] = item;
  view->consents["co-2"].scopes["r-ppt"];
  Decide("ev-0", "ev-0", domain::DeliveryKind::kEvent, "d-0", "co-2");
  EXPECT_THAT(Ids(Officer("r-bup", "c-trust")), ElementsAre("d-0"));
}

TEST_F(Listing, What_has_no_item_any_more_is_listed_to_nobody) {
  view->items = {};
  EXPECT_THAT(Ids(Officer("r-school", "c-town")), IsEmpty());
}

TEST_F(Listing, Only_an_officer_reads) {
  auto who = Officer("r-school", "c-town");
  who.role = "TEACHER";
  EXPECT_FALSE(ListDecisions(app, who, "cr-1", 0, "", Deadline::In(Millis(1000))));
  who.role = "DISCLOSURE_OFFICER";
  who.guardian = true;
  EXPECT_FALSE(ListDecisions(app, who, "cr-1", 0, "", Deadline::In(Millis(1000))));
}

TEST_F(Listing, Page_by_page_it_is_the_same) {
  auto who = Officer("r-school", "c-town");
  auto one = ListDecisions(app, who, "cr-1", 1, "", Deadline::In(Millis(1000)));
  ASSERT_TRUE(one);
  ASSERT_EQ(one->rows.size(), 1U);
  ASSERT_FALSE(one->next.empty());
  auto two = ListDecisions(app, who, "cr-1", 1, one->next, Deadline::In(Millis(1000)));
  ASSERT_TRUE(two);
  ASSERT_EQ(two->rows.size(), 1U);
  EXPECT_EQ(two->rows[0].line.delivery_id, "d-2");
  EXPECT_TRUE(two->next.empty());
  for (const char* wrong : {"x", "1x", "-1", " 1"}) {
    EXPECT_FALSE(ListDecisions(app, who, "cr-1", 1, wrong, Deadline::In(Millis(1000)))) << wrong;
  }
  EXPECT_FALSE(ListDecisions(app, who, "cr-1", -1, "", Deadline::In(Millis(1000))));
}

}  // namespace
}  // namespace stafett::disclosure::app
