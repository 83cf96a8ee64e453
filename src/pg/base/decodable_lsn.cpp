// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"
}

#include "pg/base/decodable_lsn.h"

namespace fraiseql::pg {

XLogRecPtr DecodableLsn(TimeLineID* timeline) {
  return RecoveryInProgress() ? GetXLogReplayRecPtr(timeline) : GetFlushRecPtr(timeline);
}

XLogRecPtr DecodableLsn() {
  TimeLineID timeline = 0;
  return DecodableLsn(&timeline);
}

}  // namespace fraiseql::pg
