#include "lib/tenants/tenants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "lib/seal/seal.h"

namespace stafett::tenants {
namespace {

constexpr char kOne[] =
    "controller: c-aaaaa1\n"                                           // 1
    "name: Prøvestad kommune\n"                                        // 2
    "municipality: \"9901\"\n"                                         // 3
    "organisation_number: \"974760673\"\n"                             // 4
    "oncall: {name: Vakta, phone: \"+47 00 00 00 00\"}\n"              // 5
    "recipients:\n"                                                    // 6
    "  - id: r-aaaaa1\n"                                               // 7
    "    agency: SKOLE_K\n"                                            // 8
    "    organisation_number: \"998447356\"\n"                         // 9
    "    name: Prøvestad skole\n"                                      // 10
    "    receipts: [STORED, OPENED]\n"                                 // 11
    "    units:\n"                                                     // 12
    "      - id: u-aaaaa1\n"                                           // 13
    "        name: Trinn 1\n"                                          // 14
    "        people:\n"                                                // 15
    "          - {id: p-aaaaa1, name: Prøve Person, role: TEACHER}\n"  // 16
    "          - {id: p-aaaaa2, name: Prøve Rektor, role: HEAD}\n"     // 17
    "      - id: u-aaaaa2\n"                                           // 18
    "        name: Trinn 2\n"                                          // 19
    "        people: []\n"                                             // 20
    "clients:\n"                                                       // 21
    "  - {id: skole-system, recipient: r-aaaaa1, scopes: [stafett:cases], supplier: "
    "\"889640782\"}\n"  // 22
    "escalation: {lines: {r-aaaaa1: [HEAD]}, last: p-aaaaa1, waiting: {"
    "NEXT_DATE: {first: 1 working day, next: 2 working days, acknowledged: 5 working days}, "
    "BATON_ANSWER: {first: 0 working days, next: 1 working day, acknowledged: 3 working days}, "
    "EVALUATION: {first: 1 working day, next: 3 working days, acknowledged: 10 working days}, "
    "DELIVERY_STORED: {first: 4 hours, next: 1 working day, acknowledged: 2 working days}, "
    "CONTRIBUTION_ANSWER: {first: 1 working day, next: 2 working days, acknowledged: 5 working days}}}\n";  // 23

constexpr char kTwo[] =
    "controller: c-bbbbb1\n"
    "name: Prøvesykehuset\n"
    "organisation_number: \"317042183\"\n"
    "oncall: {name: Vakthavende, phone: \"+47 00 00 00 01\"}\n"
    "recipients:\n"
    "  - id: r-bbbbb1\n"
    "    agency: BUP\n"
    "    organisation_number: \"317081359\"\n"
    "    name: BUP Prøve\n"
    "    receipts: []\n"
    "    units: [{id: u-bbbbb1, name: Poliklinikk, people: [{id: p-bbbbb1, name: P, role: "
    "PSYCHOLOGIST}]}]\n"
    "clients: []\n"
    "escalation: {lines: {r-bbbbb1: [PSYCHOLOGIST]}, last: p-bbbbb1, waiting: {"
    "NEXT_DATE: {first: 1 working day, next: 2 working days, acknowledged: 5 working days}, "
    "BATON_ANSWER: {first: 0 working days, next: 1 working day, acknowledged: 3 working days}, "
    "EVALUATION: {first: 1 working day, next: 3 working days, acknowledged: 10 working days}, "
    "DELIVERY_STORED: {first: 4 hours, next: 1 working day, acknowledged: 2 working days}, "
    "CONTRIBUTION_ANSWER: {first: 1 working day, next: 2 working days, acknowledged: 5 working days}}}\n";

constexpr char kAnswered[] =
    ", CONTRIBUTION_ANSWER: {first: 1 working day, next: 2 working days, acknowledged: 5 working days}";

Result<Tenants> Load(const std::string& text) { return LoadTenantsFromText({{"one.yaml", text}}); }

std::string With(const std::string& from, const std::string& to) {
  std::string text = kOne;
  auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void ExpectFault(const Result<Tenants>& loaded, const std::string& place, const std::string& reason) {
  ASSERT_FALSE(loaded) << place << " " << reason;
  EXPECT_EQ(loaded.error().code, Code::kInvalidArgument);
  EXPECT_EQ(loaded.error().reason, "TENANTS_FILE");
  EXPECT_EQ(loaded.error().message.rfind(place + ": ", 0), 0U) << loaded.error().message;
  EXPECT_NE(loaded.error().message.find(reason), std::string::npos) << loaded.error().message;
}

// One municipality whose children another's service serves.
Result<Tenants> LoadShared(const std::string& shared) {
  return LoadTenantsFromText(
      {{"one.yaml", With("clients:\n", "shared:\n" + shared + "clients:\n")}, {"two.yaml", kTwo}});
}

TEST(Tenants, A_shared_service_is_defined_by_its_host_and_named_by_the_others) {
  const auto tenants = LoadShared("  - {recipient: r-bbbbb1, host: c-bbbbb1, agreement: Avtale 2026}\n");
  ASSERT_TRUE(tenants) << tenants.error().message;
  const auto* one = tenants->FindController("c-aaaaa1");
  ASSERT_EQ(one->shared.size(), 1U);
  EXPECT_EQ(one->shared[0].agreement, "Avtale 2026");
  std::vector<std::string> ids;
  for (const auto* r : tenants->ServicesFor(*one)) ids.push_back(r->id);
  EXPECT_EQ(ids, (std::vector<std::string>{"r-aaaaa1", "r-bbbbb1"}));
  // Its data are the host's.
  EXPECT_EQ(tenants->ControllerOf("r-bbbbb1")->id, "c-bbbbb1");
  EXPECT_EQ(tenants->ServicesFor(*tenants->FindController("c-bbbbb1")).size(), 1U);
}

TEST(Tenants, A_shared_service_that_nobody_defines_is_refused_with_its_line) {
  const std::string there = "  - {recipient: r-bbbbb1, host: c-bbbbb1, agreement: A}\n";
  ExpectFault(LoadShared("  - {recipient: r-bbbbb2, host: c-bbbbb1, agreement: A}\n"), "one.yaml:22",
              "\"r-bbbbb2\" is no recipient of \"c-bbbbb1\"");
  ExpectFault(LoadShared("  - {recipient: r-bbbbb1, host: c-ccccc1, agreement: A}\n"), "one.yaml:22",
              "is no recipient of \"c-ccccc1\"");
  ExpectFault(LoadShared("  - {recipient: r-aaaaa1, host: c-aaaaa1, agreement: A}\n"), "one.yaml:22",
              "this controller");
  ExpectFault(LoadShared(there + there), "one.yaml:23", "stands twice");
  ExpectFault(LoadShared("  - {recipient: r-bbbbb1, host: c-bbbbb1, agreement: \"\"}\n"), "one.yaml:22", "agreement");
}

TEST(Tenants, AreReadWholeAndFound) {
  auto loaded = LoadTenantsFromText({{"two.yaml", kTwo}, {"one.yaml", kOne}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  // A copy must find its own values, not those of what it was copied from.
  const Tenants tenants = *loaded;
  loaded = Tenants();

  ASSERT_EQ(tenants.controllers().size(), 2U);
  const Controller& one = tenants.controllers()[0];
  EXPECT_EQ(one.id, "c-aaaaa1");
  EXPECT_EQ(one.municipality, "9901");
  EXPECT_EQ(one.oncall.phone, "+47 00 00 00 00");
  EXPECT_EQ(tenants.FindController("c-aaaaa1"), &one);
  EXPECT_EQ(tenants.controllers()[1].municipality, "");

  const Recipient* school = tenants.FindRecipient("r-aaaaa1");
  ASSERT_NE(school, nullptr);
  EXPECT_EQ(school, &one.recipients[0]);
  EXPECT_EQ(school->agency, policy::Agency::kSkoleK);
  EXPECT_EQ(school->controller, "c-aaaaa1");
  EXPECT_EQ(school->receipts, (std::vector{Receipt::kStored, Receipt::kOpened}));
  EXPECT_EQ(tenants.RecipientOfOrganisation("998447356"), school);
  EXPECT_EQ(tenants.RecipientOfOrganisation("974760673"), nullptr) << "the controller's own number";
  EXPECT_EQ(tenants.ControllerOf("r-aaaaa1"), &one);
  EXPECT_EQ(tenants.ControllerOf("r-bbbbb1"), &tenants.controllers()[1]);

  auto unit = tenants.FindUnit("u-aaaaa2");
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->recipient, school);
  EXPECT_EQ(unit->unit->name, "Trinn 2");
  auto person = tenants.FindPerson("p-aaaaa2");
  ASSERT_TRUE(person);
  EXPECT_EQ(person->recipient, school);
  EXPECT_EQ(person->unit->id, "u-aaaaa1");
  EXPECT_EQ(person->person->role, "HEAD");
  auto other = tenants.FindPerson("p-bbbbb1");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->recipient->id, "r-bbbbb1");
  auto client = tenants.FindClient("skole-system");
  ASSERT_TRUE(client);
  EXPECT_EQ(client->recipient, school);
  EXPECT_EQ(client->client->supplier, "889640782");
}

TEST(Tenants, WhatIsNotThereIsNotFound) {
  auto tenants = Load(kOne);
  ASSERT_TRUE(tenants);
  EXPECT_EQ(tenants->FindController("c-zzzzz1"), nullptr);
  EXPECT_EQ(tenants->FindRecipient(""), nullptr);
  EXPECT_EQ(tenants->RecipientOfOrganisation(""), nullptr);
  EXPECT_EQ(tenants->ControllerOf("c-aaaaa1"), nullptr);
  EXPECT_FALSE(tenants->FindUnit("r-aaaaa1"));
  EXPECT_FALSE(tenants->FindPerson("u-aaaaa1"));
  EXPECT_FALSE(tenants->FindClient("r-aaaaa1"));
  EXPECT_EQ(Tenants().FindRecipient("r-aaaaa1"), nullptr);
}

TEST(Tenants, HashIsOfNamesAndTextsInOrder) {
  auto a = LoadTenantsFromText({{"one.yaml", kOne}, {"two.yaml", kTwo}});
  auto b = LoadTenantsFromText({{"two.yaml", kTwo}, {"one.yaml", kOne}});
  auto c = LoadTenantsFromText({{"one.yaml", kOne}, {"two.yaml", std::string(kTwo) + "# x\n"}});
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(a->hash(), b->hash());
  EXPECT_NE(a->hash(), c->hash());
  EXPECT_EQ(a->hash(), seal::Sha256(a->canonical()));
  EXPECT_NE(a->canonical().find(kTwo), std::string::npos);
}

TEST(Tenants, FaultsNameLineAndReason) {
  ExpectFault(Load(With("name: Prøvestad kommune", "nam: x")), "one.yaml:2", "unknown key \"nam\"");
  ExpectFault(Load(With("name: Prøvestad kommune\n", "")), "one.yaml:1", "\"name\" is missing");
  ExpectFault(Load(With("c-aaaaa1", "c-aaaa")), "one.yaml:1", "must be c-");
  ExpectFault(Load(With("c-aaaaa1", "r-aaaaa2")), "one.yaml:1", "must be c-");
  ExpectFault(Load(With("c-aaaaa1", "c-aaaaal")), "one.yaml:1", "must be c-");
  ExpectFault(Load(With("c-aaaaa1", "c-Aaaaa1")), "one.yaml:1", "must be c-");
  ExpectFault(Load(With("\"9901\"", "\"990\"")), "one.yaml:3", "four digits");
  ExpectFault(Load(With("974760673", "974760674")), "one.yaml:4", "no organisation number");
  ExpectFault(Load(With("phone: \"+47 00 00 00 00\"", "phone: call me")), "one.yaml:5", "phone");
  ExpectFault(Load(With("SKOLE_K", "SKOLE")), "one.yaml:8", "unknown agency \"SKOLE\"");
  ExpectFault(Load(With("998447356", "99844735")), "one.yaml:9", "no organisation number");
  ExpectFault(Load(With("OPENED]", "READ]")), "one.yaml:11", "STORED or OPENED");
  ExpectFault(Load(With("OPENED]", "STORED]")), "one.yaml:11", "stands twice");
  ExpectFault(Load(With("role: TEACHER", "role: teacher")), "one.yaml:16", "capital letters");
  ExpectFault(Load(With("role: TEACHER", "rolle: TEACHER")), "one.yaml:16", "unknown key");
  ExpectFault(Load(With("p-aaaaa2", "p-aaaaa1")), "one.yaml:17", "used already");
  ExpectFault(Load(With("u-aaaaa2", "u-aaaaa1")), "one.yaml:18", "used already");
  ExpectFault(Load(With("recipient: r-aaaaa1", "recipient: r-aaaaa2")), "one.yaml:22",
              "no recipient of this controller");
  ExpectFault(Load(With("stafett:cases", "cases")), "one.yaml:22", "stafett:");
  ExpectFault(Load(With("[stafett:cases]", "[]")), "one.yaml:22", "at least one");
  ExpectFault(Load(With("889640782", "889640783")), "one.yaml:22", "no organisation number");
  ExpectFault(Load(With("skole-system", "Skole System")), "one.yaml:22", "a-z, 0-9");
  ExpectFault(Load(With("people: []", "people: nobody")), "one.yaml:20", "a list is expected");
  ExpectFault(Load(With("people: []", "people:")), "one.yaml:20", "a list is expected");
  ExpectFault(Load("a: [\n"), "one.yaml:2", "not YAML");
}

TEST(Tenants, TheLineIsOfPeopleAndTheWaitingTimesAreKept) {
  auto tenants = Load(With("[HEAD]", "[TEACHER, p-aaaaa2]"));
  ASSERT_TRUE(tenants) << tenants.error().message;
  const Escalation& e = tenants->controllers()[0].escalation;
  EXPECT_EQ(e.lines.at("r-aaaaa1"), (std::vector<std::string>{"p-aaaaa1", "p-aaaaa2"}));
  EXPECT_EQ(e.last, "p-aaaaa1");
  EXPECT_EQ(e.waiting.size(), kAwaitedKinds.size());
  EXPECT_EQ(e.waiting.at(AwaitedKind::kNextDate).acknowledged, (Waiting{true, 5}));
  EXPECT_EQ(e.waiting.at(AwaitedKind::kBatonAnswer).first, (Waiting{true, 0}));
  EXPECT_EQ(e.waiting.at(AwaitedKind::kDeliveryStored).first, (Waiting{false, 4}));
}

TEST(Tenants, NobodyIsLeftWithoutALine) {
  ExpectFault(Load(With("escalation:", "escalering:")), "one.yaml:23", "unknown key");
  ExpectFault(Load(With("{r-aaaaa1: [HEAD]}", "{}")), "one.yaml:23", "r-aaaaa1 is missing");
  ExpectFault(Load(With("{r-aaaaa1: [HEAD]}", "[HEAD]")), "one.yaml:23", "services with lists");
  ExpectFault(Load(With("{r-aaaaa1: [HEAD]}", "{r-aaaaa1: [HEAD], r-aaaaa2: [HEAD]}")), "one.yaml:23", "no recipient");
  ExpectFault(Load(With("{r-aaaaa1: [HEAD]}", "{r-aaaaa1: [HEAD], r-aaaaa1: [HEAD]}")), "one.yaml:23", "stands twice");
  ExpectFault(Load(With("[HEAD]", "[]")), "one.yaml:23", "at least one");
  ExpectFault(Load(With("[HEAD]", "[RECTOR]")), "one.yaml:23", "nobody here");
  ExpectFault(Load(With("[HEAD]", "[p-bbbbb1]")), "one.yaml:23", "nobody here");
  ExpectFault(Load(With("[HEAD]", "[HEAD, p-aaaaa2]")), "one.yaml:23", "stands twice");
  ExpectFault(Load(With("last: p-aaaaa1", "last: HEAD")), "one.yaml:23", "no person of this controller");
  ExpectFault(Load(With("EVALUATION", "EVALUATIONS")), "one.yaml:23", "unknown key");
  ExpectFault(Load(With(kAnswered, "")), "one.yaml:23", "CONTRIBUTION_ANSWER");
  for (const char* wrong : {"4", "4 days", "working days", "-1 hours", "1  hour", "4000 hours", "1.5 hours"}) {
    ExpectFault(Load(With("first: 4 hours", std::string("first: ") + wrong)), "one.yaml:23", "is expected");
  }
}

constexpr char kHeadLine[] = "{id: p-aaaaa2, name: Prøve Rektor, role: HEAD}";
Result<Tenants> LoadHead(const std::string& more) {
  return Load(With(kHeadLine, "{id: p-aaaaa2, name: Prøve Rektor, role: HEAD, " + more + "}"));
}

TEST(Channels, ArePersonsOwnAndHabitsMayBeTheUnits) {
  auto plain = Load(kOne);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->FindPerson("p-aaaaa2")->person->email, "");
  EXPECT_EQ(plain->FindPerson("p-aaaaa2")->person->language, "nb");
  EXPECT_FALSE(plain->FindPerson("p-aaaaa2")->person->quiet_hours);

  auto text = With(kHeadLine,
                   "{id: p-aaaaa2, name: P, role: HEAD, channels: [INBOX, EMAIL], email: a.b+c@x-y.example.no, "
                   "language: ar}");
  const std::string unit = "        name: Trinn 1\n";
  text.replace(text.find(unit), unit.size(), unit + "        language: nn\n        quiet_hours: \"22:00-06:30\"\n");
  auto loaded = Load(text);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto& head = *loaded->FindPerson("p-aaaaa2")->person;
  EXPECT_EQ(head.email, "a.b+c@x-y.example.no");
  EXPECT_EQ(head.language, "ar");
  EXPECT_EQ(head.quiet_hours, (calendar::DailyHours{22 * 60, 6 * 60 + 30}));
  const auto& teacher = *loaded->FindPerson("p-aaaaa1")->person;
  EXPECT_EQ(teacher.email, "");
  EXPECT_EQ(teacher.language, "nn");
  EXPECT_EQ(teacher.quiet_hours, head.quiet_hours);
}

TEST(Channels, FaultsNameTheLineAndNeverTheAddress) {
  const std::string place = "one.yaml:17";
  ExpectFault(LoadHead("channels: [EMAIL], email: a@x.example.no"), place, "[INBOX] or [INBOX, EMAIL]");
  ExpectFault(LoadHead("channels: []"), place, "[INBOX] or [INBOX, EMAIL]");
  ExpectFault(LoadHead("channels: [INBOX, SMS]"), place, "[INBOX] or [INBOX, EMAIL]");
  ExpectFault(LoadHead("channels: [INBOX, EMAIL]"), place, "stand together");
  ExpectFault(LoadHead("email: a@x.example.no"), place, "stand together");
  ExpectFault(LoadHead("language: sv"), place, "nb, nn, en, ti or ar");
  ExpectFault(LoadHead("quiet_hours: \"22-06\""), place, "two times of the day");
  auto secret = LoadHead("channels: [INBOX, EMAIL], email: \"hemmelig person@x.example.no\"");
  ExpectFault(secret, place, "no mail address");
  EXPECT_EQ(secret.error().message.find("hemmelig"), std::string::npos);
}

TEST(MailAddress, IsPlainAndCannotEndAHeader) {
  for (const char* right : {"a@b.no", "p-4tz8vq@stafett.example.no", "a.b+c@d.e-f.no"})
    EXPECT_TRUE(IsMailAddress(right));
  for (const char* wrong : {"",         "a",
                            "@b.no",    "a@",
                            "a@b",      "a@b@c.no",
                            "a b@c.no", "a@c.no\r\nBcc: x@y.no",
                            "<a@b.no>", ".a@b.no",
                            "a.@b.no",  "a..b@c.no",
                            "a@.no",    "a@b..no",
                            "a@b.no.",  "\"a\"@b.no",
                            "å@b.no",   "a@[127.0.0.1]",
                            "a,b@c.no", "a@b.no,c@d.no"}) {
    EXPECT_FALSE(IsMailAddress(wrong)) << wrong;
  }
  EXPECT_FALSE(IsMailAddress(std::string(65, 'a') + "@b.no"));
  EXPECT_FALSE(IsMailAddress("a@" + std::string(253, 'b') + ".no"));
}

TEST(Tenants, NothingIsUsedTwiceAcrossFiles) {
  auto both = [](const std::string& from, const std::string& to) {
    std::string two = kTwo;
    auto at = two.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return LoadTenantsFromText({{"one.yaml", kOne}, {"two.yaml", two.replace(at, from.size(), to)}});
  };
  ExpectFault(both("c-bbbbb1", "c-aaaaa1"), "two.yaml:1", "used already");
  ExpectFault(both("317042183", "974760673"), "two.yaml:3", "used already");
  ExpectFault(both("r-bbbbb1", "r-aaaaa1"), "two.yaml:6", "used already");
  ExpectFault(both("317081359", "998447356"), "two.yaml:8", "used already");
  ExpectFault(both("p-bbbbb1", "p-aaaaa1"), "two.yaml:11", "used already");
  ExpectFault(LoadTenantsFromText({{"one.yaml", kOne}, {"one.yaml", kOne}}), "one.yaml:0", "twice");
}

TEST(Tenants, NoFilesAreAFault) {
  EXPECT_FALSE(LoadTenantsFromText({}));
  EXPECT_FALSE(LoadTenants("/nowhere"));
}

// Vectors of law.md §9.5.
TEST(OrganisationNumber, Modulo11) {
  for (const char* good : {"974760673", "998447356", "889640782", "840029212", "938587418"}) {
    EXPECT_TRUE(IsOrganisationNumber(good)) << good;
  }
  for (const char* bad :
       {"", "974760674", "97476067", "9747606730", "97476067a", "000000000", " 74760673", "-74760673"}) {
    EXPECT_FALSE(IsOrganisationNumber(bad)) << bad;
  }
}

TEST(ShippedFiles, HaveAddressesOfPlacesThatAreNone) {
  auto tenants = LoadTenants(STAFETT_CONTROLLERS);
  ASSERT_TRUE(tenants) << tenants.error().message;
  std::set<std::string> languages;
  for (const auto& controller : tenants->controllers()) {
    for (const auto& recipient : controller.recipients) {
      for (const auto& unit : recipient.units) {
        for (const auto& person : unit.people) {
          languages.insert(person.language);
          if (person.email.empty()) continue;
          EXPECT_TRUE(person.email.ends_with(".example.no") || person.email.ends_with(".invalid")) << person.id;
        }
      }
    }
  }
  EXPECT_EQ(languages, (std::set<std::string>{kLanguages.begin(), kLanguages.end()}));
}

TEST(ShippedFiles, HaveTheServicesOfTheStories) {
  using policy::Agency;
  auto tenants = LoadTenants(STAFETT_CONTROLLERS);
  ASSERT_TRUE(tenants) << tenants.error().message;
  std::set<std::string> roles;
  for (const Controller& controller : tenants->controllers()) {
    std::multiset<std::string> of, recipients;
    for (const Client& client : controller.clients) {
      const bool operates =
          std::find(client.scopes.begin(), client.scopes.end(), "stafett:operations") != client.scopes.end();
      // Whoever looks after the machines is let into no case by the same client.
      EXPECT_TRUE(!operates || client.scopes.size() == 1U) << client.id;
      if (!operates) of.insert(client.recipient);
    }
    for (const Recipient& recipient : controller.recipients) recipients.insert(recipient.id);
    EXPECT_EQ(of, recipients) << controller.id;
    for (const Recipient& recipient : controller.recipients) {
      for (const Unit& unit : recipient.units) {
        for (const Person& person : unit.people) roles.insert(person.role);
      }
    }
  }
  for (const char* role :
       {"TEACHER", "HEAD", "NURSE", "PPT_ADVISER", "CASE_WORKER", "DISCLOSURE_OFFICER", "LEADER", "PSYCHOLOGIST"}) {
    EXPECT_EQ(roles.count(role), 1U) << role;
  }
  // By municipality; a trust has none.
  std::map<std::string, std::multiset<Agency>> kinds;
  for (const Controller& controller : tenants->controllers()) {
    for (const auto* recipient : tenants->ServicesFor(controller))
      kinds[controller.municipality].insert(recipient->agency);
  }
  EXPECT_EQ(kinds["5006"], (std::multiset<Agency>{Agency::kSkoleK, Agency::kSkoleK, Agency::kBhgK, Agency::kHst,
                                                  Agency::kPpt, Agency::kBvt, Agency::kFlyk, Agency::kKe}));
  EXPECT_EQ(kinds[""], std::multiset<Agency>{Agency::kBup});
  EXPECT_EQ(kinds["5060"], (std::multiset<Agency>{Agency::kBvt, Agency::kKe}));
  EXPECT_EQ(kinds["5052"], (std::multiset<Agency>{Agency::kBvt, Agency::kBhgK, Agency::kHst, Agency::kKe}));
  EXPECT_EQ(kinds["1811"], (std::multiset<Agency>{Agency::kBvt, Agency::kSkoleK}));
}

}  // namespace
}  // namespace stafett::tenants
