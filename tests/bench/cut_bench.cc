// Taking out of an event what a recipient may not see, beside its floor: the same bytes are parsed and written again.
// A note of five sections, of which the recipient may see two.
#include <benchmark/benchmark.h>

#include "disclosure/adapters/cut.h"
#include "stafett/cases/v1/case_events.pb.h"

namespace stafett::disclosure::adapters {
namespace {

constexpr char kType[] = "no.stafett.cases.note-written.v1";

std::string Note() {
  cases::v1::NoteWritten note;
  note.set_case_id("ca-aaaaaaaaaaaaaaaaaaaaaaaaaa");
  note.set_author("p-4tz8vq");
  note.set_author_recipient("r-8hq2mz");
  for (const auto category :
       {common::v1::EDUC, common::v1::PLAN, common::v1::CONCERN, common::v1::HEALTHD, common::v1::LOG}) {
    auto* section = note.add_sections();
    section->set_section_category(category);
    section->set_text(std::string(240, 'x'));
  }
  return note.SerializeAsString();
}

policy::CategorySet Allowed() {
  using enum policy::Category;
  return policy::CategorySet{}.With(kExist).With(kPlan).With(kEduc);
}

void CutNote(benchmark::State& state) {
  const auto bytes = Note();
  const auto type = FindEventType(kType);
  for (auto _ : state) {
    auto message = ParseEvent(*type, bytes);
    Cut(*message, Allowed());
    benchmark::DoNotOptimize(message->SerializeAsString());
  }
}
BENCHMARK(CutNote);

void FloorOfCutNote(benchmark::State& state) {
  const auto bytes = Note();
  for (auto _ : state) {
    cases::v1::NoteWritten message;
    benchmark::DoNotOptimize(message.ParseFromString(bytes));
    benchmark::DoNotOptimize(message.SerializeAsString());
  }
}
BENCHMARK(FloorOfCutNote);

}  // namespace
}  // namespace stafett::disclosure::adapters
