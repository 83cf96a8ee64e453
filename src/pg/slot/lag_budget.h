// SPDX-License-Identifier: PostgreSQL
#pragma once

// How near a slot is to being invalidated, because it keeps more log than max_slot_wal_keep_size
// allows.  Include after postgres.h.

#include <cstdint>

#include "pg/slot/slot.h"

namespace fraiseql::pg {

struct LagBudget {
  bool limited = false;    // there is a limit, and a slot that it can still hit
  int64_t safe_bytes = 0;  // of log that may yet be written, as safe_wal_size in
                           // pg_replication_slots; negative: the next checkpoint invalidates it
  int percent = 0;         // used of what is allowed
};
LagBudget LagBudgetOf(const SlotName& slot);

// Warns in the server log when a good part of the budget is used: once for each step up.
class LagWatch {
 public:
  explicit LagWatch(const SlotName& slot) : slot_(slot) {}
  // Looks at most once a second.
  void Run(int64_t now_ms);

 private:
  const SlotName slot_;
  int64_t looked_ms_ = INT64_MIN / 2;
  int warned_percent_ = 0;  // the step that was warned of last; 0: none
};

}  // namespace fraiseql::pg
