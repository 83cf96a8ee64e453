// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace fraiseql {

// One thing that is done for each message.  Both programs run the same ones: encoder_benchmark
// measures their time, encoder_instructions counts their instructions.
struct MicroCase {
  std::string name;
  std::function<void()> run;
};

// They use their buffers again, as the worker does: run one once before it is measured.
std::vector<MicroCase> MicroCases();

}  // namespace fraiseql
