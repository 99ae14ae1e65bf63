#include "lib/gate/envelope.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <array>
#include <cstddef>
#include <utility>

#include "lib/base/id.h"
#include "stafett/common/v1/record.pb.h"

namespace stafett::gate {
namespace pb = ::stafett::common::v1;

std::string EventId(std::string_view stream, std::uint64_t version) {
  return DerivedId("e", std::string(stream) + "#" + std::to_string(version));
}

std::string Bound(std::string_view stream, std::uint64_t version, std::string_view type) {
  return std::string(stream) + "\n" + std::to_string(version) + "\n" + std::string(type);
}

std::string Encode(const Envelope& e) {
  pb::Record r;
  r.set_event_id(e.event_id);
  r.set_type(e.type);
  r.set_child(e.child);
  r.set_stream(e.stream);
  r.set_version(e.version);
  r.set_recorded_ms(e.recorded.ms);
  if (e.happened) r.set_happened_ms(e.happened->ms);
  r.set_request_id(e.request_id);
  r.set_request_scope(e.request_scope);
  r.set_request_hash(e.request_hash);
  r.set_cause(e.cause);
  r.set_group_id(e.group_id);
  r.set_purpose(e.purpose);
  r.set_corrects(e.corrects);
  r.set_subject(e.subject);
  r.set_inputs(e.inputs);
  auto& a = *r.mutable_actor();
  a.set_person(e.actor.person);
  a.set_role(e.actor.role);
  a.set_unit(e.actor.unit);
  a.set_organisation(e.actor.organisation);
  a.set_supplier(e.actor.supplier);
  a.set_client(e.actor.client);
  for (const auto& w : e.awaited) {
    auto& x = *r.add_awaited();
    x.set_id(w.id);
    x.set_kind(static_cast<pb::AwaitedKind>(w.kind));
    x.set_date(w.date);
    x.set_person(w.person);
    x.set_recipient(w.recipient);
    x.set_done(w.done);
    x.set_at_ms(w.at.ms);
  }
  if (e.sealed) {
    auto& s = *r.mutable_sealed();
    s.set_alg(e.sealed->alg);
    s.set_key_id(e.sealed->key_id);
    s.set_nonce(e.sealed->nonce);
    s.set_ciphertext(e.sealed->ciphertext);
  } else {
    r.set_clear(e.clear);
  }
  return r.SerializeAsString();
}

namespace {
using google::protobuf::internal::WireFormatLite;

// Up to a field of this tag: `found` reads it. A walk, because parsing all of a record twice would cost as much as the
// fold, or the rebuild, that asks.
template <class Found>
void WalkTo(std::string_view bytes, std::uint32_t wanted, const Found& found) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  while (auto tag = in.ReadTag()) {
    if (tag == wanted) return found(in);
    if (!WireFormatLite::SkipField(&in, tag)) return;
  }
}
}  // namespace

std::uint64_t InputsOf(std::string_view bytes) {
  std::uint64_t n = 0;
  WalkTo(bytes, WireFormatLite::MakeTag(pb::Record::kInputsFieldNumber, WireFormatLite::WIRETYPE_VARINT),
         [&](auto& in) {
           if (!in.ReadVarint64(&n)) n = 0;
         });
  return n;
}

std::string_view StreamOf(std::string_view bytes) {
  std::string_view stream;
  constexpr auto kTag =
      WireFormatLite::MakeTag(pb::Record::kStreamFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  WalkTo(bytes, kTag, [&](auto& in) {
    std::uint32_t size = 0;
    if (!in.ReadVarint32(&size)) return;
    const auto at = static_cast<std::size_t>(in.CurrentPosition());
    if (size <= bytes.size() - at) stream = bytes.substr(at, size);
  });
  return stream;
}

Result<Envelope> Decode(std::string_view bytes) {
  // What the parser needs besides the texts, which are moved out: nothing of it is worth asking the heap for.
  alignas(std::max_align_t) std::array<char, 4096> block;
  google::protobuf::ArenaOptions options;
  options.initial_block = block.data();
  options.initial_block_size = block.size();
  google::protobuf::Arena arena(options);
  auto& r = *google::protobuf::Arena::CreateMessage<pb::Record>(&arena);
  if (!r.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || r.event_id().empty() || r.stream().empty() ||
      r.version() == 0) {
    return Fail(Code::kInternal, "BAD_RECORD", "a record does not parse");
  }
  Envelope e;
  e.event_id = std::move(*r.mutable_event_id());
  e.type = std::move(*r.mutable_type());
  e.child = std::move(*r.mutable_child());
  e.stream = std::move(*r.mutable_stream());
  e.version = r.version();
  e.recorded = Time{r.recorded_ms()};
  if (r.happened_ms() != 0) e.happened = Time{r.happened_ms()};
  e.request_id = std::move(*r.mutable_request_id());
  e.request_scope = std::move(*r.mutable_request_scope());
  e.request_hash = std::move(*r.mutable_request_hash());
  e.cause = r.cause();
  e.group_id = r.group_id();
  e.purpose = r.purpose();
  e.corrects = r.corrects();
  e.subject = std::move(*r.mutable_subject());
  e.inputs = r.inputs();
  auto& a = *r.mutable_actor();
  e.actor = {std::move(*a.mutable_person()), a.role(), std::move(*a.mutable_unit()), a.organisation(), a.supplier(),
             std::move(*a.mutable_client())};
  for (const auto& x : r.awaited()) {
    e.awaited.push_back(
        {x.id(), static_cast<AwaitedKind>(x.kind()), x.date(), x.person(), x.recipient(), x.done(), Time{x.at_ms()}});
  }
  if (r.has_sealed()) {
    auto& s = *r.mutable_sealed();
    e.sealed = seal::Box{s.alg(), std::move(*s.mutable_key_id()), std::move(*s.mutable_nonce()),
                         std::move(*s.mutable_ciphertext())};
  } else {
    e.clear = std::move(*r.mutable_clear());
  }
  return e;
}

}  // namespace stafett::gate
