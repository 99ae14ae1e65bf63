// Every event type that consent writes, with every field set, comes back as it was.
#include "consent/adapters/event_mapping.h"

#include <gtest/gtest.h>

#include <memory>

#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/consent/v1/consent_events.pb.h"
#include "support/filled_message.h"

namespace stafett::consent::adapters {
namespace {

struct Sample {
  std::string type;
  std::string bytes;
};

// The event types of a proto file, filled.
std::vector<Sample> SamplesOf(const google::protobuf::FileDescriptor& file) {
  std::vector<Sample> out;
  for (int i = 0; i < file.message_type_count(); ++i) {
    const auto& type = *file.message_type(i);
    auto name = type.options().GetExtension(common::v1::event_type);
    if (name.empty()) continue;
    std::unique_ptr<google::protobuf::Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
    int next = 0;
    support::FillEveryField(*message, next);
    out.push_back({name, message->SerializeAsString()});
  }
  return out;
}

TEST(ConsentEventMapping, Every_event_type_comes_back_with_every_field) {
  auto samples = SamplesOf(*::stafett::consent::v1::ConsentRequested::descriptor()->file());
  EXPECT_EQ(samples.size(), 3U);
  for (const auto& sample : samples) {
    SCOPED_TRACE(sample.type);
    auto event = FromBody(sample.type, sample.bytes);
    ASSERT_TRUE(event && *event);
    auto body = ToBody(**event);
    EXPECT_EQ(body.type, sample.type);
    EXPECT_EQ(body.bytes, sample.bytes);
    EXPECT_EQ(body.subject, "consent_id-1");
    EXPECT_EQ(domain::ConsentOf(**event), "consent_id-1");
  }
}

TEST(ConsentEventMapping, An_event_of_a_later_version_is_passed_over) {
  auto event = FromBody("no.stafett.consent.invented-later.v1", "anything");
  ASSERT_TRUE(event);
  EXPECT_FALSE(*event);
}

TEST(ConsentEventMapping, Broken_bytes_are_a_fault_and_no_event) {
  auto event = FromBody("no.stafett.consent.consent-withdrawn.v1", "\xff\xff\xff");
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().reason, "BAD_BODY");
}

TEST(ConsentEventMapping, A_category_of_a_later_version_is_not_let_through) {
  ::stafett::consent::v1::ConsentRequested m;
  auto& scope = *m.add_scopes();
  scope.add_categories(common::v1::EDUC);
  scope.add_categories(static_cast<common::v1::Category>(31));
  auto event = FromBody("no.stafett.consent.consent-requested.v1", m.SerializeAsString());
  const auto& requested = std::get<domain::ConsentRequested>(**event);
  EXPECT_EQ(requested.scopes[0].categories, std::vector<policy::Category>{policy::Category::kEduc});
}

TEST(ConsentEventMapping, Of_a_registration_only_who_may_consent_is_kept) {
  ::stafett::cases::v1::ChildRegistered m;
  m.mutable_identity()->set_name("Mina Fjellrypedal");
  auto& mother = *m.mutable_identity()->add_guardians();
  mother.set_person("p-mother");
  mother.set_parental_responsibility(true);
  m.mutable_identity()->add_guardians()->set_person("p-stepfather");
  auto fact = ChildFromBody("no.stafett.cases.child-registered.v1", m.SerializeAsString());
  ASSERT_TRUE(fact && *fact);
  ASSERT_EQ((*fact)->guardians.size(), 2U);
  EXPECT_EQ((*fact)->guardians[0].person, "p-mother");
  EXPECT_TRUE((*fact)->guardians[0].parental_responsibility);
  EXPECT_FALSE((*fact)->guardians[1].parental_responsibility);
}

TEST(ConsentEventMapping, Other_records_of_cases_are_none_of_its_business) {
  auto fact = ChildFromBody("no.stafett.cases.note-written.v1", "");
  ASSERT_TRUE(fact);
  EXPECT_FALSE(*fact);
}

}  // namespace
}  // namespace stafett::consent::adapters
