// Who is told what by which record of escalation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "notifications/domain/decide.h"

namespace stafett::notifications::domain {
namespace {

EscalationFact Fact(const std::string& event, Tells tells, const std::string& owner, const std::string& by = "") {
  EscalationFact f;
  f.event_id = event;
  f.offset = 7;
  f.escalation_id = "es-1";
  f.tells = tells;
  f.owner = owner;
  f.by = by;
  return f;
}

Reach Mail(const std::string& /*person*/) { return {true, Time{500}}; }
Reach NoMail(const std::string& /*person*/) { return {false, Time{500}}; }

// What the service does with a record: decides, then keeps both.
Events Take(Child& child, const EscalationFact& fact, const ReachOf& reach = Mail) {
  auto events = Plan(child, fact, reach);
  Learn(child, fact);
  for (const auto& e : events) Evolve(child, e, Time{100});
  return events;
}

struct Told {
  std::string person;
  Channel channel;
  Tells tells;
  bool operator==(const Told&) const = default;
};
std::vector<Told> ToldBy(const Events& events) {
  std::vector<Told> out;
  for (const auto& e : events) {
    if (const auto* q = std::get_if<MessageQueued>(&e)) out.push_back({q->person, q->channel, q->tells});
  }
  return out;
}
std::size_t Dropped(const Events& events) {
  return static_cast<std::size_t>(
      std::count_if(events.begin(), events.end(), [](const Event& e) { return std::get_if<MessageDropped>(&e); }));
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Plan, The_owner_gets_an_entry_and_a_mail_that_waits_for_the_end_of_the_quiet_hours) {
  Child child;
  auto events = Take(child, Fact("e-1", Tells::kRaised, "p-a"));
  EXPECT_THAT(ToldBy(events),
              ElementsAre(Told{"p-a", Channel::kInbox, Tells::kRaised}, Told{"p-a", Channel::kEmail, Tells::kRaised}));
  const auto& mail = std::get<MessageQueued>(events[1]);
  EXPECT_EQ(mail.not_before, Time{500});
  EXPECT_EQ(mail.cause, "e-1");
  EXPECT_EQ(mail.escalation_id, "es-1");
}

TEST(Plan, Without_an_address_the_inbox_alone) {
  Child child;
  EXPECT_THAT(ToldBy(Take(child, Fact("e-1", Tells::kRaised, "p-a"), NoMail)),
              ElementsAre(Told{"p-a", Channel::kInbox, Tells::kRaised}));
}

TEST(Plan, The_next_in_line_is_told_too) {
  Child child;
  Take(child, Fact("e-1", Tells::kRaised, "p-a"));
  EXPECT_THAT(ToldBy(Take(child, Fact("e-2", Tells::kPassedOn, "p-b"), NoMail)),
              ElementsAre(Told{"p-b", Channel::kInbox, Tells::kPassedOn}));
}

TEST(Plan, When_it_is_over_its_last_owner_finds_an_entry_and_mails_not_sent_are_dropped) {
  Child child;
  Take(child, Fact("e-1", Tells::kRaised, "p-a"));
  Take(child, Fact("e-2", Tells::kPassedOn, "p-b"));
  Take(child, Fact("e-3", Tells::kNone, "p-c"));  // taken over: nobody is told
  auto events = Take(child, Fact("e-4", Tells::kResolved, ""));
  EXPECT_THAT(ToldBy(events), ElementsAre(Told{"p-c", Channel::kInbox, Tells::kResolved}));
  EXPECT_EQ(Dropped(events), 2U);
  EXPECT_TRUE(
      std::none_of(child.messages.begin(), child.messages.end(), [](const auto& m) { return m.second.Waits(); }));
}

TEST(Plan, Who_said_that_it_is_over_knows_it) {
  Child child;
  Take(child, Fact("e-1", Tells::kRaised, "p-a"), NoMail);
  EXPECT_THAT(Take(child, Fact("e-2", Tells::kResolved, "", "p-a")), IsEmpty());
}

TEST(Plan, Mails_of_another_escalation_and_those_sent_are_left_alone) {
  Child child;
  auto events = Take(child, Fact("e-1", Tells::kRaised, "p-a"));
  Evolve(child, MessageSent{std::get<MessageQueued>(events[1]).message_id}, Time{200});
  auto other = Fact("e-2", Tells::kRaised, "p-a");
  other.escalation_id = "es-2";
  Take(child, other);
  EXPECT_EQ(Dropped(Take(child, Fact("e-3", Tells::kResolved, ""))), 0U);
}

TEST(Plan, The_same_record_again_tells_nobody_anything) {
  Child child;
  Take(child, Fact("e-1", Tells::kRaised, "p-a"));
  EXPECT_THAT(Take(child, Fact("e-1", Tells::kRaised, "p-a")), IsEmpty());
}

TEST(Plan, Nobody_is_told_when_nobody_has_it) {
  Child child;
  EXPECT_THAT(Take(child, Fact("e-1", Tells::kRaised, "")), IsEmpty());
  EXPECT_THAT(Take(child, Fact("e-2", Tells::kResolved, "")), IsEmpty());
}

TEST(Plan, Record_person_and_channel_make_the_id) {
  std::set<std::string> ids;
  for (const char* event : {"e-1", "e-2"}) {
    for (const char* person : {"p-a", "p-b"}) {
      for (auto channel : {Channel::kInbox, Channel::kEmail}) ids.insert(MessageIdOf(event, person, channel));
    }
  }
  EXPECT_EQ(ids.size(), 8U);
  EXPECT_EQ(MessageIdOf("e-1", "p-a", Channel::kEmail), MessageIdOf("e-1", "p-a", Channel::kEmail));
}

}  // namespace
}  // namespace stafett::notifications::domain
