#include "lib/gate/envelope.h"

#include <cstdio>

#include "lib/gate/headers.h"
#include "stafett/common/v1/record.pb.h"
#include "unit/lib/gate/support.h"

namespace stafett::gate::test {
namespace {

Envelope Full() {
  Envelope e;
  e.event_id = "e-1";
  e.type = "no.stafett.cases.case-opened.v1";
  e.child = "ch-1";
  e.stream = "cases/ch-1";
  e.version = 300;
  e.recorded = Time{1'700'000'000'000};
  e.happened = Time{1'699'999'999'999};
  e.request_id = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
  e.request_scope = "974760673";
  e.request_hash = std::string("\0\xff", 2);
  e.cause = "e-0";
  e.group_id = "g-1";
  e.actor = {"p-1", "TEACHER", "u-1", "974760673", "914764532", "cl-1"};
  e.purpose = "FOLLOW_UP";
  e.corrects = "e-00";
  e.subject = "ca-1";
  e.inputs = 7;
  e.sealed = seal::Box{1, "k-1", std::string("\0n", 2), "cipher"};
  return e;
}

std::string Hex(const std::string& bytes) {
  std::string out;
  for (unsigned char c : bytes) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", c);
    out += two;
  }
  return out;
}

TEST(EnvelopeTest, Round_trip) {
  auto e = Full();
  e.awaited = {{"next/ca-1", AwaitedKind::kNextDate, "2026-12-01", "p-1", "r-1", false},
               {"baton/ca-1", AwaitedKind::kBatonAnswer, "", "", "r-2", true}};
  auto back = Decode(Encode(e));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->event_id, e.event_id);
  EXPECT_EQ(back->type, e.type);
  EXPECT_EQ(back->child, e.child);
  EXPECT_EQ(back->stream, e.stream);
  EXPECT_EQ(back->version, e.version);
  EXPECT_EQ(back->recorded, e.recorded);
  EXPECT_EQ(back->happened, e.happened);
  EXPECT_EQ(back->request_id, e.request_id);
  EXPECT_EQ(back->request_scope, e.request_scope);
  EXPECT_EQ(back->request_hash, e.request_hash);
  EXPECT_EQ(back->cause, e.cause);
  EXPECT_EQ(back->group_id, e.group_id);
  EXPECT_EQ(back->actor.person, e.actor.person);
  EXPECT_EQ(back->actor.role, e.actor.role);
  EXPECT_EQ(back->actor.unit, e.actor.unit);
  EXPECT_EQ(back->actor.organisation, e.actor.organisation);
  EXPECT_EQ(back->actor.supplier, e.actor.supplier);
  EXPECT_EQ(back->actor.client, e.actor.client);
  EXPECT_EQ(back->purpose, e.purpose);
  EXPECT_EQ(back->corrects, e.corrects);
  EXPECT_EQ(back->subject, e.subject);
  EXPECT_EQ(back->inputs, e.inputs);
  EXPECT_EQ(back->awaited, e.awaited);
  ASSERT_TRUE(back->sealed);
  EXPECT_EQ(back->sealed->alg, 1U);
  EXPECT_EQ(back->sealed->key_id, "k-1");
  EXPECT_EQ(back->sealed->nonce, e.sealed->nonce);
  EXPECT_EQ(back->sealed->ciphertext, "cipher");
  EXPECT_EQ(Encode(*back), Encode(e));

  e.sealed.reset();
  e.happened.reset();
  e.clear = "in clear";
  back = Decode(Encode(e));
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->sealed);
  EXPECT_FALSE(back->happened);
  EXPECT_EQ(back->clear, "in clear");
}

// A log is for ever: these bytes mean this in every version to come, and two copies of different versions write the
// same bytes for the same record.
TEST(EnvelopeTest, Golden_bytes) {
  const std::string golden =
      "0a03652d31121f6e6f2e737461666574742e63617365732e636173652d6f70656e65642e76311a0463682d31220a63617365"
      "732f63682d3128ac023080d095ffbc3138ffcf95ffbc31422436663936313966662d386238362d643031312d623432642d30"
      "30633034666339363466664a09393734373630363733520200ff5a03652d306203672d316a2f0a03702d3112075445414348"
      "45521a03752d3122093937343736303637332a093931343736343533323204636c2d317209464f4c4c4f575f55507a04652d"
      "303082010463612d31880107a20113080112036b2d311a02006e2206636970686572";
  EXPECT_EQ(Hex(Encode(Full())), golden);
}

TEST(EnvelopeTest, What_is_no_record_is_refused) {
  EXPECT_FALSE(Decode(""));
  EXPECT_FALSE(Decode("no protobuf at all"));
  auto without = [](auto change) {
    auto e = Full();
    change(e);
    return Decode(Encode(e)).has_value();
  };
  EXPECT_FALSE(without([](Envelope& e) { e.event_id.clear(); }));
  EXPECT_FALSE(without([](Envelope& e) { e.stream.clear(); }));
  EXPECT_FALSE(without([](Envelope& e) { e.version = 0; }));
  auto bytes = Encode(Full());
  EXPECT_FALSE(Decode(bytes.substr(0, bytes.size() - 3)));
}

TEST(EnvelopeTest, A_later_versions_field_does_no_harm) {
  auto bytes = Encode(Full());
  bytes += std::string("\xf2\x07\x03new", 6);  // field 126
  auto back = Decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->version, 300U);
  EXPECT_EQ(InputsOf(bytes), 7U);
}

TEST(EnvelopeTest, InputsOf_reads_what_Decode_reads) {
  EXPECT_EQ(InputsOf(Encode(Full())), 7U);
  for (std::uint64_t n : {0ULL, 1ULL, 127ULL, 128ULL, 1ULL << 40U}) {
    auto e = Full();
    e.inputs = n;
    EXPECT_EQ(InputsOf(Encode(e)), n);
  }
  EXPECT_EQ(InputsOf(""), 0U);
  EXPECT_EQ(InputsOf("garbage"), 0U);
  auto bytes = Encode(Full());
  for (std::size_t n = 0; n < bytes.size(); ++n) (void)InputsOf(std::string_view(bytes).substr(0, n));
}

TEST(EnvelopeTest, StreamOf_reads_what_Decode_reads) {
  const auto bytes = Encode(Full());
  EXPECT_EQ(StreamOf(bytes), Full().stream);
  EXPECT_EQ(StreamOf(""), "");
  EXPECT_EQ(StreamOf("garbage"), "");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto part = StreamOf(std::string_view(bytes).substr(0, n));
    EXPECT_TRUE(part.empty() || part == Full().stream) << n;
  }
}

TEST(EnvelopeTest, Event_ids_are_the_same_for_the_same_event) {
  EXPECT_EQ(EventId("cases/ch-1", 1), EventId("cases/ch-1", 1));
  EXPECT_NE(EventId("cases/ch-1", 1), EventId("cases/ch-1", 2));
  EXPECT_NE(EventId("cases/ch-1", 1), EventId("consent/ch-1", 1));
  EXPECT_EQ(Bound("s", 1, "t"), "s\n1\nt");
}

TEST(HeadersTest, Codec) {
  kafka::Headers headers{{"ce_id", "1"}, {"empty", ""}, {"ce_type", "a b"}};
  EXPECT_EQ(DecodeHeaders(EncodeHeaders(headers)), headers);
  EXPECT_TRUE(DecodeHeaders("").empty());
  EXPECT_TRUE(DecodeHeaders("broken").empty());
}

}  // namespace
}  // namespace stafett::gate::test
