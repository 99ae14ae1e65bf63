#include "lib/gate/parked.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "lib/seal/seal.h"
#include "stafett/operations/v1/parking_events.pb.h"

namespace stafett::gate {
namespace {
namespace pb = ::stafett::operations::v1;

// One word: no blanks, never empty.
std::string Word(std::string_view text) {
  std::string out(text.empty() ? "-" : text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) <= ' ') c = '_';
  }
  return out;
}
std::string Text(std::string_view word) { return word == "-" ? std::string() : std::string(word); }

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = text.find(' ');
    out.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return out;
}
std::int64_t Number(std::string_view word) { return std::strtoll(std::string(word).c_str(), nullptr, 10); }
}  // namespace

Parked ParkedBecause(std::string why, const Envelope* e, std::int64_t offset, Time appended, std::string mark,
                     std::string_view record) {
  Parked out;
  out.why = std::move(why);
  out.offset = offset;
  if (e != nullptr) {
    out.stream = e->stream;
    out.version = e->version;
    out.type = e->type;
  }
  out.appended = appended;
  out.mark = std::move(mark);
  out.digest = DigestOf(record);
  return out;
}

std::string TraceIdOf(int partition, const Parked& parked) {
  return seal::Sha256("parked\n" + parked.mark + "\n" + std::to_string(partition) + "\n" +
                      std::to_string(parked.offset))
      .substr(0, 32);
}

std::string EncodeParked(const Parked& p) {
  return Word(p.why) + " " + std::to_string(p.offset) + " " + Word(p.stream) + " " + std::to_string(p.version) + " " +
         Word(p.type) + " " + std::to_string(p.appended.ms) + " " + Word(p.mark) + " " + Word(p.digest);
}

std::optional<Parked> DecodeParked(std::string_view text) {
  const auto words = Words(text);
  if (words.size() < 2) return std::nullopt;
  Parked out;
  out.why = words[0];
  out.offset = Number(words[1]);
  if (words.size() > 2) out.stream = Text(words[2]);
  if (words.size() < 8) return out;  // of a version before
  out.version = static_cast<std::uint64_t>(Number(words[3]));
  out.type = Text(words[4]);
  out.appended = Time{Number(words[5])};
  out.mark = words[6];
  out.digest = Text(words[7]);
  return out;
}

std::string EncodeWaiting(std::int64_t offset, const Envelope* e) {
  if (e == nullptr) return std::to_string(offset);
  return std::to_string(offset) + " " + Word(e->stream) + " " + std::to_string(e->version);
}

Waiting DecodeWaiting(std::string_view text) {
  const auto words = Words(text);
  Waiting out;
  if (!words.empty()) out.offset = Number(words[0]);
  if (words.size() < 3) return out;
  out.stream = words[1];
  out.version = static_cast<std::uint64_t>(Number(words[2]));
  return out;
}

std::string EncodeDiscarded(const Discarded& d) {
  pb::RecordDiscarded m;
  m.set_offset(d.offset);
  m.set_stream(d.stream);
  m.set_version(d.version);
  m.set_event_type(d.type);
  m.set_child(d.child);
  m.set_digest(d.digest);
  m.set_cause(d.why);
  m.set_reason(static_cast<pb::DiscardReason>(d.reason));
  m.set_reference(d.reference);
  m.set_own_records(d.own_records);
  return m.SerializeAsString();
}

Result<Discarded> DecodeDiscarded(const std::string& bytes) {
  pb::RecordDiscarded m;
  if (!m.ParseFromString(bytes)) return Fail(Code::kInternal, "BAD_BODY", "an event does not parse");
  return Discarded{m.offset(), m.stream(), m.version(), m.event_type(), m.child(),
                   m.digest(), m.cause(),  m.reason(),  m.reference(),  m.own_records()};
}

std::string ParkingStream(int partition) {
  char out[24];
  std::snprintf(out, sizeof out, "parking-%02d", partition);
  return out;
}

std::string DiscardedAs(const std::string& stream, std::uint64_t version, std::int64_t offset) {
  return stream.empty() ? "@" + std::to_string(offset) : stream + "#" + std::to_string(version);
}

std::string DigestOf(std::string_view record) { return seal::Sha256(record); }

Write Discards(const Keys& keys, int partition, const Discarded& d) {
  return Write::HashSet(keys.Discarded(partition), DiscardedAs(d.stream, d.version, d.offset), d.digest);
}

std::string VouchedBy(const std::string& service, std::int64_t offset) {
  return std::to_string(offset) + " " + service;
}

Write Vouches(const Keys& keys, int partition, const std::string& service, const Discarded& d) {
  return Write::HashSet(keys.Vouched(partition), VouchedBy(service, d.offset),
                        std::to_string(d.own_records) + " " + Word(d.digest));
}

std::optional<std::uint64_t> Vouched(std::string_view value, const std::string& digest) {
  const auto words = Words(value);
  if (words.size() != 2 || words[1] != digest) return std::nullopt;
  return static_cast<std::uint64_t>(Number(words[0]));
}

std::vector<Write> GoOn(const Keys& keys, int partition, const std::string& child, std::int64_t offset) {
  return {Write::Rewind(keys.Mark(partition, "log"), offset, keys.Fence(partition), keys.Outbox(partition)),
          Write::Delete(keys.Fresh(partition)), Write::HashDelete(keys.Index(partition, "parked"), child),
          Write::Delete(keys.Waiting(partition, child))};
}

}  // namespace stafett::gate
