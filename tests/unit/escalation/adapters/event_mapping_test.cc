// Every event type that escalation writes comes back with every field.
#include "escalation/adapters/event_mapping.h"

#include <gtest/gtest.h>

#include <memory>

#include "stafett/common/v1/options.pb.h"
#include "stafett/escalation/v1/escalation_events.pb.h"
#include "support/filled_message.h"

namespace stafett::escalation::adapters {
namespace {

TEST(EscalationEventMapping, Every_event_type_comes_back_with_every_field) {
  const auto& file = *::stafett::escalation::v1::EscalationRaised::descriptor()->file();
  int types = 0;
  for (int i = 0; i < file.message_type_count(); ++i) {
    const auto& type = *file.message_type(i);
    const auto name = type.options().GetExtension(common::v1::event_type);
    if (name.empty()) continue;
    SCOPED_TRACE(name);
    ++types;
    std::unique_ptr<google::protobuf::Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
    int next = 0;
    support::FillEveryField(*message, next);
    auto event = FromBody(name, message->SerializeAsString());
    ASSERT_TRUE(event && *event);
    auto body = ToBody(**event);
    EXPECT_EQ(body.type, name);
    EXPECT_EQ(body.bytes, message->SerializeAsString());
    EXPECT_EQ(domain::EscalationOf(**event), "escalation_id-1");
  }
  EXPECT_EQ(types, static_cast<int>(std::variant_size_v<domain::Event>));
}

TEST(EscalationEventMapping, What_is_not_known_is_passed_over_and_what_is_broken_is_a_fault) {
  auto event = FromBody("no.stafett.escalation.invented-later.v1", "anything");
  ASSERT_TRUE(event);
  EXPECT_FALSE(*event);
  EXPECT_FALSE(FromBody("no.stafett.escalation.escalation-raised.v1", "\xff\xff\xff"));
}

}  // namespace
}  // namespace stafett::escalation::adapters
