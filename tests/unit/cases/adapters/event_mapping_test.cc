// Every event type that cases writes, with every field set, comes back as it was.
#include "cases/adapters/event_mapping.h"

#include <gtest/gtest.h>

#include <memory>

#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/consent/v1/consent_events.pb.h"
#include "support/filled_message.h"

namespace stafett::cases::adapters {
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

constexpr char kSnapshot[] = "no.stafett.cases.case-snapshot.v1";  // made by disclosure, never on the log

TEST(CaseEventMapping, Every_event_type_comes_back_with_every_field) {
  auto samples = SamplesOf(*::stafett::cases::v1::CaseClosed::descriptor()->file());
  EXPECT_GE(samples.size(), 14U);
  for (const auto& sample : samples) {
    if (sample.type == kSnapshot) continue;
    SCOPED_TRACE(sample.type);
    auto event = FromBody(sample.type, sample.bytes);
    ASSERT_TRUE(event && *event);
    auto body = ToBody(**event);
    EXPECT_EQ(body.type, sample.type);
    EXPECT_EQ(body.bytes, sample.bytes);
    EXPECT_EQ(body.subject, domain::CaseOf(**event));
  }
}

TEST(CaseEventMapping, Every_event_of_a_case_names_its_case) {
  for (const auto& sample : SamplesOf(*::stafett::cases::v1::CaseClosed::descriptor()->file())) {
    if (sample.type == kSnapshot || sample.type == "no.stafett.cases.child-registered.v1") continue;
    EXPECT_EQ(domain::CaseOf(**FromBody(sample.type, sample.bytes)), "case_id-1") << sample.type;
  }
}

TEST(CaseEventMapping, Every_event_type_has_a_message_that_reads_its_bytes) {
  const auto& pool = *google::protobuf::DescriptorPool::generated_pool();
  for (const auto& sample : SamplesOf(*::stafett::cases::v1::CaseClosed::descriptor()->file())) {
    const auto* message = pool.FindMessageTypeByName(MessageOf(sample.type));
    ASSERT_NE(message, nullptr) << sample.type;
    EXPECT_EQ(message->options().GetExtension(common::v1::event_type), sample.type);
  }
  EXPECT_EQ(MessageOf("no.stafett.cases.invented-later.v1"), "");
}

TEST(CaseEventMapping, An_event_of_a_later_version_is_passed_over) {
  auto event = FromBody("no.stafett.cases.invented-later.v1", "anything");
  ASSERT_TRUE(event);
  EXPECT_FALSE(*event);
}

TEST(CaseEventMapping, Broken_bytes_are_a_fault_and_no_event) {
  auto event = FromBody("no.stafett.cases.level-set.v1", "\xff\xff\xff");
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().reason, "BAD_BODY");
}

TEST(CaseEventMapping, Every_event_of_consent_is_understood) {
  for (const auto& sample : SamplesOf(*::stafett::consent::v1::ConsentRequested::descriptor()->file())) {
    auto fact = ConsentFromBody(sample.type, sample.bytes);
    ASSERT_TRUE(fact && *fact) << sample.type;
  }
  ::stafett::consent::v1::ConsentRequested m;
  m.set_consent_id("co-1");
  m.set_until_ms(17);
  m.add_scopes()->set_recipient("r-ppt");
  m.add_consenters("p-mother");
  auto fact = ConsentFromBody("no.stafett.consent.consent-requested.v1", m.SerializeAsString());
  const auto& requested = std::get<domain::ConsentRequestedFact>(**fact);
  EXPECT_EQ(requested.until, Time{17});
  EXPECT_EQ(requested.recipients, std::set<std::string>{"r-ppt"});
  EXPECT_EQ(requested.consenters, std::set<std::string>{"p-mother"});
}

}  // namespace
}  // namespace stafett::cases::adapters
