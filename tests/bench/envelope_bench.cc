// An envelope to the bytes of its record and back, beside its floor: protobuf alone, with the same bytes.
#include "lib/gate/envelope.h"

#include <benchmark/benchmark.h>

#include "stafett/common/v1/record.pb.h"

namespace stafett::gate {
namespace {

Envelope Note() {
  Envelope e;
  e.type = "no.stafett.cases.note-written.v1";
  e.child = "ch-aaaaaaaaaaaaaaaaaaaaaaaaaa";
  e.stream = "cases/" + e.child;
  e.version = 300;
  e.event_id = EventId(e.stream, e.version);
  e.recorded = Time{1'795'000'000'000};
  e.request_id = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
  e.request_scope = "974760673";
  e.request_hash = std::string(64, 'a');
  e.actor = {"p-4tz8vq", "TEACHER", "u-1", "974760673", "914764532", "skole-record-system"};
  e.purpose = "follow-up";
  e.subject = "ca-aaaaaaaaaaaaaaaaaaaaaaaaaa";
  e.inputs = 7;
  e.sealed = seal::Box{seal::kXChaCha20Poly1305, "k-1", std::string(24, 'n'), std::string(360, 'c')};
  return e;
}

void EncodeNote(benchmark::State& state) {
  const auto note = Note();
  for (auto _ : state) benchmark::DoNotOptimize(Encode(note));
}
BENCHMARK(EncodeNote);

void FloorOfEncodeNote(benchmark::State& state) {
  common::v1::Record record;
  if (!record.ParseFromString(Encode(Note()))) state.SkipWithError("no record");
  for (auto _ : state) benchmark::DoNotOptimize(record.SerializeAsString());
}
BENCHMARK(FloorOfEncodeNote);

void DecodeNote(benchmark::State& state) {
  const auto bytes = Encode(Note());
  for (auto _ : state) benchmark::DoNotOptimize(Decode(bytes));
}
BENCHMARK(DecodeNote);

void FloorOfDecodeNote(benchmark::State& state) {
  const auto bytes = Encode(Note());
  for (auto _ : state) {
    common::v1::Record record;
    benchmark::DoNotOptimize(record.ParseFromString(bytes));
    benchmark::DoNotOptimize(record);
  }
}
BENCHMARK(FloorOfDecodeNote);

}  // namespace
}  // namespace stafett::gate
