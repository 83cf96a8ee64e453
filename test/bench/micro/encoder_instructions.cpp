// SPDX-License-Identifier: PostgreSQL
//
// For callgrind: runs each case a number of times and has the instructions of each written to a
// file of its own, under the name of the case.  See `instructions.py`.
#include <valgrind/callgrind.h>

#include <cstdlib>

#include "cases.h"

int main(int argc, char** argv) {
  const long count = argc == 2 ? std::atol(argv[1]) : 0;
  for (const fraiseql::MicroCase& one : fraiseql::MicroCases()) {
    one.run();
    CALLGRIND_ZERO_STATS;
    CALLGRIND_TOGGLE_COLLECT;
    for (long i = 0; i < count; ++i) one.run();
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(one.name.c_str());
  }
  return 0;
}
