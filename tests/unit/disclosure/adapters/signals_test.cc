// What travels on a recipient's topic tells only what it has to, in one size (design §4.5).
#include "disclosure/adapters/signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "lib/gate/headers.h"
#include "random_message.h"
#include "stafett/disclosure/v1/signal.pb.h"

namespace stafett::disclosure::adapters {
namespace {
using domain::DeliveryKind;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr Time kAt{1'795'000'000'123};

domain::Line Usual() {
  domain::Line line;
  line.recipient = "r-0p9t";
  line.rule = "T020";
  line.delivery_id = "d-01234567890123456789012345";
  line.case_id = "ca-globalcase0000000000000000";
  line.item = "ev-globalevent000000000000000";
  line.item_type = "no.stafett.cases.note-written.v1";
  line.verdict = policy::Verdict::kDisclose;
  line.fields = policy::CategorySet{}.With(policy::Category::kHealthd);
  line.consents = {"co-globalconsent00000000000000"};
  line.epoch = 3;
  line.sequence = 17;
  return line;
}

disclosure::v1::Signal Parsed(const gate::Message& m) {
  disclosure::v1::Signal signal;
  EXPECT_TRUE(signal.ParseFromString(m.value));
  return signal;
}

// Any length of anything that a signal carries, far beyond what ids and rules have.
RC_GTEST_PROP(Signals, All_have_one_size, ()) {
  auto text = [](int most) { return std::string(static_cast<std::size_t>(support::Pick(most)), 'x'); };
  domain::Line line;
  line.recipient = text(40);
  line.delivery_id = text(60);
  line.rule = text(16);
  line.kind = static_cast<DeliveryKind>(support::Pick(3));
  line.item_type = *rc::gen::element<std::string>("note-written", "baton-offered", "level-set", "other");
  auto number = [] {
    return *support::FullSize(rc::gen::inRange<std::uint64_t>(0, 1ULL << *support::FullSize(rc::gen::inRange(1, 41))));
  };
  line.epoch = number();
  line.sequence = number();
  auto signal = ToSignal("stafett.to.", line, text(60), kAt);
  RC_ASSERT(signal.value.size() == kSignalBytes);
  auto back = Parsed(signal);
  RC_ASSERT(back.delivery_id() == line.delivery_id);
  RC_ASSERT(back.sequence() == line.sequence);
  RC_ASSERT(back.epoch() == line.epoch);
  RC_ASSERT(back.ground() == line.rule);
}

// Each length once: a size that is off by one for one length is found by no chance.
TEST(Signals, Have_the_same_size_for_every_length) {
  for (std::size_t n = 0; n < 150; ++n) {
    auto line = Usual();
    line.delivery_id.assign(n, 'd');
    for (auto sequence : {1ULL, 127ULL, 128ULL, 1ULL << 14U, 1ULL << 40U}) {
      line.sequence = sequence;
      ASSERT_EQ(ToSignal("stafett.to.", line, "k-1", kAt).value.size(), kSignalBytes) << n << " " << sequence;
    }
  }
}

TEST(Signals, Carry_what_the_recipient_needs) {
  auto m = ToSignal("stafett.to.", Usual(), "k-own", kAt);
  EXPECT_EQ(m.topic, "stafett.to.r-0p9t");
  EXPECT_EQ(m.key, "k-own");
  auto signal = Parsed(m);
  EXPECT_EQ(signal.delivery_id(), "d-01234567890123456789012345");
  EXPECT_EQ(signal.case_ref(), "k-own");
  EXPECT_EQ(signal.kind(), disclosure::v1::EVENT);
  EXPECT_EQ(signal.type_class(), "NOTE");
  EXPECT_EQ(signal.ground(), "T020");
  EXPECT_EQ(signal.epoch(), 3U);
  EXPECT_EQ(signal.sequence(), 17U);
}

TEST(Signals, Are_CloudEvents_in_binary_mode) {
  auto m = ToSignal("stafett.to.", Usual(), "k-own", kAt);
  EXPECT_THAT(gate::DecodeHeaders(m.headers),
              UnorderedElementsAre(
                  Pair("content-type", "application/protobuf"), Pair("ce_specversion", "1.0"),
                  Pair("ce_id", "d-01234567890123456789012345"), Pair("ce_type", "no.stafett.disclosure.signal.v1"),
                  Pair("ce_source", "/stafett/disclosure"), Pair("ce_dataschema", "stafett.disclosure.v1.Signal"),
                  Pair("ce_dataclassification", "confidential"), Pair("ce_time", "2026-11-18T11:06:40Z")));
}

// No header and no byte of it names the child, the case, the event, the consent, its categories or a global number.
TEST(Signals, Tell_nothing_that_others_could_be_told_too) {
  auto m = ToSignal("stafett.to.", Usual(), "k-own", kAt);
  for (const char* global : {"globalcase", "globalevent", "globalconsent", "note-written", "HEALTHD"}) {
    EXPECT_THAT(m.value + m.key + m.headers + m.topic, Not(HasSubstr(global)));
  }
  // Two records that this recipient sees alike are alike, whatever else differs.
  auto other = Usual();
  other.case_id = "ca-2";
  other.item = "ev-2";
  other.consents = {"co-2", "co-3"};
  other.missing = "CONSENT_SCOPE";
  other.fields = {};
  auto same = ToSignal("stafett.to.", other, "k-own", kAt);
  EXPECT_EQ(m.value, same.value);
  EXPECT_EQ(m.headers, same.headers);
  EXPECT_EQ(m.key, same.key);
}

TEST(Signals, Every_kind_has_a_class) {
  auto of = [](DeliveryKind kind, const std::string& event) {
    auto line = Usual();
    line.kind = kind;
    line.item_type = "no.stafett.cases." + event + ".v1";
    return Parsed(ToSignal("stafett.to.", line, "k", kAt)).type_class();
  };
  EXPECT_EQ(of(DeliveryKind::kEvent, "note-written"), "NOTE");
  for (const char* e : {"baton-offered", "baton-accepted", "baton-declined"}) {
    EXPECT_EQ(of(DeliveryKind::kEvent, e), "BATON") << e;
  }
  for (const char* e : {"level-set", "participant-added", "participant-removed"}) {
    EXPECT_EQ(of(DeliveryKind::kEvent, e), "PLAN") << e;
  }
  EXPECT_EQ(of(DeliveryKind::kSnapshot, "case-snapshot"), "PLAN");
  for (const char* e : {"log-opened", "case-closed"}) EXPECT_EQ(of(DeliveryKind::kEvent, e), "STATE") << e;
  EXPECT_EQ(of(DeliveryKind::kRetraction, "anything"), "STATE");
}

TEST(Probe, Says_nothing) {
  auto m = ToProbe("stafett.to.r-1");
  EXPECT_EQ(m.topic, "stafett.to.r-1");
  EXPECT_TRUE(m.value.empty());
  EXPECT_EQ(m.key, "probe");
}

}  // namespace
}  // namespace stafett::disclosure::adapters
