// Every event type that notifications writes, with every field set, comes back as it was; and what it reads.
#include "notifications/adapters/event_mapping.h"

#include <gtest/gtest.h>

#include <memory>

#include "stafett/common/v1/options.pb.h"
#include "stafett/escalation/v1/escalation_events.pb.h"
#include "stafett/notifications/v1/notification_events.pb.h"
#include "support/filled_message.h"

namespace stafett::notifications::adapters {
namespace {

TEST(NotificationEventMapping, Every_event_type_comes_back_with_every_field) {
  const auto& file = *::stafett::notifications::v1::MessageQueued::descriptor()->file();
  int events = 0;
  for (int i = 0; i < file.message_type_count(); ++i) {
    const auto& type = *file.message_type(i);
    auto name = type.options().GetExtension(common::v1::event_type);
    if (name.empty()) continue;
    ++events;
    SCOPED_TRACE(name);
    std::unique_ptr<google::protobuf::Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
    int next = 0;
    support::FillEveryField(*message, next);
    auto event = FromBody(name, message->SerializeAsString());
    ASSERT_TRUE(event && *event);
    auto body = ToBody(**event);
    EXPECT_EQ(body.type, name);
    EXPECT_EQ(body.bytes, message->SerializeAsString());
    EXPECT_EQ(body.subject, "message_id-1");
    EXPECT_EQ(domain::MessageOf(**event), "message_id-1");
  }
  EXPECT_EQ(events, 5);
}

TEST(NotificationEventMapping, What_is_unknown_is_passed_over_and_what_is_broken_is_a_fault) {
  auto later = FromBody("no.stafett.notifications.invented-later.v1", "anything");
  ASSERT_TRUE(later);
  EXPECT_FALSE(*later);
  EXPECT_FALSE(FromBody("no.stafett.notifications.message-sent.v1", "\xff\xff\xff"));
}

template <class Event>
gate::Envelope In(const Event& event) {
  gate::Envelope e;
  e.event_id = "e-9";
  e.type = Event::descriptor()->options().GetExtension(common::v1::event_type);
  e.clear = event.SerializeAsString();
  return e;
}

TEST(EscalationFact, Says_who_has_it_now) {
  using namespace ::stafett::escalation::v1;
  EscalationPassedOn passed;
  passed.set_escalation_id("es-1");
  passed.set_owner("p-b");
  auto fact = FactFrom(In(passed), 12);
  ASSERT_TRUE(fact && *fact);
  EXPECT_EQ((*fact)->event_id, "e-9");
  EXPECT_EQ((*fact)->offset, 12);
  EXPECT_EQ((*fact)->tells, domain::Tells::kPassedOn);
  EXPECT_EQ((*fact)->owner, "p-b");

  EscalationResolved resolved;
  resolved.set_by("p-c");
  EXPECT_EQ((*FactFrom(In(resolved), 1))->by, "p-c");
  EXPECT_EQ((*FactFrom(In(EscalationTaken()), 1))->tells, domain::Tells::kNone);

  EscalationAcknowledged acknowledged;
  EXPECT_FALSE(*FactFrom(In(acknowledged), 1));
  EXPECT_FALSE(IsOfEscalation(In(acknowledged).type));
  EXPECT_TRUE(TellsSomebody(In(EscalationRaised()).type));
  EXPECT_FALSE(TellsSomebody(In(EscalationTaken()).type));
}

TEST(EscalationFact, A_sealed_record_is_a_fault_and_no_fact) {
  auto e = In(::stafett::escalation::v1::EscalationRaised());
  e.sealed = seal::Box{};
  EXPECT_FALSE(FactFrom(e, 1));
}

}  // namespace
}  // namespace stafett::notifications::adapters
