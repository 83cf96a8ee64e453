// SPDX-License-Identifier: PostgreSQL
#pragma once

// Counts in shared memory that outlive the worker that writes them.  Include after postgres.h.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/base/counter.h"

namespace fraiseql::pg {

// The first kCounts members of `Counts` are counts; others are kept as they are.  Only the worker
// writes `now`; what has to be added to it is `before`, under SharedState::lock.  So a reset, which
// any session may ask for, does not touch what the worker writes.
template <typename Counts>
struct KeptCounts {
  static constexpr size_t kMembers = sizeof(Counts) / sizeof(Counter);
  static_assert(sizeof(Counts) == kMembers * sizeof(Counter) && std::is_standard_layout_v<Counts>);

  Counts now;
  uint64_t before[Counts::kCounts];  // modulo 2^64

  static Counter* Members(Counts* counts) { return reinterpret_cast<Counter*>(counts); }

  // REQUIRES: lock.
  Counts Shown() const {
    Counts shown = now;
    for (size_t i = 0; i < Counts::kCounts; ++i) {
      Members(&shown)[i].Set(Members(&shown)[i].Get() + before[i]);
    }
    return shown;
  }

  // From now on it counts from 0.  REQUIRES: lock, exclusive.
  void Reset() {
    for (size_t i = 0; i < Counts::kCounts; ++i) before[i] = 0 - Members(&now)[i].Get();
  }

  // Goes on from these numbers.  REQUIRES: lock, exclusive, and no worker.
  void Begin(const Counts& numbers) {
    now = numbers;
    for (size_t i = 0; i < Counts::kCounts; ++i) {
      before[i] = Members(&now)[i].Get();
      Members(&now)[i].Set(0);
    }
  }
};

}  // namespace fraiseql::pg
