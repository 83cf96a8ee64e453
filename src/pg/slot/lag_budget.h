// SPDX-License-Identifier: PostgreSQL
#pragma once

// How close a slot is to being invalidated because it keeps more log than max_slot_wal_keep_size
// allows.  Include after postgres.h.

#include <cstdint>
#include <string>

#include "pg/slot/slot.h"

namespace fraiseql::pg {

struct LagBudget {
  bool limited = false;    // a limit is set, and the slot is not invalidated yet
  int64_t safe_bytes = 0;  // like safe_wal_size; negative: the next checkpoint invalidates it
  int percent = 0;         // used part of the limit
};
LagBudget LagBudgetOf(const SlotName& slot);

// Warns in the server log when usage reaches 50, 80 and 95 percent: once for each step up.
class LagWatch {
 public:
  explicit LagWatch(const SlotName& slot) : slot_(slot) {}
  // Checks at most once a second.  `stream`: its name at the broker; empty: not known yet.
  void Run(int64_t now_ms, const std::string& stream);

 private:
  const SlotName slot_;
  int64_t looked_ms_ = INT64_MIN / 2;
  int warned_percent_ = 0;  // the step of the last warning; 0: none
};

}  // namespace fraiseql::pg
