// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>

extern "C" {
#include "datatype/timestamp.h"
}

namespace fraiseql::pg {

// The changes of observed tables that a restore has made, which are not published.
class WithheldChanges {
 public:
  void Count() { ++count_; }

  // Logs from time to time how many there were since the last report: a dump with INSERT statements
  // has a transaction for each row.
  void Report();

 private:
  uint64_t count_ = 0;
  TimestampTz reported_at_ = 0;
};

}  // namespace fraiseql::pg
