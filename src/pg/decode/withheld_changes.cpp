// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "utils/timestamp.h"
}

#include "pg/decode/withheld_changes.h"

namespace fraiseql::pg {

void WithheldChanges::Report() {
  constexpr int kIntervalMs = 10000;
  if (count_ == 0) return;
  const TimestampTz now = GetCurrentTimestamp();
  if (!TimestampDifferenceExceeds(reported_at_, now, kIntervalMs)) return;
  ereport(LOG, (errmsg("changes that a restore has made are not published: " UINT64_FORMAT,
                       static_cast<uint64>(count_)),
                errhint("CALL fraiseql_nats.backfill(...) publishes rows that are there.")));
  count_ = 0;
  reported_at_ = now;
}

}  // namespace fraiseql::pg
