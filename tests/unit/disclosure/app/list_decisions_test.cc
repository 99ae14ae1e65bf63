// Which decisions an officer may read: those about what the own controller gave (promises P1, P7).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disclosure/app/operations.h"

namespace stafett::disclosure::app {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;

tenants::Controller Of(const std::string& id, const std::string& recipient) {
  tenants::Controller c;
  c.id = id;
  c.recipients.emplace_back();
  c.recipients.back().id = recipient;
  c.recipients.back().controller = id;
  return c;
}

class OneChild final : public Ledger {
 public:
  std::shared_ptr<domain::View> view = std::make_shared<domain::View>();
  Status Change(const gate::Command&, const std::string&, Deadline, const Decide&, std::optional<Reading>*) override {
    return Fail(Code::kInternal, "NOT_HERE", "");
  }
  void EndReading(const std::string&, const Reading&) override {}
  Result<Case> Load(const std::string&, Deadline) override {
    Case c;
    c.view = view;
    return c;
  }
  Result<Moment> LoadAt(const std::string&, const domain::Decided&, Deadline) override {
    return Fail(Code::kInternal, "NOT_HERE", "");
  }
  Result<std::string> ChildOfDelivery(const std::string&, Deadline) override { return host::NotAllowed(); }
  Result<Page> Deliveries(const std::string&, std::int64_t, std::int64_t, Deadline) override { return Page(); }
  Result<std::vector<std::string>> Missed(const std::string&, std::int64_t, Deadline) override { return {}; }
  Status Caught(const std::string&, const std::string&, Deadline) override { return {}; }
  Result<FenceView> Fence(const std::string&, const std::string&, Deadline) override { return FenceView(); }
};
// Every service may have a reference to every child: registering tells nobody anything (design §5).
class AnyReference final : public host::References {
 public:
  std::string CaseFor(const std::string&, const std::string&) const override { return "k-1"; }
  std::string ForService(const std::string&, const std::string&) const override { return "cr-1"; }
  Result<std::string> ToCase(const std::string&, const std::string&) const override { return host::NotAllowed(); }
  Result<std::string> ToChild(const std::string&, const std::string&) const override { return std::string("ch-1"); }
};
class NoRecipients final : public Recipients {
 public:
  Result<std::map<std::string, std::string>> Suspended(const std::vector<std::string>&, Deadline) override {
    return std::map<std::string, std::string>();
  }
  Status Resume(const std::string&, Deadline) override { return {}; }
};
class NoContents final : public Contents {
 public:
  Result<Content> Show(const domain::View&, const domain::Item&, policy::CategorySet,
                       const std::string&) const override {
    return Content();
  }
};

struct Listing : testing::Test {
  OneChild ledger;
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
    ledger.view->items["ev-1"] = item;
    Decide("ev-1", "ev-1", domain::DeliveryKind::kEvent, "d-1");
    Decide("ev-2", "ev-2/ca-1", domain::DeliveryKind::kRetraction, "d-2");
  }
  void Decide(const std::string& event, const std::string& item, domain::DeliveryKind kind, const std::string& id) {
    domain::Decided decided;
    decided.event_id = event;
    domain::Line line;
    line.recipient = "r-ppt";
    line.case_id = "ca-1";
    line.item = item;
    line.kind = kind;
    line.delivery_id = id;
    decided.lines.push_back(line);
    domain::Evolve(*ledger.view, decided);
  }
  static host::Who Officer(const std::string& recipient, const std::string& controller) {
    host::Who who;
    who.recipient = recipient;
    who.controller = controller;
    who.person = "p-officer";
    who.role = "DISCLOSURE_OFFICER";
    return who;
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

TEST_F(Listing, What_has_no_item_any_more_is_listed_to_nobody) {
  ledger.view->items = {};
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
