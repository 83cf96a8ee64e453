// SPDX-License-Identifier: PostgreSQL
//
// How long each case takes on this machine.
#include <benchmark/benchmark.h>

#include "cases.h"

int main(int argc, char** argv) {
  for (const fraiseql::MicroCase& one : fraiseql::MicroCases()) {
    benchmark::RegisterBenchmark(one.name.c_str(), [one](benchmark::State& state) {
      for ([[maybe_unused]] auto iteration : state) {
        one.run();
        benchmark::ClobberMemory();
      }
    });
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
