// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <chrono>
#include <cstdint>

namespace fraiseql::nats {

// Reads the monotonic clock.
inline int64_t SteadyUs() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}
inline int64_t SteadyMs() { return SteadyUs() / 1000; }

// Microseconds since 1970.
inline int64_t WallClockUs() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace fraiseql::nats
