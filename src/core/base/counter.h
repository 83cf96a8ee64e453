// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <atomic>
#include <cstdint>

namespace fraiseql {

// A number that one thread of one process writes, and others, also of other processes, read at any
// time without a lock.  All bytes 0: the number 0.
class Counter {
 public:
  Counter() = default;
  explicit Counter(uint64_t value) : value_(value) {}
  Counter(const Counter& other) : value_(other.Get()) {}
  Counter& operator=(const Counter& other) {
    Set(other.Get());
    return *this;
  }

  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }
  // Only the one writer calls these.  There being one, an addition needs no locked instruction.
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(uint64_t number) { Set(Get() + number); }

 private:
  std::atomic<uint64_t> value_{0};
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
};

}  // namespace fraiseql
