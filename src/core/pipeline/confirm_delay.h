// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "core/pipeline/stream_mark.h"

namespace fraiseql {

// What the slot may be told, and where one that goes on from there would have to look.
struct Confirmable {
  uint64_t lsn = 0;
  StreamMark mark;
};

// Holds back what may be confirmed for a while: a broker that loses what it had acknowledged, with
// its machine say, is then sent it again.  Worker's main thread only; milliseconds.
class ConfirmDelay {
 public:
  void SetDelay(int64_t delay_ms) { delay_ms_ = delay_ms; }
  bool on() const { return delay_ms_ > 0; }

  // How many are held back at most: what comes soon after another one waits for the next chance.
  static constexpr int kMost = 64;
  bool IsDue(int64_t now_ms) const {
    return waiting_.empty() || now_ms - waiting_.back().since_ms >= delay_ms_ / kMost;
  }
  void Add(Confirmable confirmable, int64_t now_ms) {
    waiting_.push_back({now_ms, std::move(confirmable)});
  }

  // The latest that has waited long enough since the last call; false if there is none.
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
