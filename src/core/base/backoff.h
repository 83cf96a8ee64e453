// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstdint>

namespace fraiseql {

// The delay before the next attempt: doubling, bounded.  There is no jitter, because each database
// has only a few workers.  Milliseconds.
class Backoff {
 public:
  Backoff(int64_t min_ms, int64_t max_ms) : min_(min_ms), max_(std::max(min_ms, max_ms)) {}

  // The delay before the next attempt.
  int64_t Next() {
    current_ = current_ == 0 ? min_ : std::min(max_, current_ * 2);
    return current_;
  }

  void Reset() { current_ = 0; }

 private:
  int64_t min_;
  int64_t max_;
  int64_t current_ = 0;  // 0: nothing has failed since Reset()
};

}  // namespace fraiseql
