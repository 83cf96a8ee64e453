// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "core/pipeline/stream_mark.h"

namespace fraiseql {

// What the slot may be confirmed to, and the mark for a process that resumes there.
struct Confirmable {
  uint64_t lsn = 0;
  StreamMark mark;
};

// Delays what may be confirmed: a broker that loses acknowledged messages, for example because its
// machine fails, receives them again.  Worker's main thread only; milliseconds.
class ConfirmDelay {
 public:
  void SetDelay(int64_t delay_ms) { delay_ms_ = delay_ms; }
  bool on() const { return delay_ms_ > 0; }

  // The most that wait at a time.  One that comes too soon after another is not added.
  static constexpr int kMost = 64;
  bool IsDue(int64_t now_ms) const {
    return waiting_.empty() || now_ms - waiting_.back().since_ms >= delay_ms_ / kMost;
  }
  void Add(Confirmable confirmable, int64_t now_ms) {
    waiting_.push_back({now_ms, std::move(confirmable)});
  }

  // Takes the latest that has waited long enough; false if there is none.
  bool Take(int64_t now_ms, Confirmable* confirmable) {
    bool found = false;
    while (!waiting_.empty() && now_ms - waiting_.front().since_ms >= delay_ms_) {
      *confirmable = std::move(waiting_.front().confirmable);
      waiting_.pop_front();
      found = true;
    }
    return found;
  }

 private:
  struct Waiting {
    int64_t since_ms;
    Confirmable confirmable;
  };
  int64_t delay_ms_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace fraiseql
