// Sealing a content under its child's key and opening it, beside its floor: the same bytes are copied.
#include <benchmark/benchmark.h>

#include "lib/seal/seal.h"

namespace stafett::seal {
namespace {

constexpr char kBound[] = "cases/ch-aaaaaaaaaaaaaaaaaaaaaaaaaa/300/no.stafett.cases.note-written.v1";

void Floor(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    std::string copy(text);
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
}

void SealContent(benchmark::State& state) {
  const auto key = NewDataKey();
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(Seal(key, text, kBound));
}
BENCHMARK(SealContent)->ArgName("bytes")->Arg(300)->Arg(8000);

void FloorOfSealContent(benchmark::State& state) { Floor(state); }
BENCHMARK(FloorOfSealContent)->ArgName("bytes")->Arg(300)->Arg(8000);

void OpenContent(benchmark::State& state) {
  const auto key = NewDataKey();
  const auto box = Seal(key, std::string(static_cast<std::size_t>(state.range(0)), 'x'), kBound);
  for (auto _ : state) {
    auto text = Open(key, box, kBound);
    if (!text) state.SkipWithError("it does not open");
    benchmark::DoNotOptimize(text);
  }
}
BENCHMARK(OpenContent)->ArgName("bytes")->Arg(300)->Arg(8000);

void FloorOfOpenContent(benchmark::State& state) { Floor(state); }
BENCHMARK(FloorOfOpenContent)->ArgName("bytes")->Arg(300)->Arg(8000);

}  // namespace
}  // namespace stafett::seal
