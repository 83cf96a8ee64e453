// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace fraiseql::nats::test {

// How long a test waits before it says that it waited in vain, in whatever unit it is given: a
// machine that is slow, or busy, takes the environment variable TEST_TIME_FACTOR=3, a number from 1
// to 100.
inline int64_t TimeLimit(int64_t time) {
  static const double factor = [] {
    const char* text = std::getenv("TEST_TIME_FACTOR");
    if (text == nullptr || *text == '\0') return 1.0;
    char* end = nullptr;
    const double number = std::strtod(text, &end);
    if (*end == '\0' && number >= 1 && number <= 100) return number;
    std::fprintf(stderr, "TEST_TIME_FACTOR is \"%s\": it must be a number from 1 to 100\n", text);
    std::exit(2);
  }();
  return std::llround(static_cast<double>(time) * factor);
}

}  // namespace fraiseql::nats::test
