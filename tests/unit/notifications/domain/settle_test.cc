// What becomes of a mail that was tried; how long it is tried; who may mark it as read.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "notifications/domain/decide.h"

namespace stafett::notifications::domain {
namespace {

constexpr std::int64_t kOffset = 40;
const Retries kRetries{Millis(1000), Millis(8000), 5};
Time Same(Time t) { return t; }

Child WithMail(Channel channel = Channel::kEmail) {
  Child child;
  EscalationFact fact;
  fact.event_id = "e-1";
  fact.offset = kOffset;
  Learn(child, fact);
  Evolve(child, MessageQueued{"m-1", "p-a", channel, Tells::kRaised, "es-1", "e-1", Time{500}}, Time{100});
  return child;
}
const Message& Of(const Child& child) { return child.messages.at("m-1"); }

TEST(MaySend, Only_when_its_time_has_come_and_its_intent_is_on_the_log) {
  auto child = WithMail();
  EXPECT_TRUE(MaySend(child, Of(child), Time{500}, kOffset + 1));
  EXPECT_FALSE(MaySend(child, Of(child), Time{499}, kOffset + 1));
  EXPECT_FALSE(MaySend(child, Of(child), Time{500}, kOffset));  // what came of its cause is not acknowledged
  child.offsets.clear();
  EXPECT_FALSE(MaySend(child, Of(child), Time{500}, 1'000'000));
  auto inbox = WithMail(Channel::kInbox);
  EXPECT_FALSE(MaySend(inbox, Of(inbox), Time{500}, kOffset + 1));
}

TEST(MaySend, Never_again_when_there_is_a_result) {
  for (const Event& result : {Event(MessageSent{"m-1"}), Event(MessageFailed{"m-1", Cause::kRefused, std::nullopt}),
                              Event(MessageDropped{"m-1"})}) {
    auto child = WithMail();
    Evolve(child, result, Time{600});
    EXPECT_FALSE(MaySend(child, Of(child), Time{1'000'000}, kOffset + 1));
    EXPECT_EQ(Of(child).ended, Time{600});
  }
}

TEST(Settle, A_mail_that_was_taken_is_sent) {
  auto child = WithMail();
  auto events = Settle(child, {"m-1", 0, Cause::kNone}, kRetries, Time{600}, Same);
  ASSERT_TRUE(events);
  EXPECT_EQ(std::get<MessageSent>(events->at(0)).message_id, "m-1");
}

TEST(Settle, A_failed_one_is_tried_again_outside_the_quiet_hours_until_the_limit) {
  auto child = WithMail();
  for (int tries = 0; tries < kRetries.most; ++tries) {
    auto events =
        Settle(child, {"m-1", tries, Cause::kConnect}, kRetries, Time{600}, [](Time t) { return Time{t.ms + 7}; });
    ASSERT_TRUE(events);
    const auto& failed = std::get<MessageFailed>(events->at(0));
    EXPECT_EQ(failed.cause, Cause::kConnect);
    EXPECT_EQ(failed.again.has_value(), tries + 1 < kRetries.most);
    EXPECT_TRUE(!failed.again || failed.again->ms == 607 + Backoff(kRetries, tries + 1)->count());
    Evolve(child, failed, Time{600});
  }
  EXPECT_EQ(Of(child).state, State::kFailed);
  EXPECT_EQ(Of(child).tries, kRetries.most);
}

TEST(Settle, What_never_goes_is_given_up_at_once) {
  for (auto cause : {Cause::kRefused, Cause::kNoAddress}) {
    auto events = Settle(WithMail(), {"m-1", 0, cause}, kRetries, Time{600}, Same);
    ASSERT_TRUE(events);
    EXPECT_FALSE(std::get<MessageFailed>(events->at(0)).again);
  }
}

TEST(Settle, Somebody_elses_result_stands) {
  auto child = WithMail();
  Evolve(child, MessageFailed{"m-1", Cause::kConnect, Time{900}}, Time{600});
  for (const Tried& late :
       {Tried{"m-1", 0, Cause::kNone}, Tried{"m-1", 2, Cause::kNone}, Tried{"m-2", 0, Cause::kNone}}) {
    auto events = Settle(child, late, kRetries, Time{700}, Same);
    ASSERT_FALSE(events);
    EXPECT_EQ(events.error().reason, "SETTLED");
  }
  Evolve(child, MessageDropped{"m-1"}, Time{700});
  EXPECT_FALSE(Settle(child, {"m-1", 1, Cause::kNone}, kRetries, Time{700}, Same));
}

RC_GTEST_PROP(BackoffProperty, It_grows_is_bounded_and_ends, ()) {
  Retries retries{Millis(*rc::gen::inRange(1, 10'000)), Millis(*rc::gen::inRange(1, 20'000'000)),
                  *rc::gen::inRange(1, 200)};
  Millis before{0};
  for (int tries = 1; tries < retries.most; ++tries) {
    auto wait = Backoff(retries, tries);
    RC_ASSERT(wait.has_value());
    RC_ASSERT(*wait >= before && *wait > Millis(0) && *wait <= retries.longest);
    before = *wait;
  }
  RC_ASSERT(!Backoff(retries, retries.most));
  RC_ASSERT(!Backoff(retries, retries.most + 1));
}

TEST(Backoff, The_default_tries_for_more_than_a_day) {
  Millis all{0};
  for (int tries = 1; Backoff({}, tries); ++tries) all += *Backoff({}, tries);
  EXPECT_GT(all, Millis(24 * 3600'000LL));
  EXPECT_LT(all, Millis(2 * 24 * 3600'000LL));
}

TEST(MarkRead, Once_by_the_reader_in_the_inbox) {
  auto child = WithMail(Channel::kInbox);
  EXPECT_EQ(MarkRead(child, "m-1", "p-b").error().reason, "NOT_ALLOWED");
  EXPECT_EQ(MarkRead(child, "m-1", "").error().reason, "NOT_ALLOWED");
  EXPECT_EQ(MarkRead(child, "m-2", "p-a").error().reason, "NOT_ALLOWED");
  auto events = MarkRead(child, "m-1", "p-a");
  ASSERT_TRUE(events);
  Evolve(child, events->at(0), Time{300});
  EXPECT_EQ(Of(child).state, State::kRead);
  EXPECT_EQ(MarkRead(child, "m-1", "p-a").error().reason, "ALREADY_READ");
  EXPECT_EQ(MarkRead(WithMail(), "m-1", "p-a").error().reason, "NOT_IN_INBOX");
}

}  // namespace
}  // namespace stafett::notifications::domain
