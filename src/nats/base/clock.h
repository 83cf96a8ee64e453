// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <chrono>
#include <cstdint>

namespace fraiseql::nats {

// Of a clock that never jumps.
inline int64_t SteadyMs() {
  using std::chrono::steady_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace fraiseql::nats
