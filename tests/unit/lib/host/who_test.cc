// Who acts is who the controllers' files say, and nobody else.
#include "lib/host/who.h"

#include <gtest/gtest.h>

namespace stafett::host {
namespace {

constexpr char kFile[] = R"(controller: c-aaaaa1
name: Prøvestad kommune
municipality: "9901"
organisation_number: "974760673"
oncall: {name: Vakta, phone: "+47 00 00 00 00"}
recipients:
  - id: r-aaaaa1
    agency: SKOLE_K
    organisation_number: "998447356"
    name: Prøvestad skole
    receipts: [STORED, OPENED]
    units:
      - id: u-aaaaa1
        name: Trinn 1
        people:
          - {id: p-aaaaa1, name: Prøve Person, role: TEACHER}
          - {id: p-aaaaa2, name: Prøve Rektor, role: HEAD}
      - id: u-aaaaa2
        name: Trinn 2
        people: []
  - id: r-aaaaa2
    agency: PPT
    organisation_number: "317042183"
    name: Prøvestad PPT
    receipts: []
    units: [{id: u-aaaaa3, name: PPT, people: [{id: p-aaaaa3, name: Prøve Rådgiver, role: ADVISER}]}]
clients: []
escalation:
  lines: {r-aaaaa1: [HEAD], r-aaaaa2: [ADVISER]}
  last: p-aaaaa2
  waiting:
    NEXT_DATE: &times {first: 1 working day, next: 1 working day, acknowledged: 1 working day}
    BATON_ANSWER: *times
    EVALUATION: *times
    DELIVERY_STORED: *times
    CONTRIBUTION_ANSWER: *times
)";

struct Identifying : testing::Test {
  tenants::Tenants tenants = *tenants::LoadTenantsFromText({{"one.yaml", kFile}});

  static rpc::Caller School() {
    rpc::Caller c;
    c.organisation = "998447356";
    c.client_id = "skole-system";
    c.supplier = "889640782";
    return c;
  }
  static rpc::Caller For(const std::string& id, const std::string& role, const std::string& unit) {
    auto c = School();
    c.person = rpc::Person{id, role, unit, c.organisation, "follow-up", "idporten-loa-high", Time{1}};
    return c;
  }
  void ExpectRefused(const rpc::Caller& caller, const std::string& reason) {
    auto who = Identify(caller, tenants);
    ASSERT_FALSE(who);
    EXPECT_EQ(who.error().code, Code::kPermissionDenied);
    EXPECT_EQ(who.error().reason, reason);
  }
};

TEST_F(Identifying, A_person_with_its_place) {
  auto who = Identify(For("p-aaaaa1", "TEACHER", "u-aaaaa1"), tenants);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->recipient, "r-aaaaa1");
  EXPECT_EQ(who->controller, "c-aaaaa1");
  EXPECT_EQ(who->agency, policy::Agency::kSkoleK);
  EXPECT_EQ(who->person, "p-aaaaa1");
  EXPECT_EQ(who->role, "TEACHER");
  EXPECT_EQ(who->unit, "u-aaaaa1");
  EXPECT_EQ(who->purpose, "follow-up");
  EXPECT_FALSE(who->guardian);
  EXPECT_FALSE(who->Leads());
  EXPECT_EQ(who->actor.person, "p-aaaaa1");
  EXPECT_EQ(who->actor.role, "TEACHER");
  EXPECT_EQ(who->actor.unit, "u-aaaaa1");
  EXPECT_EQ(who->actor.organisation, "998447356");
  EXPECT_EQ(who->actor.supplier, "889640782");
  EXPECT_EQ(who->actor.client, "skole-system");
  EXPECT_TRUE(Identify(For("p-aaaaa2", "HEAD", "u-aaaaa1"), tenants)->Leads());
}

TEST_F(Identifying, A_bare_machine_is_its_organisation) {
  auto who = Identify(School(), tenants);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->recipient, "r-aaaaa1");
  EXPECT_TRUE(who->person.empty());
  EXPECT_TRUE(who->role.empty());
  EXPECT_TRUE(who->actor.person.empty());
}

TEST_F(Identifying, An_organisation_that_no_file_has_is_refused) {
  auto c = School();
  c.organisation = "317081359";
  ExpectRefused(c, "UNKNOWN_ORGANISATION");
  c.organisation = "974760673";  // the controller itself is no recipient
  ExpectRefused(c, "UNKNOWN_ORGANISATION");
  c.organisation = "";
  ExpectRefused(c, "UNKNOWN_ORGANISATION");
}

TEST_F(Identifying, Another_unit_role_service_or_person_than_the_file_has_is_refused) {
  ExpectRefused(For("p-aaaaa1", "TEACHER", "u-aaaaa2"), "NOT_EMPLOYED");  // not this unit
  ExpectRefused(For("p-aaaaa1", "TEACHER", ""), "NOT_EMPLOYED");
  ExpectRefused(For("p-aaaaa1", "HEAD", "u-aaaaa1"), "NOT_EMPLOYED");  // not this role
  ExpectRefused(For("p-aaaaa1", "", "u-aaaaa1"), "NOT_EMPLOYED");
  ExpectRefused(For("p-aaaaa3", "ADVISER", "u-aaaaa3"), "NOT_EMPLOYED");  // works elsewhere
  ExpectRefused(For("p-zzzzz9", "TEACHER", "u-aaaaa1"), "NOT_EMPLOYED");  // nobody
  ExpectRefused(For("", "TEACHER", "u-aaaaa1"), "NOT_EMPLOYED");
}

TEST_F(Identifying, A_guardian_comes_through_a_services_client_and_works_nowhere) {
  auto who = Identify(For("p-mother", "GUARDIAN", ""), tenants);
  ASSERT_TRUE(who);
  EXPECT_TRUE(who->guardian);
  EXPECT_FALSE(who->Leads());
  EXPECT_EQ(who->person, "p-mother");
  EXPECT_EQ(who->role, "GUARDIAN");
  EXPECT_EQ(who->recipient, "r-aaaaa1");
  EXPECT_EQ(who->actor.organisation, "998447356");
}

TEST_F(Identifying, Our_own_services_are_no_recipient) {
  rpc::Caller c;
  c.internal = true;
  c.client_id = "stafett-consent";
  auto who = Identify(c, tenants);
  ASSERT_TRUE(who);
  EXPECT_TRUE(who->internal);
  EXPECT_TRUE(who->recipient.empty());
  EXPECT_TRUE(who->controller.empty());
  EXPECT_EQ(who->agency, policy::Agency::kUnknown);
}

TEST(NotAllowed, Says_the_same_to_everybody) {
  auto error = NotAllowed().value();
  EXPECT_EQ(error.code, Code::kPermissionDenied);
  EXPECT_EQ(error.reason, "NOT_ALLOWED");
  EXPECT_TRUE(error.metadata.empty());
  EXPECT_TRUE(error.field.empty());
}

}  // namespace
}  // namespace stafett::host
